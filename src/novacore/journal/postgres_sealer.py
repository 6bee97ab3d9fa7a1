"""Seals sessions beside the appends: a thread that begins when there is something to seal."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from novacore.journal import postgres_seal
from novacore.journal.config import Config
from novacore.journal.errors import Corrupt, JournalError
from novacore.journal.postgres_append import Touched
from novacore.journal.postgres_connect import Database, Pool

_SEAL_AT_CLOSE = 8
"""A session with this many unsealed entries is sealed when the store closes."""
_KNOWN_MAX = 10_000
"""More sessions are not remembered for closing."""
_IDLE_S = 5.0


class Sealer:
    """What is to be sealed, and the thread that does it. Failing to seal loses nothing."""

    def __init__(self, pool: Pool, config: Config) -> None:
        self._pool = pool
        self._config = config
        self._state = threading.Condition()
        self._due: OrderedDict[bytes, None] = OrderedDict()
        self._unsealed: OrderedDict[bytes, int] = OrderedDict()
        self._damaged: set[bytes] = set()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def add(self, touched: Iterable[Touched]) -> None:
        """Take note of sessions that grew."""
        limit, size_max = self._config.seal_entries, self._config.seal_bytes
        with self._state:
            for each in touched:
                self._unsealed[each.session] = each.unsealed
                self._unsealed.move_to_end(each.session)
                is_long = each.unsealed >= limit or each.tail_bytes >= size_max
                if is_long and each.session not in self._damaged:
                    self._due[each.session] = None
            while len(self._unsealed) > _KNOWN_MAX:
                self._unsealed.popitem(last=False)

    def wake(self) -> None:
        """Let the thread begin, if there is something to do."""
        with self._state:
            if not self._due or self._is_closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nova-seal", daemon=True)
                self._thread.start()
            self._state.notify_all()

    def _run(self) -> None:
        while True:
            with self._state:
                if not self._due and not self._is_closed:
                    self._state.wait(_IDLE_S)
                if not self._due:
                    self._thread = None
                    return
                session, _ = self._due.popitem(last=False)
            self._seal(session)

    def _seal(self, session: bytes) -> None:
        def work(database: Database) -> bool:
            return postgres_seal.seal(database, session, bytes_max=self._config.segment_bytes_max)

        try:
            if self._pool.run(work, "sealing"):
                with self._state:
                    self._unsealed.pop(session, None)
        except Corrupt:
            self._damaged.add(session)
        except JournalError:
            # The next append to the session asks again.
            return

    def close(self) -> None:
        """Finish what is due, and seal what is long enough to be worth it."""
        with self._state:
            self._is_closed = True
            thread = self._thread
            self._state.notify_all()
        if thread is not None:
            thread.join()
        for session, count in list(self._unsealed.items()):
            if count >= _SEAL_AT_CLOSE and session not in self._damaged:
                self._seal(session)
