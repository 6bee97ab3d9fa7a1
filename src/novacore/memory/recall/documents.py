"""What is indexed of one entry: its words, who said it and when, and what it can be filtered by."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from novacore import journal
from novacore.memory.recall.analysis import index_terms
from novacore.memory.recall.words import NUMBER_WORDS, TIME_WORDS

MEMORY: Final = "memory"
"""The kind of the entries that are memories."""

INDEXED_KINDS: Final = (journal.MESSAGE, MEMORY)
"""The kinds of entry that recall finds."""

IS_QUESTION: Final = 1
SAYS_WHEN: Final = 2
SAYS_NUMBER: Final = 4
IS_SHORT_REPLY: Final = 8
HAS_NAME: Final = 16

ROLES: Final = frozenset(
    ("user", "assistant", "system", "tool", "developer", "function", "human", "ai", "model", "bot")
)
"""Words that say what a speaker is, not who."""

_PREFIX = re.compile(
    r"\s*\**([^\W\d_][\w'’.-]{0,29}(?: [A-Z][\w'’.-]{0,29}){0,2})\**\s?:\**\s+(?=\S)"
)
_NO_NAMES = frozenset(
    """
    answer args arguments caution cause caveat code command conclusion date description details edit
    email error example exception expected file fix format goal hint http https idea important info
    input issue key link list location meeting message name note notes ok options output path plan
    question reason reminder request response result results returns say says shell source status
    step steps subject sum summary task time tip title to total type update url usage value
    version warning yes
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
_WHEN = re.compile(
    r"\b(?:\d{4}-\d{2}-\d{2}|(?:19|20)\d\d|\d{1,2}(?::\d{2})?\s?(?:am|pm)|\d{1,2}:\d{2}"
    r"|\d{1,2}(?:st|nd|rd|th)|\d{1,2}/\d{1,2}(?:/\d{2,4})?)\b",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_WORDS = re.compile(r"[a-z]+")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][a-z]{2,}")
_SHORT_TERMS = 4
_QUESTION_TERMS = 40
_QUESTION_CHARS = 160
_NESTING_MAX = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One entry, made ready for the index."""

    sequence: int
    session_id: str
    position: int
    said_at_us: int
    kind: str
    actor: str
    speaker: str
    """The name of who said it; empty where only a role is known."""
    terms: tuple[str, ...]
    flags: int
    """`IS_QUESTION` and its like, added."""
    text: str
    """What is embedded."""
    project: str = ""
    """The session's workspace; a memory's project."""
    tags: tuple[str, ...] = ()
    tier: str = ""
    """A memory's term: short, intermediate or long."""
    confidence: float = 1.0
    key: str = ""
    """For a memory: its id; a later entry of the same id takes the place of this one."""
    is_retired: bool = False
    """For a memory: it is no longer valid and is not to be found."""


def read_document(entry: journal.Entry, *, workspace: str = "", chars_max: int) -> Document | None:
    """What to index of an entry; None: it is of no indexed kind, erased, or says nothing.

    Args:
        entry: any entry of the feed.
        workspace: its session's.
        chars_max: of its text, how many characters are indexed.
    """
    fields: object = entry.body.fields
    if entry.is_erased or entry.kind not in INDEXED_KINDS or not isinstance(fields, dict):
        return None
    body = cast("dict[str, Any]", fields)
    speaker, text = read_spoken(entry, chars_max=chars_max)
    is_memory = entry.kind == MEMORY
    key = _text(body.get("memory_id") or body.get("id")) if is_memory else ""
    terms = tuple(index_terms(text))
    if not terms and not key and not text.strip():
        return None
    return Document(
        sequence=entry.sequence,
        session_id=entry.session_id,
        position=entry.position,
        said_at_us=entry.said_at_us,
        kind=entry.kind,
        actor=entry.actor,
        speaker=speaker,
        terms=terms,
        flags=_flags(text, terms),
        text=text,
        project=(_text(body.get("project")) if is_memory else "") or workspace,
        tags=_tags(body),
        tier=_text(body.get("term") or body.get("tier")),
        confidence=_fraction(body.get("confidence")),
        key=key,
        is_retired=is_memory and _is_retired(body),
    )


