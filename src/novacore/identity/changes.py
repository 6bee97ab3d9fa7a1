"""What other processes must forget: a counter in the database that each looks at twice a second.

A process may trust what it remembers for one second after it last looked; if the database does
not answer, it trusts nothing.
"""

import contextlib
import threading
import weakref
from collections.abc import Callable, Generator
from typing import Final

import sqlalchemy

from novacore import database, kit
from novacore.identity.tables import CHANGE, STATE

EVERYBODY: Final = ""
"""Instead of an account: all must be looked up anew."""

_LOOK_EVERY_S: Final = 0.4
_TRUST_S: Final = 1.0
_READ_MAX: Final = 1_000

Forget = Callable[[frozenset[str]], None]
"""Is given the accounts to forget; `EVERYBODY` among them: all."""


class Changes:
    """Transactions after whose commit every process forgets an account, this one at once."""

    def __init__(self, db: database.Database, *, clock: kit.Clock) -> None:
        self._database = db
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each commit, in the thread that committed."""
        self._listeners.append(listener)

    @contextlib.contextmanager
    def of(self, account_id: str) -> Generator[sqlalchemy.Connection]:
        """A transaction that changes what others remember of an account, or of `EVERYBODY`.

        It begins by taking the lock that gives generations out in the order of commits. As all
        take that one first, none wait for each other in a circle.
        """
        with self._database.begin() as connection:
            generation = connection.execute(
                STATE.update()
                .values(generation=STATE.c.generation + 1)
                .returning(STATE.c.generation)
            ).scalar_one()
            connection.execute(
                CHANGE.insert().values(
                    generation=generation, account_id=account_id, at_us=self._clock.now_us()
                )
            )
            yield connection
        for listener in self._listeners:
            listener()


class Watch:
    """Looks for changes, in a thread of its own while somebody asks.

    Args:
        db: the database.
        clock: for the age of what was seen.
        forget: called in order, once for each look that found something.
        tend: called after each look in the background, for what need not be done at once.
    """

    def __init__(
        self,
        db: database.Database,
        *,
        clock: kit.Clock,
        forget: Forget,
        tend: Callable[[], None],
    ) -> None:
        self._database = db
        self._clock = clock
        self._forget = forget
        self.tend = tend
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._looked_at_s: float | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def generation(self) -> int | None:
        """The newest generation that was seen; None: never looked."""
        return self._seen

    @property
    def is_fresh(self) -> bool:
        """Whether what is remembered may be trusted now. Never waits."""
        looked_at_s = self._looked_at_s
        return looked_at_s is not None and self._clock.monotonic_s() - looked_at_s < _TRUST_S

    def look(self) -> None:
        """Look now, and forget what changed.

        Raises:
            DatabaseUnavailable: nothing may be trusted then.
        """
        with self._lock:
            began_s = self._clock.monotonic_s()
            seen, accounts = self._read()
            if accounts:
                self._forget(accounts)
            self._seen, self._looked_at_s = seen, began_s

    def look_again(self) -> None:
        """Look now, if anything is remembered."""
        if self._seen is not None:
            # The next who asks finds out that the database is away.
            with contextlib.suppress(database.DatabaseError):
                self.look()

    def start(self) -> None:
        """Look in the background from now on; once."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(
                    target=_keep_looking,
                    args=(weakref.ref(self), self._ended),
                    name="nova-identity-watch",
                    daemon=True,
                )
                self._thread.start()

    def close(self) -> None:
        """Stop looking. Idempotent."""
        self._ended.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _read(self) -> tuple[int, frozenset[str]]:
        with self._database.read() as connection:
            seen: int = connection.execute(sqlalchemy.select(STATE.c.generation)).scalar_one()
            if self._seen is None:
                return seen, frozenset({EVERYBODY})
            if seen == self._seen:
                return seen, frozenset()
            found = connection.execute(
                sqlalchemy.select(CHANGE.c.account_id)
                .where(CHANGE.c.generation > self._seen, CHANGE.c.generation <= seen)
                .limit(_READ_MAX)
            )
            accounts = list(found.scalars())
        # Some of the changes were cleaned up, or there are too many: forget all.
        is_all = len(accounts) == seen - self._seen
        return seen, frozenset(accounts) if is_all else frozenset({EVERYBODY})


def _keep_looking(watch: "weakref.ref[Watch]", ended: threading.Event) -> None:
    while not ended.wait(_LOOK_EVERY_S):
        found = watch()
        if found is None:
            return
        # What failed leaves the memory untrusted; whoever asks next looks itself and is told.
        with contextlib.suppress(database.DatabaseError):
            found.look()
            found.tend()
        del found
