"""A question, taken apart: its terms, what it quotes, the times it names and what it asks for."""

import re
from dataclasses import dataclass
from typing import Final

from novacore.memory.recall.analysis import (
    EXACT_MARK,
    ID_MARK,
    comparable,
    fold,
    query_terms,
)
from novacore.memory.recall.dates import When, find_times

QUERY_CHARS_MAX: Final = 8_192
"""Of a longer question the beginning and the end are looked at."""
TERMS_MAX: Final = 64
"""Of more terms the rarest are searched."""

_QUOTED = re.compile(r'"([^"]{2,200})"|“([^”]{2,200})”|«([^»]{2,200})»|「([^」]{1,200})」')
_WHEN = re.compile(
    r"\b(?:when|what (?:time|date|day|month|year)|which (?:day|month|year|date)"
    r"|how long|how recently|how often)\b"
)
_COUNT = re.compile(
    r"\bhow (?:many|much|old|far|tall|big|large|heavy)\b|\bnumber of\b|\bwhat age\b"
)
_WHO = re.compile(r"\b(?:who|whom|whose)\b")
_WHERE = re.compile(r"\b(?:where|(?:which|what) (?:city|country|place|town|state))\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is searched for."""

    text: str
    terms: tuple[str, ...]
    """The terms to search, each once, in their order."""
    surfaces: tuple[str, ...]
    """Per term, the word that it came from."""
    exact: tuple[str, ...]
    """Of the terms, those that must match as they stand: identifiers, words with diacritics."""
    phrases: tuple[str, ...]
    """What stands in quotation marks, made comparable."""
    times: tuple[When, ...]
    """The times it names."""
    asks_when: bool
    asks_count: bool
    asks_who: bool
    asks_where: bool


def read_query(text: str, *, now_us: int) -> Query:
    """Take a question apart; `now_us` is what "last March" is seen from."""
    if len(text) > QUERY_CHARS_MAX:
        half = QUERY_CHARS_MAX // 2
        text = f"{text[:half]} {text[-half:]}"
    found = {term.text: term.surface for term in reversed(query_terms(text))}
    terms = tuple(reversed(found))
    folded = fold(text)
    return Query(
        text=text,
        terms=terms,
        surfaces=tuple(found[term] for term in terms),
        exact=tuple(term for term in terms if term[0] in (ID_MARK, EXACT_MARK)),
        phrases=tuple(
            phrase
            for match in _QUOTED.finditer(text)
            if (phrase := comparable(next(group for group in match.groups() if group)))
        ),
        times=find_times(text, now_us=now_us),
        asks_when=bool(_WHEN.search(folded)),
        asks_count=bool(_COUNT.search(folded)),
        asks_who=bool(_WHO.search(folded)),
        asks_where=bool(_WHERE.search(folded)),
    )