def read_spoken(entry: journal.Entry, *, chars_max: int) -> tuple[str, str]:
    """Who said an entry (empty: only a role is known), and its text without a name before it."""
    fields: object = entry.body.fields
    if not isinstance(fields, dict):
        return "", ""
    body = cast("dict[str, Any]", fields)
    return _speaker(entry, body, "\n".join(spoken_texts(body))[:chars_max])


def spoken_texts(body: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a message of any known shape, in order: content, parts, calls and results."""
    yield from _texts_of(body.get("content"), _NESTING_MAX)
    yield from _texts_of(body.get("text"), _NESTING_MAX)
    calls = body.get("tool_calls")
    if isinstance(calls, list):
        for call in cast("list[Any]", calls):
            yield from _texts_of(call, _NESTING_MAX)


def _texts_of(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif depth and isinstance(value, list):
        for part in cast("list[Any]", value):
            yield from _texts_of(part, depth - 1)
    elif depth and isinstance(value, dict):
        part = cast("dict[str, Any]", value)
        for key in ("text", "name", "content", "output", "function", "arguments"):
            yield from _texts_of(part.get(key), depth - 1)
        if part.get("input"):
            yield json.dumps(part["input"], ensure_ascii=False, default=str)


def _speaker(entry: journal.Entry, body: Mapping[str, Any], said: str) -> tuple[str, str]:
    """Who said it, and the text without a name before it."""
    found = _PREFIX.match(said)
    prefix = found.group(1) if found else ""
    for key in ("name", "speaker", "author", "sender"):
        name = body.get(key)
        if isinstance(name, str) and name.strip() and body.get("role") not in ("tool", "function"):
            is_told_twice = bool(found) and prefix.casefold() == name.strip().casefold()
            return _name(name), said[found.end() :] if found and is_told_twice else said
    if found and prefix.casefold() in ROLES:
        return _name(entry.actor), said[found.end() :]
    if found and prefix[0].isupper() and prefix.split()[0].casefold() not in _NO_NAMES:
        return prefix, said[found.end() :]
    return _name(entry.actor), said


def _name(text: str) -> str:
    name = text.strip()
    return "" if name.casefold() in ROLES else name


def _flags(text: str, terms: tuple[str, ...]) -> int:
    lowered = text.lower()
    words = set(_WORDS.findall(lowered))
    end = text[-_QUESTION_CHARS:]
    flags = IS_QUESTION if len(terms) <= _QUESTION_TERMS and ("?" in end or "？" in end) else 0
    if not words.isdisjoint(TIME_WORDS) or _WHEN.search(lowered):
        flags |= SAYS_WHEN
    if not words.isdisjoint(NUMBER_WORDS) or _DIGIT.search(text):
        flags |= SAYS_NUMBER
    if len(terms) <= _SHORT_TERMS:
        flags |= IS_SHORT_REPLY
    if _NAME.search(text):
        flags |= HAS_NAME
    return flags


def _tags(body: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    tags = body.get("tags")
    if isinstance(tags, list):
        found.extend(tag for tag in cast("list[Any]", tags) if isinstance(tag, str) and tag)
    for name in ("type", "state", "outcome"):
        value = body.get(name)
        if isinstance(value, str) and value:
            found.append(f"{name}:{value}")
    agents = body.get("shared_with")
    if isinstance(agents, list):
        found.extend(f"agent:{name}" for name in cast("list[Any]", agents) if isinstance(name, str))
    return tuple(dict.fromkeys(found))


def _is_retired(body: Mapping[str, Any]) -> bool:
    state = body.get("state") or body.get("status")
    return bool(body.get("is_retired") or body.get("deleted")) or state in ("expired", "deleted")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _fraction(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 1.0
