"""Long conversations with questions and the turns that answer them, in LoCoMo's form."""

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from novacore import journal

_SESSION = re.compile(r"session_(\d+)")
_EVIDENCE = re.compile(r"D:?(\d+):0*(\d+)")
_SPLIT = re.compile(r"[;,\s]+")
_TIME = "%I:%M %p on %d %B, %Y"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One thing that was said."""

    key: str
    speaker: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Talk:
    """One session of a conversation."""

    number: int
    said_at: dt.datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with the keys of the turns that answer it."""

    text: str
    evidence: frozenset[str]
    category: int


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """All sessions of two people, and what is asked about them."""

    name: str
    talks: tuple[Talk, ...]
    questions: tuple[Question, ...]


def read_conversations(path: Path) -> list[Conversation]:
    """The conversations of a file; questions without any evidence that exists are left out."""
    return [_read(each) for each in json.loads(path.read_text(encoding="utf-8"))]


def append_conversation(store: journal.Store, conversation: Conversation) -> dict[str, str]:
    """Append it as a person would: a session a talk, a message a turn.

    Returns the key of each turn by "session name:position".
    """
    keys: dict[str, str] = {}
    for talk in conversation.talks:
        name = f"{conversation.name} session {talk.number}"
        session = store.session(name)
        entries = [
            journal.NewEntry(
                body={"role": "user", "name": turn.speaker, "content": turn.text},
                said_at_us=round(talk.said_at.timestamp() * 1e6) + at * 1_000_000,
            )
            for at, turn in enumerate(talk.turns)
        ]
        done = session.append(*entries)
        for position, turn in zip(done.positions, talk.turns, strict=True):
            keys[f"{name}:{position}"] = turn.key
    return keys


def _read(raw: Mapping[str, Any]) -> Conversation:
    told = raw["conversation"]
    talks = tuple(_talks(told))
    known = {turn.key for talk in talks for turn in talk.turns}
    questions = [
        Question(
            text=each["question"],
            evidence=frozenset(_evidence(each.get("evidence") or []) & known),
            category=int(each["category"]),
        )
        for each in raw["qa"]
    ]
    return Conversation(
        name=str(raw.get("sample_id", "conversation")),
        talks=talks,
        questions=tuple(each for each in questions if each.evidence),
    )


def _talks(told: Mapping[str, Any]) -> Iterator[Talk]:
    numbers = sorted(int(found[1]) for key in told if (found := _SESSION.fullmatch(key)))
    for number in numbers:
        said_at = dt.datetime.strptime(  # noqa: DTZ007 - the data says no zone
            told[f"session_{number}_date_time"], _TIME
        )
        yield Talk(
            number=number,
            said_at=said_at.replace(tzinfo=dt.UTC),
            turns=tuple(
                Turn(key=each["dia_id"], speaker=each["speaker"], text=each["text"])
                for each in told[f"session_{number}"]
            ),
        )


def _evidence(raw: list[str]) -> set[str]:
    """The keys; one text may hold several, and some are written oddly ("D:11:26")."""
    found: set[str] = set()
    for text in raw:
        for part in _SPLIT.split(text):
            match = _EVIDENCE.fullmatch(part)
            if match:
                found.add(f"D{match[1]}:{match[2]}")
    return found
