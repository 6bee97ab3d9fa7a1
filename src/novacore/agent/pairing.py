"""Every call has one result, right behind it: what is wrong with that in a history, and the mends.

Providers refuse a history in which a call lacks its result, a result its call, or two calls share
an id. Such histories come from a process that was killed, a cancelled turn, an import, or two
processes on one session. Pure: mends are journaled by whoever asked.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from novacore.llm import Reading, ToolResult

NO_RESULT = (
    "No result of this call was recorded. It may or may not have been carried out: check before "
    "you repeat it."
)
CANCELLED = (
    "Cancelled by the user before this call had a result. It may or may not have been carried "
    "out in part."
)
FILLER = "is_repair"
"""Marks a result that stands in for one that was not recorded."""

_ID_BAD = re.compile(r"[^A-Za-z0-9_-]")
_ID_KEPT_CHARACTERS = 24
_RESULT_ROLES = ("tool", "function")
_CALL_PLACES = (("content", "tool_use", "id"), ("tool_calls", "", "id"))
_RESULT_PLACES = (("content", "tool_result", "tool_use_id"),)


class Said(Protocol):
    """A message of a history."""

    @property
    def position(self) -> int:
        """Where it is in the session."""
        ...

    @property
    def message(self) -> Mapping[str, Any]:
        """The message."""
        ...

    @property
    def reading(self) -> Reading:
        """What it says."""
        ...

    @property
    def is_inserted(self) -> bool:
        """Whether an earlier mend put it in; then no entry of its own holds it."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rename:
    """Another id for one call, or for the call that one result answers."""

    position: int
    index: int
    """Which call or result of the message, from 0."""
    id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drop:
    """Leave out one result, and with it its message where nothing else is in it."""

    position: int
    index: int
    """Which result of the message, from 0."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Insert:
    """Results that are put behind a position, before whatever follows."""

    after: int
    messages: tuple[dict[str, Any], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mends:
    """What makes a history valid; empty where it is."""

    renames: tuple[Rename, ...] = ()
    drops: tuple[Drop, ...] = ()
    inserts: tuple[Insert, ...] = ()
    appends: tuple[dict[str, Any], ...] = ()
    """Results for calls at the very end: they need no overlay, they are just said now."""

    @property
    def count(self) -> int:
        """How many places are mended."""
        inserted = sum(len(each.messages) for each in self.inserts)
        return self._renamed + len(self.drops) + inserted + len(self.appends)

    @property
    def _renamed(self) -> int:
        """How many calls get another id; their results follow them."""
        return len({each.id for each in self.renames})

    def why(self) -> str:
        """What was wrong, in one sentence."""
        missing = sum(len(each.messages) for each in self.inserts) + len(self.appends)
        found = [
            (missing, "without a result right behind it", "calls", "call"),
            (len(self.drops), "without a call of its own", "results", "result"),
            (self._renamed, "with an id that was used before", "calls", "call"),
        ]
        parts = [
            f"{count} {many if count > 1 else one} {what}"
            for count, what, many, one in found
            if count
        ]
        return ", ".join(parts) + "."


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class _Call:
    id: str
    """As the message has it."""
    name: str
    used_id: str
    """As it is sent."""
    is_answered: bool = False
    filler: dict[str, Any] | None = None
    """What is about to be put in for its result."""
    filler_at: int = -1
    """Where a filler is that was journaled before."""


class Pairing:
    """Walks a history once, message by message, and collects what must be mended."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._calls: list[_Call] = []
        self._last = -1
        self._renames: list[Rename] = []
        self._drops: list[Drop] = []
        self._filled: dict[str, _Call] = {}
        self._inserts: dict[int, list[dict[str, Any]]] = {}

    def add(self, said: Said) -> None:
        """Look at the next message."""
        reading = said.reading
        answers = [self._match(result.call_id) for result in reading.tool_results]
        is_pure = reading.role == "tool" and bool(reading.tool_results)
        if not is_pure:
            # Results in this very message come in time; what it does not answer comes too late.
            self._close()
        for index, call in enumerate(answers):
            self._answer(said, index=index, call=call)
        if reading.role == "assistant":
            self._open(said)
        if is_pure or reading.role == "assistant":
            self._last = said.position

    def finish(self, *, note: str = NO_RESULT) -> Mends:
        """The mends for all messages so far, as if nothing came after them."""
        open_calls = [call for call in self._calls if not call.is_answered]
        appends = tuple(
            {**result_of(call.used_id, name=call.name, text=note), FILLER: True}
            for call in open_calls
        )
        inserts = tuple(
            Insert(after=after, messages=tuple(messages))
            for after, messages in sorted(self._inserts.items())
            if messages
        )
        return Mends(
            renames=tuple(self._renames),
            drops=tuple(self._drops),
            inserts=inserts,
            appends=appends,
        )

    def _match(self, call_id: str) -> _Call | None:
        """The first open call of that id; taken, so that the next result gets the next one."""
        for call in self._calls:
            if not call.is_answered and call_id in (call.id, call.used_id):
                call.is_answered = True
                return call
        return None

    def _answer(self, said: Said, *, index: int, call: _Call | None) -> None:
        result = said.reading.tool_results[index]
        if call is None:
            self._take_late(said, result)
            self._drops.append(Drop(position=said.position, index=index))
            return
        if call.used_id != result.call_id:
            self._renames.append(Rename(position=said.position, index=index, id=call.used_id))
        if said.message.get(FILLER) is True and not said.is_inserted:
            call.filler_at = said.position
            self._fill(call)

    def _take_late(self, said: Said, result: ToolResult) -> None:
        """A result that came after other messages, or after a filler, moves to where it belongs.

        That happens where two processes are on one session: one fills in for a call that the other
        is still running.
        """
        late = dict(said.message)
        if said.message.get("role") not in _RESULT_ROLES:
            late = result_of(
                result.call_id, name=result.name, text=result.text, is_error=result.is_error
            )
        call = self._filled.pop(result.call_id, None)
        if call is None:
            return
        self._filled = {key: each for key, each in self._filled.items() if each is not call}
        late["tool_call_id"] = call.used_id
        if call.filler is not None:
            call.filler.clear()
            call.filler.update(late)
        else:
            self._drops.append(Drop(position=call.filler_at, index=0))
            self._inserts.setdefault(call.filler_at, []).append(late)

    def _fill(self, call: _Call) -> None:
        """The call has a filler for a result; a real one that comes later takes its place."""
        self._filled[call.id] = self._filled[call.used_id] = call

    def _open(self, said: Said) -> None:
        self._calls = []
        for index, asked in enumerate(said.reading.tool_calls):
            used_id = asked.id
            if not used_id or used_id in self._seen:
                used_id = self._fresh_id(asked.id, position=said.position, index=index)
                self._renames.append(Rename(position=said.position, index=index, id=used_id))
            self._seen.add(used_id)
            self._calls.append(_Call(id=asked.id, name=asked.name, used_id=used_id))

    def _fresh_id(self, call_id: str, *, position: int, index: int) -> str:
        stem = _ID_BAD.sub("_", call_id)[:_ID_KEPT_CHARACTERS] or "call"
        fresh = f"{stem}_{position}_{index}"
        while fresh in self._seen:
            fresh += "x"
        return fresh

    def _close(self) -> None:
        """The round of calls is over; what has no result gets one."""
        for call in self._calls:
            if call.is_answered:
                continue
            filler = result_of(call.used_id, name=call.name, text=NO_RESULT)
            self._inserts.setdefault(self._last, []).append(filler)
            call.filler = filler
            self._fill(call)
        self._calls = []


