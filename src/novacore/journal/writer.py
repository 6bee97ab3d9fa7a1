"""Group commit: many callers, one commit at a time, each append acknowledged when it is durable.

The first caller that finds no commit under way leads: it commits what is queued, its own append
among it, on its own thread, so that a lone caller pays for no hand-over. What queues meanwhile is
the next group. Callers that only want a future leave the lead to a thread that starts when needed.
"""

import threading
from collections import deque

from novacore.journal.config import Config
from novacore.journal.errors import QueueFull, StorageFailed, StoreClosed
from novacore.journal.model import Appended
from novacore.journal.store import Engine, Submission


class Writer:
    """The queue in front of one engine. Safe to use from any thread."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self._engine = engine
        self._config = config
        self._state = threading.Condition()
        self._queue: deque[Submission] = deque()
        self._entries = 0
        self._bytes = 0
        self._is_led = False
        self._is_handed = False
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def append(self, submission: Submission) -> Appended:
        """Queue an append and wait until it is durable.

        Raises:
            QueueFull: too much is waiting already; nothing was queued.
            StoreClosed: the store was closed.
            JournalError: the append itself was refused, or the storage failed.
        """
        if self._enqueue(submission):
            self._lead(submission)
        return submission.future.result()

    def submit(self, submission: Submission) -> None:
        """Queue an append; its future tells when it is durable. Raises as `append` does at once."""
        if self._enqueue(submission):
            self._hand_over()

    def close(self) -> None:
        """Refuse new appends and wait for those that are queued."""
        with self._state:
            self._is_closed = True
            self._state.notify_all()
            while self._is_led:
                self._state.wait()

    def _enqueue(self, submission: Submission) -> bool:
        """Queue it; True: the caller leads now."""
        with self._state:
            if self._is_closed:
                raise StoreClosed
            entries = self._entries + len(submission.drafts)
            size = self._bytes + submission.size_bytes
            if self._queue and entries > self._config.queue_entries_max:
                limit = "journal.queue_entries_max"
                raise QueueFull(limit=limit, size=entries, size_max=self._config.queue_entries_max)
            if self._queue and size > self._config.queue_bytes_max:
                limit = "journal.queue_bytes_max"
                raise QueueFull(limit=limit, size=size, size_max=self._config.queue_bytes_max)
            submission.future.set_running_or_notify_cancel()
            self._entries, self._bytes = entries, size
            self._queue.append(submission)
            if self._is_led:
                return False
            self._is_led = True
            return True

    def _lead(self, until: Submission | None) -> None:
        """Commit groups until `until` is done (or nothing is queued), then pass the lead on."""
        try:
            while until is None or not until.future.done():
                with self._state:
                    group = self._take_group()
                if not group:
                    break
                self._commit(group)
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._state:
            if not self._queue:
                self._is_led = False
                self._state.notify_all()
                return
        self._hand_over()

    def _hand_over(self) -> None:
        """Let the thread lead."""
        with self._state:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nova-writer", daemon=True)
                self._thread.start()
            self._is_handed = True
            self._state.notify_all()

    def _run(self) -> None:
        while True:
            with self._state:
                while not self._is_handed:
                    if self._is_closed and not self._is_led:
                        return
                    self._state.wait()
                self._is_handed = False
            self._lead(None)

    def _take_group(self) -> list[Submission]:
        group: list[Submission] = []
        entries = 0
        while self._queue and entries < self._config.group_entries_max:
            submission = self._queue.popleft()
            entries += len(submission.drafts)
            self._bytes -= submission.size_bytes
            group.append(submission)
        self._entries -= entries
        return group

    def _commit(self, group: list[Submission]) -> None:
        try:
            self._engine.commit(group)()
        except Exception as error:  # noqa: BLE001 - handed to every caller of the group
            _fail(group, error)
        except BaseException:
            _fail(
                group, StorageFailed("The append was interrupted; whether it was stored is open.")
            )
            raise


def _fail(group: list[Submission], error: Exception) -> None:
    for submission in group:
        if not submission.future.done():
            submission.future.set_exception(error)
