"""BM25 over fields: a turn's own words, its speaker, its date, and the turns around it.

The weighted counts of all fields are added before they saturate (BM25F), so that a question whose
words are spread over neighbouring turns is answered by the turn in their middle.

Source: Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004.
The weights: docs/explanation/recall.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from novacore.memory.recall.analysis import index_terms
from novacore.memory.recall.index import Index
from novacore.memory.recall.query import TERMS_MAX, Query
from novacore.memory.recall.segment import Floats, Ints
from novacore.memory.recall.stemming import stem
from novacore.memory.recall.words import MONTH_NAMES

_US_PER_DAY: Final = 86_400_000_000
_DENSE_SHARE: Final = 2
"""A term that touches more than one in so many documents is added over all of them at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextWeights:
    """The weights of the fields and the two constants of BM25."""

    k1: float
    b: float
    before: tuple[float, ...] = (0.4, 0.2, 0.0, 0.1)
    """Of the turns 1, 2, 3 and 4 before."""
    after: tuple[float, ...] = (0.15, 0.15, 0.0, 0.05)
    """Of the turns 1, 2, 3 and 4 after."""
    speaker: float = 8.0
    date: float = 2.0
    length_half: float = 80.0
    """A turn of so many terms counts half as a neighbour; a longer one stands for itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextScores:
    """What the words say, per document of the index."""

    own: Floats
    """BM25 of the turn's own words."""
    fields: Floats
    """BM25 over all fields."""
    idf: dict[str, float]
    """How rare each term of the question is; those that occur nowhere too."""


def weights_for(index: Index) -> TextWeights:
    """Constants that suit the lengths of what is in the index.

    In short chat turns a repeated word and a longer turn mean little; in long messages both mean
    much, and a small `b` lets the longest ones win always (measured: reference of the decision
    record). Between, both rise with the mean length.
    """
    mean = index.tokens_count / max(1, int(np.count_nonzero(index.alive)))
    part = mean / (mean + 40.0)
    return TextWeights(k1=0.6 + 1.0 * part, b=min(0.75, 0.05 + 0.95 * part))


class Neighbours:
    """Per document, which ones stand 1, 2, 3 and 4 turns before and after it; -1: none."""

    def __init__(self, index: Index, *, length_half: float) -> None:
        self.before = _chain(index.column("before"))
        self.after = _chain(index.after)
        own = index.column("length").astype(np.float32)
        self.share = (1.0 / (1.0 + (own / np.float32(length_half)) ** 2)).astype(np.float32)
        """Per document, how much its words count for the turns around it, 0 to 1."""

    def lengths(self, own: Floats, weights: TextWeights) -> Floats:
        """Weighted lengths of own words and neighbours."""
        total, lent = own.copy(), own * self.share
        for steps, each in ((self.before, weights.before), (self.after, weights.after)):
            for step, weight in zip(steps, each, strict=True):
                if weight:
                    total += np.where(step >= 0, lent[step], 0.0) * np.float32(weight)
        return total


