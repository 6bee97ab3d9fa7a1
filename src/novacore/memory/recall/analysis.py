"""From a text to the terms that are indexed and searched: the same for both, or nothing is found.

A term is a folded, stemmed word; a pair of Chinese or Japanese characters; or, with a mark before
it, something that must match as it stands: an identifier, a file name, a number with its signs
(`ID_MARK`), a word with its diacritics (`EXACT_MARK`).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from novacore.memory.recall.stemming import stem
from novacore.memory.recall.words import STOP_WORDS

ANALYSIS_VERSION: Final = 1
"""Rises with every change of what terms a text gives; an index of another version is made anew."""

ID_MARK: Final = "#"
EXACT_MARK: Final = "="

_WIDE = (
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\uac00-\ud7af"
)
_PIECE = re.compile(
    rf"[{_WIDE}]+"
    r"|[^\W_](?:[^\W_]|[_.\-/\\:@+#'’&=~%](?=[^\W]))*"
    r"|_+[^\W_](?:[^\W]|[.\-/:](?=[^\W]))*"
)
_WIDE_RUN = re.compile(rf"[{_WIDE}]+")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_INNER_MARKS = re.compile(r"[_./\\:@+#&=~%\-]")
_CONTRACTED = frozenset(("s", "t", "re", "ve", "ll", "d", "m"))
_NEGATED = frozenset(
    f"{word}'t"
    for word in (
        "don", "didn", "doesn", "isn", "wasn", "weren", "won", "wouldn", "couldn", "shouldn",
        "hasn", "haven", "hadn", "aren", "ain", "mustn", "needn",
    )
)  # fmt: skip
_TERM_CHARS_MAX = 80
_PIECE_CHARS_MAX = 256


@dataclass(frozen=True, slots=True)
class Term:
    """One term, and the surface word that it came from."""

    text: str
    surface: str


def fold(text: str) -> str:
    """Lower case without diacritics, compatibility forms made plain: "José" and "jose" are one."""
    text = unicodedata.normalize("NFKD", text)
    if not text.isascii():
        text = "".join(char for char in text if not unicodedata.combining(char))
        text = unicodedata.normalize("NFC", text)
    return text.casefold()


def index_terms(text: str) -> list[str]:
    """The terms of a text to index, in its order, stop words left out."""
    return [term for term, _surface in _terms(text) if term not in STOP_WORDS]


def query_terms(text: str) -> list[Term]:
    """The terms of a query; the stop words too where there is nothing else."""
    found = [Term(term, surface) for term, surface in _terms(text)]
    told = [term for term in found if term.text not in STOP_WORDS]
    return told or found


def comparable(text: str) -> str:
    """A text as quoted phrases are compared: folded, signs as blanks, blanks made one."""
    return " ".join(re.sub(r"[^\w]+", " ", fold(text)).split())


def _terms(text: str) -> Iterator[tuple[str, str]]:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "," in text:
        text = _GROUPED.sub(lambda match: match.group().replace(",", ""), text)
    for match in _PIECE.finditer(text):
        piece = match.group()[:_PIECE_CHARS_MAX]
        if piece.isascii():
            if piece.isalpha() and piece[1:].islower():
                word = piece.lower()
                yield (word if word in STOP_WORDS else stem(word)), word
                continue
        elif _WIDE_RUN.match(piece):
            yield from _wide_terms(piece)
            continue
        yield from _piece_terms(piece)


def _wide_terms(run: str) -> Iterator[tuple[str, str]]:
    """Pairs of neighbouring characters; a lone one as it is."""
    run = unicodedata.normalize("NFKC", run)
    if len(run) == 1:
        yield run, run
        return
    for at in range(len(run) - 1):
        yield run[at : at + 2], run[at : at + 2]


def _piece_terms(piece: str) -> Iterator[tuple[str, str]]:
    """The words of a piece, and the piece as a whole where it is more than a word."""
    whole = piece.strip("_.-/\\:@+#'’&=~%")
    if _INNER_MARKS.search(whole) and len(whole) <= _TERM_CHARS_MAX:
        folded = fold(whole)
        if not (folded.replace("-", "").isalpha() and folded.isascii()):
            yield ID_MARK + folded, whole
    for match in _WORD.finditer(whole):
        word = match.group()
        if _WIDE_RUN.search(word):
            for part in re.findall(rf"[{_WIDE}]+|[^{_WIDE}]+", word):
                if _WIDE_RUN.match(part):
                    yield from _wide_terms(part)
                else:
                    yield from _word_terms(part)
        else:
            yield from _word_terms(word)


def _is_mixed(word: str) -> bool:
    """True for camelCase and for letters beside digits; not for a capital or all capitals."""
    return word.isalnum() and not word[1:].islower() and not word.isupper() and not word.isdigit()


def _word_terms(word: str) -> Iterator[tuple[str, str]]:
    word = word.replace("’", "'")
    folded = fold(word)
    for ending in ("'s", "'"):
        folded = folded.removesuffix(ending)
    if "'" in folded:
        head, _, tail = folded.partition("'")
        folded = head if tail in _CONTRACTED else head + tail
    if not folded or (folded.endswith("n") and folded + "'t" in _NEGATED):
        return
    folded = folded[:_TERM_CHARS_MAX]
    yield (folded if folded in STOP_WORDS else stem(folded)), folded
    if not word.isascii():
        exact = unicodedata.normalize("NFC", word).casefold().partition("'")[0]
        if exact != folded:
            yield EXACT_MARK + exact[:_TERM_CHARS_MAX], exact
    parts = _CAMEL.findall(word) if word.isascii() and _is_mixed(word) else []
    if len(parts) > 1 and len(parts) <= 8:
        for part in parts:
            if len(part) > 1:
                lowered = part.lower()
                yield (lowered if lowered in STOP_WORDS else stem(lowered)), lowered
