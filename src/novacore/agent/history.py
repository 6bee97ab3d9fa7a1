"""A session's conversation as the agent reads it: its messages with the mends laid over them.

It is only ever folded from what the journal has, so that it can't say more or less than that.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, cast

from novacore import journal, kit, llm
from novacore.agent.pairing import Mends, Pairing, renamed, without_results
from novacore.agent.view import View, read_view

REPAIR = "repair"
STATE = "state"
VIEW = "view"
DECISION = "decision"
USAGE = "usage"

_PLACES_PER_ENTRY = 2_000
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
"""What reading an entry of another's making may raise, where it only looks like one of ours."""


class Transcript(Protocol):
    """A session at one moment."""

    @property
    def position(self) -> int:
        """How many entries there are."""
        ...

    @property
    def generation(self) -> int:
        """Changes when anything in the store was erased."""
        ...

    @property
    def entries(self) -> Sequence[journal.Entry]:
        """Entries of every kind."""
        ...


class Session(Protocol):
    """The part of a session that the agent uses; every session store's sessions have it."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    def append(self, *entries: Mapping[str, Any] | journal.NewEntry) -> journal.Appended:
        """Append entries, all or none; durable on return."""
        ...

    def submit(self, *entries: Mapping[str, Any] | journal.NewEntry) -> Future[journal.Appended]:
        """Queue an append; the future tells when it is durable."""
        ...

    def open(self, at: int | None = None) -> Transcript:
        """What it holds now, or held when it had `at` entries."""
        ...

    def put_blob(self, data: bytes, /) -> str:
        """Keep `data` durably; returns its address."""
        ...

    def get_blob(self, reference: str, /) -> bytes:
        """What is kept at an address.

        Raises:
            NovaError: there is nothing.
        """
        ...


async def append(
    session: Session, *entries: Mapping[str, Any] | journal.NewEntry
) -> tuple[int, ...]:
    """Append entries, all or none; returns their positions once they are durable.

    Where the task is cancelled the append goes on, and the cancellation is raised at its end.
    """
    done = await kit.to_end(asyncio.wrap_future(session.submit(*entries)))
    return done.positions


class Item:
    """One message as it is sent, mended where it had to be.

    Once it was encoded it lets go of what it holds and reads it again from the journal where
    somebody asks, so that an open session costs little more than its encoded messages.
    """

    __slots__ = (
        "_message",
        "_reading",
        "_reload",
        "has_results",
        "is_inserted",
        "position",
        "role",
    )

    def __init__(
        self,
        message: Mapping[str, Any],
        *,
        position: int,
        reload: Callable[[int], Mapping[str, Any]] | None = None,
        is_inserted: bool = False,
    ) -> None:
        reading = llm.read_message(message)
        self.position = position
        self.is_inserted = is_inserted
        self.role = reading.role
        self.has_results = bool(reading.tool_results)
        self._message: Mapping[str, Any] | None = message
        self._reading: llm.Reading | None = reading
        self._reload = reload

    @property
    def message(self) -> Mapping[str, Any]:
        """The message."""
        if self._message is not None or self._reload is None:
            return self._message or {}
        return self._reload(self.position)

    @property
    def reading(self) -> llm.Reading:
        """What it says."""
        return self._reading or llm.read_message(self.message)

    def release(self) -> None:
        """Let go of what the journal has; a message that only a mend holds stays."""
        self._reading = None
        if self._reload is not None:
            self._message = None


class History:
    """The messages of one session, kept up with what is appended by whomever.

    `changed_from` is the first index that may differ from what a reader saw before; who has read
    everything sets it to `len(items)`.
    """

    def __init__(self) -> None:
        self._generation = -1
        self._start_over()

    def _start_over(self) -> None:
        """Forget everything: what was erased since it was read must not be sent again."""
        self.items: list[Item] = []
        self.changed_from = 0
        self.position = 0
        self.view: View | None = None
        self.view_mode = "auto"
        self.system: str | None = None
        self.model = ""
        self.answers: list[Mapping[str, Any]] = []
        self.damaged: list[int] = []
        self._transcript: Transcript | None = None
        self._own: list[Item] = []
        self._overlay = _Overlay()
        self._pairing = Pairing()
        self._paired = 0

    def refresh(self, transcript: Transcript) -> None:
        """Take in what was appended since; what can't be read is left out and noted as damaged."""
        if transcript.generation != self._generation:
            self._generation = transcript.generation
            if self.position:
                mode = self.view_mode
                self._start_over()
                self.refresh(transcript)
                self.view_mode = mode
                return
        self._transcript = transcript
        entries = transcript.entries
        is_laid_over = False
        for position in range(self.position, transcript.position):
            self.position = position + 1
            try:
                entry = entries[position]
                if not entry.is_erased:
                    is_laid_over |= self._fold(entry)
            except (journal.Corrupt, *_MALFORMED):
                self.damaged.append(position)
        if is_laid_over:
            self._rebuild()

    def mends(self, *, note: str | None = None) -> Mends:
        """What must be mended before these messages can be sent; empty where nothing must.

        Args:
            note: what is said for calls at the end that have no result; None: that it is unknown.
        """
        for item in self.items[self._paired :]:
            self._pairing.add(item)
        self._paired = len(self.items)
        return self._pairing.finish() if note is None else self._pairing.finish(note=note)

    def open_calls(self) -> tuple[llm.ToolCall, ...]:
        """The calls of the last message, where it is the assistant's."""
        last = self.items[-1] if self.items else None
        return last.reading.tool_calls if last and last.role == "assistant" else ()

    def _message_at(self, position: int) -> Mapping[str, Any]:
        assert self._transcript is not None
        return cast(Mapping[str, Any], self._transcript.entries[position].body)

    def _fold(self, entry: journal.Entry) -> bool:
        """Take in one entry; True where messages before it change."""
        body = entry.body
        if entry.kind == journal.MESSAGE:
            message = cast(Mapping[str, Any], body)
            item = Item(message, position=entry.position, reload=self._message_at)
            # A session that was imported may hold its old system prompt: ours is in force.
            if item.role != "system":
                self._own.append(item)
                self.items.append(item)
        elif entry.kind == REPAIR:
            self._overlay.add(cast(Mapping[str, Any], body))
            return True
        elif entry.kind == VIEW:
            self.view_mode = str(body.get("mode", self.view_mode))
            self.view = read_view(cast(Mapping[str, Any], body), position=entry.position)
        elif entry.kind == STATE:
            self.system = body.get("system", self.system)
            self.model = str(body.get("model", self.model))
        elif entry.kind == DECISION:
            self.answers.append(dict(body))
        return False

    def _rebuild(self) -> None:
        """Lay the overlay over the messages again. Cost: linear; mends are rare."""
        before = self.items
        self.items = [item for own in self._own for item in self._overlay.applied(own)]
        same = 0
        while same < min(len(before), len(self.items)) and before[same] is self.items[same]:
            same += 1
        self.changed_from = min(self.changed_from, same)
        self._pairing = Pairing()
        self._paired = 0


