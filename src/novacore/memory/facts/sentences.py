"""A text's own sentences, each with its place: no code, no quotation, nothing recalled."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from novacore.memory.facts.marking import recalled_spans

SENTENCE_CHARS_MAX: Final = 400
"""Longer ones state too much at once."""

_NOT_OWN: Final = (
    re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)", re.DOTALL | re.MULTILINE),
    re.compile(r"^[ \t]*(?:>|\||\$ |[-+]{3} |@@ ).*$", re.MULTILINE),
    re.compile(r"^(?: {4,}|\t).*$", re.MULTILINE),
    re.compile(r"<([A-Za-z][\w-]*)\b[^>]*>.*?</\1\s*>", re.DOTALL),
)
"""Fenced code, quoted and table and diff lines, indented code, elements."""

_END: Final = re.compile(r"(?:[.!?。！？]+[\"'”’)\]]*(?=\s|$))|\n+|[。！？]")
_ABBREVIATION: Final = re.compile(
    r"(?:^|\s)(?:[A-Z]|[Mm]rs?|[Dd]r|[Pp]rof|[Ss]t|vs|etc|e\.g|i\.e|No|approx)\.$"
)
_BULLET: Final = re.compile(r"\s*(?:[-*•]\s+|\d{1,3}[.)]\s+)?")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a text."""

    text: str
    start: int
    """Its first character's place."""
    end: int
    """The place behind its last character, its closing mark included."""
    mark: str = ""
    """How it ends: `.`, `?`, `!` or empty."""


def split(text: str) -> Iterator[Sentence]:
    """The sentences of a text that its author says in their own voice."""
    own = _own(text)
    start = 0
    for match in _END.finditer(own):
        if match.group()[0] == "." and _ABBREVIATION.search(own[start : match.end()]):
            continue
        yield from _sentence(own, start, match.end())
        start = match.end()
    yield from _sentence(own, start, len(own))


def _own(text: str) -> str:
    """The text with everything blanked that is not its author's own; places stay the same."""
    spans = recalled_spans(text)
    for pattern in _NOT_OWN:
        spans += [match.span() for match in pattern.finditer(text)]
    for start, end in spans:
        # A newline ends a sentence, so that what stands around a gap is never read as one.
        text = text[:start] + "\n" * (end - start) + text[end:]
    return text


def _sentence(text: str, start: int, end: int) -> Iterator[Sentence]:
    bullet = _BULLET.match(text, start, end)
    start = bullet.end() if bullet else start
    raw = text[start:end].rstrip()
    words = raw.rstrip(" .!?。！？")
    if words.strip() and len(raw) <= SENTENCE_CHARS_MAX:
        yield Sentence(words, start, start + len(raw), raw[len(words) :].strip()[:1])