def _chain(step: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    one = np.ascontiguousarray(step)
    if not len(one):
        return one, one, one, one
    two = np.where(one >= 0, one[one], -1).astype(np.int32)
    three = np.where(two >= 0, one[two], -1).astype(np.int32)
    four = np.where(two >= 0, two[two], -1).astype(np.int32)
    return one, two, three, four


class TextScorer:
    """Scores an index as it is now; made anew when documents were added."""

    def __init__(self, index: Index, weights: TextWeights | None = None) -> None:
        self._index = index
        self.weights = weights or weights_for(index)
        self.neighbours = Neighbours(index, length_half=self.weights.length_half)
        self.lengths = index.column("length").astype(np.float32)
        b = self.weights.b
        self._own_norm = _norms(self.lengths, index.alive, b)
        all_lengths = self.neighbours.lengths(self.lengths, self.weights)
        self._field_norm = _norms(all_lengths, index.alive, b)
        self._dates = _Dates(index.column("said_at"))
        self._speakers: dict[str, list[int]] = {}
        for number, name in enumerate(index.names["speaker"].texts):
            for term in index_terms(name):
                self._speakers.setdefault(term, []).append(number)
        self._scratch = np.zeros(index.count + 1, np.float32)
        self._living = max(1, int(np.count_nonzero(index.alive)))

    def speakers_of(self, term: str) -> NDArray[np.bool_] | None:
        """Per document, whether its speaker's name has this term; None: no speaker's has."""
        named = self._speakers.get(term)
        if named is None:
            return None
        column = self._index.column("speaker")
        if len(named) == 1:
            return column == named[0]
        return np.isin(column, named)

    def score(self, query: Query) -> TextScores:
        """BM25 of every document, erased ones too: the caller masks."""
        count = self._index.count
        own, fields = np.zeros(count, np.float32), np.zeros(count, np.float32)
        idf: dict[str, float] = {}
        for term, documents, counts, label in self._terms(query):
            hits = len(documents) + (0 if label is None else int(np.count_nonzero(label)))
            # Retired documents are among the hits: a term is never so common that it says nothing.
            share = (max(self._living, hits) - hits + 0.5) / (hits + 0.5)
            idf[term] = weight = float(np.log1p(share))
            if not hits:
                continue
            k1 = np.float32(self.weights.k1)
            top = np.float32(weight * (self.weights.k1 + 1))
            if len(documents):
                own[documents] += top * counts / (counts + k1 * self._own_norm[documents])
            self._add_fields(fields, documents, counts, label, top)
        return TextScores(own=own, fields=fields, idf=idf)

    def _terms(self, query: Query) -> Iterator[tuple[str, Ints, Floats, Floats | None]]:
        """Per term: its documents, how often it is in each, and what speaker and date add."""
        found: list[tuple[str, Ints, Floats, Floats | None]] = []
        for term in query.terms:
            number = self._index.names["term"].find(term)
            held = (
                []
                if number is None
                else [
                    part
                    for segment in self._index.segments
                    if (part := segment.postings(number)) is not None
                ]
            )
            documents = np.concatenate([np.zeros(0, np.int32), *(part[0] for part in held)])
            held_counts = [part[1].astype(np.float32) for part in held]
            counts = np.concatenate([np.zeros(0, np.float32), *held_counts])
            found.append((term, documents, counts, self._label(term)))
        if len(found) > TERMS_MAX:
            found = sorted(found, key=lambda each: len(each[1]))[:TERMS_MAX]
        yield from found

    def _label(self, term: str) -> Floats | None:
        said = self.speakers_of(term)
        dated = self._dates.matching(term)
        if said is None and dated is None:
            return None
        label = np.zeros(self._index.count, np.float32)
        if said is not None:
            label[said] += np.float32(self.weights.speaker)
        if dated is not None:
            label[dated] += np.float32(self.weights.date)
        return label

    def _add_fields(
        self,
        fields: Floats,
        documents: Ints,
        counts: Floats,
        label: Floats | None,
        top: np.float32,
    ) -> None:
        """Add one term's score over all fields."""
        total = self._scratch
        total[documents] = counts
        lent = counts * self.neighbours.share[documents]
        touched = [documents]
        # A turn before holds the term: this turn is `after` of it, and the other way round. No
        # two turns have the same neighbour, so that adding in place meets each place once; what
        # has no neighbour (-1) falls into the last place, which is no turn's.
        for steps, each in (
            (self.neighbours.after, self.weights.before),
            (self.neighbours.before, self.weights.after),
        ):
            for step, weight in zip(steps, each, strict=True):
                if weight:
                    at = step[documents]
                    total[at] += lent * np.float32(weight)
                    touched.append(at)
        total[-1] = 0
        k1, norm = np.float32(self.weights.k1), self._field_norm
        if label is not None or len(touched) * len(documents) * _DENSE_SHARE > len(fields):
            sums = total[:-1] if label is None else total[:-1] + label
            fields += top * sums / (sums + k1 * norm + np.float32(1e-9))
            total[:] = 0
            return
        # One place may stand here twice: both times the same is written.
        at = np.concatenate(touched)
        at = at[at >= 0]
        sums = total[at]
        fields[at] = fields[at] + top * sums / (sums + k1 * norm[at])
        total[at] = 0


class _Dates:
    """Year, month and day of every document, compared with a term only where it looks like one."""

    def __init__(self, said_at: NDArray[np.int64]) -> None:
        days = (said_at // _US_PER_DAY).astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        self._year = (days.astype("datetime64[Y]").astype(np.int32) + 1970).astype(np.int16)
        self._month = (months.astype(np.int32) % 12 + 1).astype(np.int8)
        self._day = ((days - months).astype(np.int32) + 1).astype(np.int8)
        self._months = {stem(name): at for at, name in enumerate(MONTH_NAMES, start=1)}

    def matching(self, term: str) -> NDArray[np.bool_] | None:
        """Per document, whether it was said in the year, month or on the day that `term` names."""
        month = self._months.get(term)
        if month is not None:
            return self._month == month
        if not term.isascii() or not term.isdigit():
            return None
        if len(term) == 4 and term[:2] in ("19", "20"):
            return self._year == int(term)
        if len(term) <= 2 and 1 <= int(term) <= 31:
            return self._day == int(term)
        return None


def _norms(lengths: Floats, alive: NDArray[np.bool_], b: float) -> Floats:
    living = lengths[alive]
    mean = float(living.mean()) if len(living) else 1.0
    return (1.0 - b + b * lengths / max(mean, 1.0)).astype(np.float32)