class _Overlay:
    """Mends as the journal has them."""

    def __init__(self) -> None:
        self._renames: dict[int, dict[int, str]] = {}
        self._drops: dict[int, set[int]] = {}
        self._inserts: dict[int, list[Item]] = {}
        self._mended: dict[int, tuple[Item | None, object]] = {}

    def add(self, body: Mapping[str, Any]) -> None:
        for each in body.get("rename", ()):
            self._renames.setdefault(each["position"], {})[each["index"]] = each["id"]
        for each in body.get("drop", ()):
            self._drops.setdefault(each["position"], set()).add(each["index"])
        insert = body.get("insert")
        if insert:
            items = [
                Item(message, position=insert["after"], is_inserted=True)
                for message in insert["messages"]
            ]
            self._inserts.setdefault(insert["after"], []).extend(items)

    def applied(self, own: Item) -> list[Item]:
        """What is sent in place of a message: itself where nothing is laid over it."""
        at = own.position
        mended = self._mend(own) if at in self._renames or at in self._drops else own
        return [*([mended] if mended else []), *self._inserts.get(at, ())]

    def _mend(self, own: Item) -> Item | None:
        """The message with other ids and without dropped results; the same object each time."""
        at = own.position
        ids, drops = dict(self._renames.get(at, {})), sorted(self._drops.get(at, ()))
        known = self._mended.get(at)
        if known and known[1] == (ids, drops):
            return known[0]
        message: Mapping[str, Any] | None = own.message
        if ids:
            message = renamed(own.message, ids)
        if drops:
            message = without_results(cast(Mapping[str, Any], message), drops)
        mended = Item(message, position=at) if message is not None else None
        self._mended[at] = (mended, (ids, drops))
        return mended


def repair_entries(mends: Mends) -> list[journal.NewEntry]:
    """The entries that record mends: overlays, and plain messages for the calls at the end."""
    why = mends.why()
    bodies: list[dict[str, Any]] = [
        {"insert": {"after": each.after, "messages": list(each.messages)}, "reason": why}
        for each in mends.inserts
    ]
    for key, places in (("drop", mends.drops), ("rename", mends.renames)):
        for start in range(0, len(places), _PLACES_PER_ENTRY):
            listed = [dataclasses.asdict(each) for each in places[start:][:_PLACES_PER_ENTRY]]
            bodies.append({key: listed, "reason": why})
    entries = [journal.NewEntry(kind=REPAIR, body=body) for body in bodies]
    return entries + [journal.NewEntry(body=message, actor="tool") for message in mends.appends]
