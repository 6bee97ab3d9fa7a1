"""What turns were reminded of, as the journal keeps it: places in conversations, never their words.

So what is erased where it was said is gone here, too. The entry stands behind the message that it
belongs to; `of` gives it to the answer.
"""

from typing import Any, Final, cast

from novacore import journal, llm
from novacore.chat.model import Recalled
from novacore.chat.reminding import Reminder

RECALL: Final = "recall"
"""The kind of the entries."""
_STEPS_MAX: Final = 200
"""So far back a question is looked for: a turn has no more answers and results of tools."""


def entries_of(reminder: Reminder) -> tuple[journal.NewEntry, ...]:
    """What is journaled beside a message; nothing where nothing was recalled."""
    places = [
        {"session": each["session"], "position": each["position"]} for each in reminder.shown()
    ]
    if not places:
        return ()
    return (journal.NewEntry(kind=RECALL, body={"recalled": places}),)


def of(transcript: journal.Transcript, *, start: int, end: int) -> dict[int, tuple[Recalled, ...]]:
    """What each answer among these messages was given to remember, by the answer's position.

    A turn's last answer has it.

    Args:
        transcript: the conversation.
        start: the first message, as an index of `message_positions`.
        end: the message behind the last one.
    """
    reading = _Reading(transcript)
    found: dict[int, tuple[Recalled, ...]] = {}
    at = reading.question_of(start)
    while at < end:
        places = reading.recalled(at)
        if not places:
            at += 1
            continue
        further = reading.next_question(at)
        answers = [each for each in range(at + 1, further) if reading.role(each) == "assistant"]
        if answers and start <= answers[-1] < end:
            found[reading.positions[answers[-1]]] = places
        at = further
    return found


class _Reading:
    """A transcript's messages by index, and what stands behind them."""

    def __init__(self, transcript: journal.Transcript) -> None:
        self.positions = transcript.message_positions
        self._entries = transcript.entries
        self._damaged = frozenset(transcript.damaged)

    def question_of(self, at: int) -> int:
        """The message that the turn of message `at` began with, as far back as a turn goes."""
        first = max(0, at - _STEPS_MAX)
        while at > first and (at >= len(self.positions) or self.role(at) != "user"):
            at -= 1
        return at

    def next_question(self, at: int) -> int:
        """The message that begins the next turn; their number where there is none."""
        at += 1
        while at < len(self.positions) and self.role(at) != "user":
            at += 1
        return at

    def role(self, at: int) -> str:
        """user, assistant, tool …; empty where it can't be told."""
        entry = self._entry(self.positions[at])
        if entry is None or not isinstance(entry.body.fields, dict):
            return ""
        body: Any = entry.body
        return llm.read_message(body).role

    def recalled(self, at: int) -> tuple[Recalled, ...]:
        """What the entry behind a message tells of; nothing where it is none of ours."""
        behind = self.positions[at] + 1
        is_message = at + 1 < len(self.positions) and self.positions[at + 1] == behind
        entry = None if is_message else self._entry(behind)
        if entry is None or entry.kind != RECALL:
            return ()
        told: Any = entry.body.get("recalled")
        places = cast("list[Any]", told) if isinstance(told, list) else []
        return tuple(found for each in places if (found := _place(each)) is not None)

    def _entry(self, position: int) -> journal.Entry | None:
        """An entry that can be read."""
        if position >= len(self._entries) or position in self._damaged:
            return None
        entry = self._entries[position]
        return None if entry.is_erased else entry


def _place(told: Any) -> Recalled | None:
    """A place that an entry tells of; entries come from whoever has a key."""
    body = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    match body:
        case {"session": str(session), "position": int(position)} if position >= 0:
            return Recalled(session=session, position=position)
        case _:
            return None