def result_of(call_id: str, *, name: str, text: str, is_error: bool = True) -> dict[str, Any]:
    """The tool message that answers a call."""
    message: dict[str, Any] = {
        "role": "tool",
        "tool_call_id": call_id,
        "name": name,
        "content": text,
    }
    if is_error:
        message["is_error"] = True
    return message


def renamed(message: Mapping[str, Any], ids: Mapping[int, str]) -> dict[str, Any]:
    """The message with other ids for some of its calls or results, by their number in it."""
    out = dict(message)
    role = message.get("role")
    if role in _RESULT_ROLES:
        out["tool_call_id"] = ids.get(0, message.get("tool_call_id"))
        return out
    number = 0
    for key, kind, field in _CALL_PLACES if role == "assistant" else _RESULT_PLACES:
        if not isinstance(out.get(key), list | tuple):
            continue
        blocks: list[Any] = []
        for block in cast(Sequence[Any], out[key]):
            is_one = isinstance(block, Mapping) and kind in ("", _kind(cast(object, block)))
            new_id = ids.get(number) if is_one else None
            number += is_one
            blocks.append({**block, field: new_id} if new_id is not None else block)
        out[key] = blocks
    return out


def without_results(message: Mapping[str, Any], indexes: Sequence[int]) -> dict[str, Any] | None:
    """The message without some of its results; None where nothing else is in it."""
    content = message.get("content")
    if message.get("role") in _RESULT_ROLES or not isinstance(content, list | tuple):
        return None
    number = -1
    kept: list[Any] = []
    for block in cast(Sequence[Any], content):
        if _kind(block) == "tool_result":
            number += 1
            if number in indexes:
                continue
        kept.append(block)
    return {**message, "content": kept} if kept else None


def _kind(block: object) -> str:
    if not isinstance(block, Mapping):
        return ""
    kind = cast(Mapping[str, Any], block).get("type")
    return kind if isinstance(kind, str) else ""
