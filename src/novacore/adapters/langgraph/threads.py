"""The threads of one store: found by name, folded once, kept while they are used."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from novacore import journal
from novacore.adapters.errors import NameTooLong, ThreadBusy, ThreadTaken
from novacore.adapters.langgraph.config import Config
from novacore.adapters.langgraph.fold import Row
from novacore.adapters.langgraph.rewriting import Rewriting
from novacore.adapters.langgraph.thread import WORKSPACE, ByteCache, Thread, run_actor

_PREFIX = "thread:"
_NAME_BYTES_MAX = 1_024


class Threads:
    """What the saver keeps in memory; shared by its clones. May be used from any thread."""

    def __init__(self, store: journal.Store, config: Config) -> None:
        self.config = config
        self._store = store
        self._cache = ByteCache(config.cache_bytes_max)
        self._kept: OrderedDict[str, Thread] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, thread_id: str) -> Thread | None:
        """A thread, up to date; None: there is none."""
        name = _name_of(thread_id)
        for _ in range(self.config.attempts_max):
            thread = self._lookup(name)
            if thread is None:
                return None
            try:
                with thread.lock:
                    thread.refresh()
                return thread
            except journal.SessionUnknown:
                self.forget(thread_id, thread)
        return None

    def open(self, thread_id: str) -> Thread:
        """A thread, up to date; made where there is none.

        Raises:
            NameTooLong: its id can't be a session's name.
        """
        name = _name_of(thread_id)
        while True:
            thread = self.find(thread_id)
            if thread is not None:
                return thread
            self._keep(name, self._made(self._store.session(name, workspace=WORKSPACE)))

    def list_ids(self) -> list[str]:
        """The ids of all threads."""
        infos = self._store.all_sessions()
        return [info.name[len(_PREFIX) :] for info in infos if info.workspace == WORKSPACE]

    def forget(self, thread_id: str, thread: Thread) -> None:
        """Let go of a thread whose session is gone."""
        self._cache.drop(thread.session.id)
        with self._lock:
            if self._kept.get(_name_of(thread_id)) is thread:
                del self._kept[_name_of(thread_id)]

    def delete(self, thread_id: str) -> None:
        """Destroy a thread: bodies, blobs and name, for good. None there: nothing happens."""
        thread = self.find(thread_id)
        if thread is None:
            return
        with thread.lock:
            thread.wait()
            with contextlib.suppress(journal.SessionUnknown):  # Another process was faster.
                self._store.erase(thread.session.id)
            self.forget(thread_id, thread)

    def append(
        self, thread: Thread, entries: list[journal.NewEntry], *, expected: int
    ) -> Future[journal.Appended]:
        """Queue entries of a locked thread; the future tells when they are durable."""
        future = thread.session.submit(*entries, expected=expected)
        thread.under_way = [each for each in thread.under_way if not each.done()]
        thread.under_way.append(future)
        return future

    def clean(self, thread: Thread) -> None:
        """Erase what a pruning replaced; also what an interrupted one left."""
        if not thread.cut:
            return
        wanted = thread.positions_before(thread.cut)
        if wanted:
            self._store.erase(thread.session.id, positions=wanted)
        thread.has_leftovers = False

    def keep_only(
        self,
        thread_id: str,
        choose: Callable[[Thread], list[Row]],
        *,
        delta_channels: Callable[[Thread, Row], Sequence[str]],
    ) -> None:
        """Destroy all checkpoints of a thread but those chosen, which keep all that they need.

        Raises:
            ThreadBusy: other processes kept writing to it; it is as it was.
        """
        for _ in range(self.config.attempts_max):
            thread = self.find(thread_id)
            if thread is None:
                return
            with thread.lock:
                thread.wait()
                thread.refresh()
                rows = choose(thread)
                if len(rows) == len(thread.all_rows()):
                    self.clean(thread)
                    return
                if not rows and not thread.early:
                    self.delete(thread_id)
                    return
                try:
                    self._rewrite(thread, thread, rows, delta_channels=delta_channels, cut=True)
                except journal.PositionConflict:
                    continue
                self.clean(thread)
                return
        raise ThreadBusy(thread_id)

    def copy(
        self,
        source_id: str,
        target_id: str,
        *,
        delta_channels: Callable[[Thread, Row], Sequence[str]],
    ) -> None:
        """Copy all checkpoints and writes of a thread to one that has none.

        Raises:
            ThreadTaken: the target has checkpoints.
            ThreadBusy: other processes kept writing to the target; nothing was copied.
        """
        source = self.find(source_id)
        if source is None or not source.rows:
            return
        for _ in range(self.config.attempts_max):
            target = self.open(target_id)
            # Always in the same order, or two copies in opposite directions wait for each other.
            first, second = sorted((source, target), key=lambda each: each.session.id)
            with first.lock, second.lock:
                source.wait()
                source.refresh()
                target.refresh()
                if target.rows:
                    raise ThreadTaken(target_id)
                try:
                    self._rewrite(
                        source, target, source.all_rows(), delta_channels=delta_channels, cut=False
                    )
                    return
                except journal.PositionConflict:
                    continue
        raise ThreadBusy(target_id)

    def has_run(self, thread: Thread, actors: frozenset[str]) -> bool:
        """Whether one of these runs wrote a checkpoint of a thread."""
        return any(actor in actors for _, actor in thread.runs())

    def _rewrite(
        self,
        source: Thread,
        target: Thread,
        rows: list[Row],
        *,
        delta_channels: Callable[[Thread, Row], Sequence[str]],
        cut: bool,
    ) -> None:
        rewriting = Rewriting(
            source,
            target=target,
            delta_channels=lambda row: delta_channels(source, row),
            config=self.config,
        )
        rewriting.run(rows, early=source.early, cut=cut)
        target.refresh()

    def _lookup(self, name: str) -> Thread | None:
        with self._lock:
            thread = self._kept.get(name)
            if thread is not None:
                self._kept.move_to_end(name)
                return thread
        try:
            session = self._store.get_session(name, workspace=WORKSPACE)
        except journal.SessionUnknown:
            return None
        return self._keep(name, self._made(session))

    def _made(self, session: journal.Session) -> Thread:
        return Thread(session, self._cache, index_entries=self.config.index_entries)

    def _keep(self, name: str, thread: Thread) -> Thread:
        """Keep a thread; where another caller was faster, theirs is the one."""
        with self._lock:
            known = self._kept.setdefault(name, thread)
            while len(self._kept) > self.config.threads_max:
                self._kept.popitem(last=False)
        return known


def _name_of(thread_id: str) -> str:
    name = _PREFIX + thread_id
    size = len(name.encode("utf-8", "surrogatepass"))
    if size > _NAME_BYTES_MAX:
        most = _NAME_BYTES_MAX - len(_PREFIX)
        raise NameTooLong("thread id", size_bytes=size - len(_PREFIX), bytes_max=most)
    return name


def actors_of(run_ids: list[str] | tuple[str, ...]) -> frozenset[str]:
    """The actors of these runs' checkpoints."""
    return frozenset(run_actor(run_id) for run_id in run_ids)
