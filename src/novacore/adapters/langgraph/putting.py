"""What a put appends: the values that are new, and the checkpoint that names all of them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from novacore import journal, kit
from novacore.adapters.langgraph import packing
from novacore.adapters.langgraph.config import Config
from novacore.adapters.langgraph.fold import CHECKPOINT, VALUE, WRITES, Key
from novacore.adapters.langgraph.thread import Thread, run_actor


@dataclasses.dataclass(kw_only=True)
class Put:
    """A checkpoint on its way in."""

    thread_id: str
    namespace: str
    id: str
    parent: str | None
    run_id: object
    state: packing.Typed
    metadata: packing.Typed
    values: Mapping[str, Any]
    versions: Mapping[str, Any]
    new_versions: Mapping[str, Any]
    dumps: Callable[[Any], packing.Typed]
    fresh: list[packing.Typed] = dataclasses.field(default_factory=list)
    """The values that the last attempt appended, in the order of their entries."""
    dumped: dict[str, packing.Typed] = dataclasses.field(default_factory=dict)

    def value(self, channel: str) -> packing.Typed:
        """A channel's value, serialised once."""
        if channel not in self.dumped:
            self.dumped[channel] = self.dumps(self.values[channel])
        return self.dumped[channel]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The entries of one put; none: all of it is stored already."""

    entries: list[journal.NewEntry]
    fresh: list[packing.Typed]
    expected: int
    """Where the thread must be: what is told from an older value needs that value."""


def plan_put(
    put: Put, thread: Thread, parent_versions: Mapping[str, Any], *, config: Config
) -> Plan:
    """The entries that a put appends to a thread, which is locked and up to date.

    A channel that its parent checkpoint has in the same version is not stored again.
    """
    parent = thread.find(put.namespace, put.parent) if put.parent else None
    held = thread.values(parent) if parent else {}
    places: dict[str, int] = {}
    fresh: dict[str, packing.Typed] = {}
    bodies: list[dict[str, Any]] = []
    for channel in dict.fromkeys([*put.values, *put.versions]):
        is_same = channel not in put.new_versions and channel in held
        if is_same and parent_versions.get(channel) == put.versions.get(channel):
            places[channel] = held[channel]
        elif channel in put.values:
            before = thread.before(held[channel]) if channel in held else None
            typed = put.value(channel)
            if before and (before.value.kind, before.data) == (typed[0], bytes(typed[1])):
                places[channel] = held[channel]
                continue
            fresh[channel] = typed
            value = packing.make_value(typed, before, config=config)
            bodies.append(
                {"channel": channel, "version": put.versions.get(channel), **value.body()}
            )
    for index, channel in enumerate(fresh):
        places[channel] = index - len(fresh)
    return _plan(put, thread, bodies=bodies, places=places, fresh=list(fresh.values()))


def _plan(
    put: Put,
    thread: Thread,
    *,
    bodies: list[dict[str, Any]],
    places: Mapping[str, int],
    fresh: list[packing.Typed],
) -> Plan:
    digest = _digest(put)
    known = thread.find(put.namespace, put.id)
    if known is not None and known.digest == digest:
        return Plan(entries=[], fresh=[], expected=journal.ANY)
    body = {
        "ns": put.namespace,
        "id": put.id,
        "parent": put.parent,
        "digest": digest,
        "state": packing.pack_typed(put.state),
        "metadata": packing.pack_typed(put.metadata),
        "values": dict(places),
    }
    times = str(known.times) if known else "0"

    def entry_id(index: int) -> str:
        # A retry makes the same ids, and the same content put again later makes others.
        parts = (thread.session.id, put.namespace, put.id, digest, str(thread.cut), times)
        return str(kit.derived_id("langgraph put", *parts, str(index)))

    entries = [
        journal.NewEntry(kind=VALUE, body=each, id=entry_id(index))
        for index, each in enumerate(bodies)
    ]
    entries.append(
        journal.NewEntry(
            kind=CHECKPOINT, body=body, id=entry_id(len(bodies)), actor=run_actor(put.run_id)
        )
    )
    index = thread.next_index()
    if index is not None:
        entries.append(index)
    needs_older = any(at >= 0 for at in places.values()) or any("before" in b for b in bodies)
    expected = thread.position if needs_older else journal.ANY
    return Plan(entries=entries, fresh=fresh, expected=expected)


def _digest(put: Put) -> str:
    """What tells a retry from another checkpoint under the same id."""
    parts: list[str | bytes] = [put.namespace, put.id, put.parent or ""]
    for kind, data in (put.state, put.metadata):
        parts += [kind, bytes(data)]
    for channel in sorted(put.new_versions):
        parts += [channel, repr(put.new_versions[channel])]
        if channel in put.values:
            kind, data = put.value(channel)
            parts += [kind, bytes(data)]
    return str(kit.derived_id(*parts))


def plan_writes(
    thread: Thread,
    key: Key,
    writes: Sequence[tuple[int, str, packing.Typed]],
    *,
    task: str,
    path: str,
) -> journal.NewEntry | None:
    """The entry that keeps what a task wrote to a checkpoint; None: it is all known.

    The first write to a place stands; special ones (errors, interrupts …) replace the one before.
    """
    row = thread.find(*key)
    known = row.writes if row else {}
    wanted: list[list[Any]] = []
    parts: list[str | bytes] = [thread.session.id, *key, task, path]
    for index, channel, typed in writes:
        old = known.get((task, index))
        if old and (index >= 0 or thread.write_of(*old[1:]) == (channel, typed)):
            continue
        wanted.append([index, channel, packing.pack_typed(typed)])
        parts += [str(index), channel, typed[0], bytes(typed[1]), str(old[1] if old else -1)]
    if not wanted:
        return None
    body = {"ns": key[0], "id": key[1], "task": task, "path": path, "writes": wanted}
    entry_id = str(kit.derived_id("langgraph writes", *parts))
    return journal.NewEntry(kind=WRITES, body=body, id=entry_id)
