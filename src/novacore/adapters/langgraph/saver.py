"""LangGraph's checkpoints on the journal."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from novacore import journal
from novacore.adapters.errors import ConfigIncomplete, ThreadBusy
from novacore.adapters.langgraph import packing
from novacore.adapters.langgraph.config import Config
from novacore.adapters.langgraph.fold import Row
from novacore.adapters.langgraph.history import history_of
from novacore.adapters.langgraph.putting import Put, plan_put, plan_writes
from novacore.adapters.langgraph.thread import Thread
from novacore.adapters.langgraph.threads import Threads, actors_of

_CONFLICTS = (journal.PositionConflict, journal.IdConflict, journal.SessionUnknown)
"""Another process wrote to the thread, or deleted it, between our look and our append."""
_VERSION_DIGITS = 12


class JournalSaver(BaseCheckpointSaver[str]):
    """A checkpointer whose threads are sessions of a journal; may be shared between threads.

    A checkpoint is durable when `put` returns, and all of it or none is there. A channel's value
    is stored once a version, and as what changed where that is little, so that a conversation
    grows with what is said, not with its square. Deleting, pruning and deleting runs destroy the
    bytes. The journal stays yours to close. Several processes may use one thread.

    Args:
        store: the journal, as `novacore.open` gives it.
        serde: how values become bytes; None: LangGraph's own.
        config: limits; None: the defaults.

    Example:
        >>> import novacore
        >>> from novacore.adapters.langgraph import JournalSaver
        >>> with novacore.open("agents") as store:
        ...     saver = JournalSaver(store)
        ...     saver.get_tuple({"configurable": {"thread_id": "ada"}}) is None
        True
    """

    def __init__(
        self,
        store: journal.Store,
        *,
        serde: SerializerProtocol | None = None,
        config: Config | None = None,
    ) -> None:
        super().__init__(serde=serde)
        self._threads = Threads(store, config or Config())

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that a config names, or the newest of its namespace; None: none is there.

        Raises:
            ValueErased: a part of it was erased, by `nova erase` for instance.
        """
        thread_id, namespace = _place(config)
        thread = self._threads.find(thread_id)
        if thread is None:
            return None
        with thread.lock:
            wanted = get_checkpoint_id(config)
            row = thread.find(namespace, wanted) if wanted else thread.latest(namespace)
            return self._tuple(thread_id, thread, row) if row else None

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints that match, newest first.

        Args:
            config: of this thread, and its namespace and checkpoint where it names them; None:
                of all threads.
            filter: metadata that must be equal.
            before: only those older than the checkpoint that it names.
            limit: at most so many; None: all.

        Cost: linear in the checkpoints of the threads looked at; values are read one by one.
        """
        left = limit
        for thread_id, thread, row in self._matching(config, before):
            if left is not None and left <= 0:
                return
            with thread.lock:
                if thread.find(row.namespace, row.id) is not row:
                    continue  # It was deleted, or put anew, while this list was being read.
                if filter and not _matches(self._metadata(thread, row), filter):
                    continue
                found = self._tuple(thread_id, thread, row)
            if left is not None:
                left -= 1
            yield found

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; durable on return, all of it or nothing. A retry writes nothing.

        Raises:
            EntryRefused: a value is over a limit of the journal.
            QueueFull, StorageFailed: not now; nothing was written.
            ThreadBusy: other processes kept writing to the thread.
        """
        put = self._make_put(config, checkpoint, metadata, new_versions)
        for _ in range(self._threads.config.attempts_max):
            thread, future = self._begin_put(put)
            try:
                return self._end_put(put, thread, future.result() if future else None)
            except _CONFLICTS:
                continue
        raise ThreadBusy(put.thread_id)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote, durably. What is known of a task already is not stored again."""
        for _ in range(self._threads.config.attempts_max):
            future = self._begin_writes(config, writes, task_id, task_path)
            try:
                if future is not None:
                    future.result()
                return
            except _CONFLICTS:
                continue
        raise ThreadBusy(_place(config)[0])

    def delete_thread(self, thread_id: str) -> None:
        """Destroy a thread with all namespaces, for good; a copy of it stays."""
        self._threads.delete(str(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Destroy the checkpoints of these runs, with what was written to them, in all threads.

        Values that other checkpoints share stay, and so do those of delta channels that were
        built on what these runs wrote.

        Cost: reads the headers of all threads.
        """
        actors = actors_of(tuple(run_ids))
        for thread_id in self._threads.list_ids() if actors else ():
            thread = self._threads.find(thread_id)
            if thread is None or not self._threads.has_run(thread, actors):
                continue
            self._threads.keep_only(
                thread_id,
                lambda held: [row for row in held.all_rows() if held.actor(row) not in actors],
                delta_channels=self._delta_channels,
            )

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all checkpoints and writes to a thread that has none. Later each lives alone.

        Raises:
            ThreadTaken: the target has checkpoints.
        """
        self._threads.copy(
            str(source_thread_id), str(target_thread_id), delta_channels=self._delta_channels
        )

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Destroy older checkpoints of these threads, for good.

        Delta channels stay whole: what they are rebuilt from is kept with the newest checkpoint.

        Args:
            thread_ids: the threads; one that is not there is passed over.
            strategy: `keep_latest` leaves the newest of each namespace, `delete` leaves none.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"strategy is {strategy!r}; expected 'keep_latest' or 'delete'")
        for thread_id in thread_ids:
            if strategy == "delete":
                self._threads.delete(str(thread_id))
            else:
                self._threads.keep_only(
                    str(thread_id), _newest, delta_channels=self._delta_channels
                )

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """For each channel the writes since its value was last stored, and that value."""
        thread_id, namespace = _place(config)
        empty: dict[str, DeltaChannelHistory] = {channel: {"writes": []} for channel in channels}
        thread = self._threads.find(thread_id)
        if thread is None or not channels:
            return empty
        with thread.lock:
            wanted = get_checkpoint_id(config)
            row = thread.find(namespace, wanted) if wanted else thread.latest(namespace)
            if row is None:
                return empty
            for channel, found in history_of(thread, row, channels).items():
                loads = self.serde.loads_typed
                empty[channel]["writes"] = [
                    (task, channel, loads(typed)) for task, typed in found.writes
                ]
                if found.seed is not None:
                    empty[channel]["seed"] = loads(thread.bytes_at(found.seed))
            return empty

    def get_next_version(self, current: str | None, channel: None) -> str:
        """A version above `current`. Its end is random: two branches never share a version."""
        whole = str(current).split(".")[0] if current is not None else "0"
        digits = len(whole) if isinstance(current, str) else _VERSION_DIGITS
        return f"{int(whole) + 1:0{digits}d}.{random.getrandbits(32):08x}"

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """`get_tuple`, without holding up the event loop."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """`list`, without holding up the event loop."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (each := await asyncio.to_thread(next, found, None)) is not None:
            yield each

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """`put`, without holding up the event loop, or a thread while the disk is waited for."""
        put = await asyncio.to_thread(self._make_put, config, checkpoint, metadata, new_versions)
        for _ in range(self._threads.config.attempts_max):
            thread, future = await asyncio.to_thread(self._begin_put, put)
            try:
                done = await asyncio.wrap_future(future) if future else None
                return self._end_put(put, thread, done)
            except _CONFLICTS:
                continue
        raise ThreadBusy(put.thread_id)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """`put_writes`, without holding up the event loop."""
        for _ in range(self._threads.config.attempts_max):
            future = await asyncio.to_thread(self._begin_writes, config, writes, task_id, task_path)
            try:
                if future is not None:
                    await asyncio.wrap_future(future)
                return
            except _CONFLICTS:
                continue
        raise ThreadBusy(_place(config)[0])

    async def adelete_thread(self, thread_id: str) -> None:
        """`delete_thread`, without holding up the event loop."""
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """`delete_for_runs`, without holding up the event loop."""
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """`copy_thread`, without holding up the event loop."""
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """`prune`, without holding up the event loop."""
        await asyncio.to_thread(self.prune, thread_ids, strategy=strategy)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """`get_delta_channel_history`, without holding up the event loop."""
        return await asyncio.to_thread(
            self.get_delta_channel_history, config=config, channels=channels
        )

    def _make_put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Put:
        """A checkpoint serialised: what needs no look at the thread."""
        thread_id, namespace = _place(config)
        state = {key: value for key, value in checkpoint.items() if key != "channel_values"}
        facts = cast(dict[str, Any], get_serializable_checkpoint_metadata(config, metadata))
        dumps = self.serde.dumps_typed
        return Put(
            thread_id=thread_id,
            namespace=namespace,
            id=checkpoint["id"],
            parent=get_checkpoint_id(config),
            run_id=facts.get("run_id"),
            state=dumps(state),
            metadata=dumps(facts),
            values=checkpoint["channel_values"],
            versions=checkpoint["channel_versions"],
            new_versions=new_versions,
            dumps=dumps,
        )

    def _begin_put(self, put: Put) -> tuple[Thread, Future[journal.Appended] | None]:
        thread = self._threads.open(put.thread_id)
        with thread.lock:
            thread.wait()
            thread.refresh()
            if thread.has_leftovers:
                self._threads.clean(thread)
            versions = self._parent_versions(thread, put)
            plan = plan_put(put, thread, versions, config=self._threads.config)
            if not plan.entries:
                return thread, None
            put.fresh = plan.fresh
            return thread, self._threads.append(thread, plan.entries, expected=plan.expected)

    def _end_put(self, put: Put, thread: Thread, done: journal.Appended | None) -> RunnableConfig:
        if done is not None:
            for position, typed in zip(done.positions, put.fresh, strict=False):
                thread.remember(position, typed)
        return _config(put.thread_id, put.namespace, put.id)

    def _begin_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> Future[journal.Appended] | None:
        thread_id, namespace = _place(config)
        checkpoint_id = get_checkpoint_id(config)
        if checkpoint_id is None:
            raise ConfigIncomplete("checkpoint_id")
        typed = [
            (WRITES_IDX_MAP.get(channel, index), channel, self.serde.dumps_typed(value))
            for index, (channel, value) in enumerate(writes)
        ]
        thread = self._threads.open(thread_id)
        with thread.lock:
            entry = plan_writes(
                thread, (namespace, checkpoint_id), typed, task=task_id, path=task_path
            )
            if entry is None:
                return None
            return self._threads.append(thread, [entry], expected=journal.ANY)

    def _parent_versions(self, thread: Thread, put: Put) -> Mapping[str, Any]:
        parent = thread.find(put.namespace, put.parent) if put.parent else None
        if parent is None:
            return {}
        state = self.serde.loads_typed(packing.unpack_typed(thread.body(parent)["state"]))
        return state["channel_versions"]

    def _matching(
        self, config: RunnableConfig | None, before: RunnableConfig | None
    ) -> Sequence[tuple[str, Thread, Row]]:
        """The checkpoints of a list, by their place alone, newest first."""
        wanted = config.get("configurable", {}) if config else {}
        thread_id = wanted.get("thread_id")
        ids = self._threads.list_ids() if thread_id is None else [str(thread_id)]
        bound = get_checkpoint_id(before) if before else None
        found: list[tuple[str, Thread, Row]] = []
        for each in ids:
            thread = self._threads.find(each)
            if thread is None:
                continue
            with thread.lock:
                rows = thread.all_rows()
            found += [
                (each, thread, row)
                for row in rows
                if wanted.get("checkpoint_ns") in (None, row.namespace)
                and wanted.get("checkpoint_id") in (None, "", row.id)
                and (bound is None or row.id < bound)
            ]
        return sorted(found, key=lambda each: each[2].id, reverse=True)

    def _metadata(self, thread: Thread, row: Row) -> dict[str, Any]:
        return self.serde.loads_typed(packing.unpack_typed(thread.body(row)["metadata"]))

    def _delta_channels(self, thread: Thread, row: Row) -> Sequence[str]:
        """The channels of a checkpoint that are rebuilt from writes: those that are counted."""
        counted = self._metadata(thread, row).get("counters_since_delta_snapshot") or {}
        values = thread.values(row)
        return [channel for channel in counted if channel not in values]

    def _tuple(self, thread_id: str, thread: Thread, row: Row) -> CheckpointTuple:
        loads = self.serde.loads_typed
        state = loads(packing.unpack_typed(thread.body(row)["state"]))
        values = {channel: loads(thread.bytes_at(at)) for channel, at in thread.values(row).items()}
        pending = [
            (task, *thread.write_of(position, place))
            for task, position, place in row.sorted_writes()
        ]
        return CheckpointTuple(
            config=_config(thread_id, row.namespace, row.id),
            checkpoint=cast(Checkpoint, state | {"channel_values": values}),
            metadata=cast(CheckpointMetadata, self._metadata(thread, row)),
            parent_config=_config(thread_id, row.namespace, row.parent) if row.parent else None,
            pending_writes=[(task, channel, loads(typed)) for task, channel, typed in pending],
        )


def _place(config: RunnableConfig) -> tuple[str, str]:
    """(thread id, namespace) that a config names."""
    wanted = config.get("configurable", {})
    if wanted.get("thread_id") is None:
        raise ConfigIncomplete("thread_id")
    return str(wanted["thread_id"]), wanted.get("checkpoint_ns") or ""


def _config(thread_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": thread_id,
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint_id,
        }
    }


def _newest(thread: Thread) -> list[Row]:
    newest = [thread.latest(namespace) for namespace in thread.rows]
    return sorted((row for row in newest if row), key=lambda row: row.position)


def _matches(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(metadata.get(key) == value for key, value in wanted.items())
