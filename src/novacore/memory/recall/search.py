"""One question over one index: candidates by words and vectors, features, ranking, diversity."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from novacore.memory.recall.analysis import comparable, index_terms
from novacore.memory.recall.features import FEATURES, Dense, candidate_features
from novacore.memory.recall.index import Index
from novacore.memory.recall.query import Query
from novacore.memory.recall.ranker import Ranker
from novacore.memory.recall.scoring import TextScorer, TextScores, TextWeights
from novacore.memory.recall.segment import Floats, Ints
from novacore.memory.recall.vectors import Vectors

_OWN_CANDIDATES: Final = 40
_SAMPLED: Final = 16
_COSINE_MIN: Final = 0.2
"""What has no word of the question and is no nearer to it is not found at all."""
_POOL: Final = 8
"""So many times the candidates are looked at for texts that say the same."""
_VECTOR_CANDIDATES: Final = 40
_PHRASES_READ: Final = 64
_BEFORE_SHARE: Final = np.float32(0.6)
_AFTER_SHARE: Final = np.float32(0.3)
_ALIKE_FROM: Final = np.float32(0.6)
_DIVERSE_MAX: Final = 120
"""So many of the best are compared with each other."""

ReadTexts = Callable[[Sequence[int]], list[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One document that was found."""

    number: int
    logit: float
    parts: Mapping[str, float]


class Searcher:
    """Answers questions over an index and its vectors as they are now.

    Args:
        index: the documents.
        vectors: their vectors; None: there are none.
        ranker: makes one score of the features.
        candidates: how many are ranked closely.
        weights: of the fields; None: those that suit the index.
    """

    def __init__(
        self,
        index: Index,
        *,
        vectors: Vectors | None,
        ranker: Ranker,
        candidates: int,
        weights: TextWeights | None = None,
    ) -> None:
        self.index = index
        self.scorer = TextScorer(index, weights)
        self._vectors = vectors if vectors is not None and vectors.dimensions else None
        self._ranker = ranker
        self._candidates = candidates

    def find(
        self,
        query: Query,
        *,
        vector: Floats | None,
        allowed: NDArray[np.bool_],
        limit: int,
        diversity: float,
        now_us: int,
        read_texts: ReadTexts,
    ) -> list[Found]:
        """The best documents, best first.

        Args:
            query: the question.
            vector: its unit vector; None: only its words are used.
            allowed: per document, whether it may be found.
            limit: at most so many.
            diversity: how far repetitions are moved down, 0 to 1.
            now_us: what recency is seen from.
            read_texts: the texts of some documents, for quoted phrases.
        """
        at, features = self.features(
            query,
            vector=vector,
            allowed=allowed,
            limit=limit,
            diversity=diversity,
            now_us=now_us,
            read_texts=read_texts,
        )
        if not len(at):
            return []
        logits = self._ranker.logits(features)
        order = np.argsort(-logits, kind="stable")
        if diversity > 0:
            order = self._diverse(at, logits, order, limit=limit, diversity=diversity)
        return [
            Found(
                number=int(at[row]),
                logit=float(logits[row]),
                parts=self._ranker.parts(features[row]),
            )
            for row in order[:limit]
        ]

    def features(
        self,
        query: Query,
        *,
        vector: Floats | None,
        allowed: NDArray[np.bool_],
        limit: int,
        diversity: float,
        now_us: int,
        read_texts: ReadTexts,
    ) -> tuple[Ints, Floats]:
        """The candidates, rising, and their features, shape (candidates, features)."""
        scores = self.scorer.score(query)
        at = self.candidates(
            query, scores=scores, vector=vector, allowed=allowed, limit=limit, diversity=diversity
        )
        if not len(at):
            return at, np.zeros((0, len(FEATURES)), np.float32)
        made = candidate_features(
            self.index,
            scorer=self.scorer,
            query=query,
            scores=scores,
            candidates=at,
            dense=self._dense(at, vector),
            phrases=self._phrases(query, at, scores, read_texts),
            now_us=now_us,
        )
        return at, made

    def candidates(
        self,
        query: Query,
        *,
        scores: TextScores,
        vector: Floats | None,
        allowed: NDArray[np.bool_],
        limit: int,
        diversity: float,
    ) -> Ints:
        """The documents worth ranking, rising: best by all fields, by own words, by vectors."""
        wanted = max(self._candidates, limit)
        found = [
            self._best(scores.fields, wanted, allowed, diversity=diversity),
            self._best(scores.own, max(_OWN_CANDIDATES, limit // 2), allowed, diversity=diversity),
        ]
        if self._vectors is not None and vector is not None and vector.any():
            count = max(_VECTOR_CANDIDATES, limit // 2)
            near = self._vectors.nearest(vector, count, allowed=allowed)
            found.append(near[self._vectors.cosines(vector, near) >= _COSINE_MIN])
        found.extend(self._with_phrase(phrase, allowed) for phrase in query.phrases)
        numbers = np.unique(np.concatenate(found)).astype(np.int32)
        if diversity:
            numbers = np.sort(self._ordered(numbers, scores.fields, diversity=diversity))
        return numbers

    def _best(
        self, scores: Floats, count: int, allowed: NDArray[np.bool_], *, diversity: float
    ) -> Ints:
        """The allowed documents with the highest scores above 0; of equal ones the newest.

        With diversity, of several that say the same only the first counts, so that one text said
        a thousand times leaves room for others.
        """
        there = np.flatnonzero((scores > 0) & allowed).astype(np.int32)
        if len(there) <= count and not diversity:
            return there
        pool = there
        if len(there) > 2 * _POOL * count:
            values = scores[there]
            pool = there[values >= _bound(values, _POOL * count)]
        best = self._ordered(pool, scores, diversity=diversity)
        if len(best) < count and len(pool) < len(there):
            best = self._ordered(there, scores, diversity=diversity)
        return best[:count]

    def _ordered(self, numbers: Ints, scores: Floats, *, diversity: float) -> Ints:
        """Best first, the newest of equal ones; with diversity none that says the same again."""
        newest = numbers[::-1]
        ordered = newest[np.argsort(-scores[newest], kind="stable")]
        if not diversity:
            return ordered
        _, firsts = np.unique(self.index.column("digest")[ordered], return_index=True)
        return ordered[np.sort(firsts)]

    def _with_phrase(self, phrase: str, allowed: NDArray[np.bool_]) -> Ints:
        """The newest allowed documents that have every word of a phrase."""
        terms = index_terms(phrase)
        if not terms:
            return np.zeros(0, np.int32)
        has = allowed.copy()
        for term in terms:
            with_term = np.zeros(self.index.count, np.bool_)
            with_term[self.index.documents_with(term)] = True
            has &= with_term
        return np.flatnonzero(has)[-self._candidates :].astype(np.int32)

    def _dense(self, at: Ints, vector: Floats | None) -> Dense | None:
        if self._vectors is None or vector is None or not vector.any():
            return None
        near = self.scorer.neighbours
        before, after = near.before[0][at], near.after[0][at]
        own = self._vectors.cosines(vector, at)
        sides = [self._vectors.cosines(vector, side) for side in (before, after)]
        share_before = _BEFORE_SHARE * (before >= 0) * near.share[before]
        share_after = _AFTER_SHARE * (after >= 0) * near.share[after]
        total = own + share_before * sides[0] + share_after * sides[1]
        # The length of the sum, taking neighbours for unrelated: good enough to compare.
        length = np.sqrt(1 + share_before**2 + share_after**2)
        return Dense(own=own.astype(np.float32), around=(total / length).astype(np.float32))

    def _phrases(
        self, query: Query, at: Ints, scores: TextScores, read_texts: ReadTexts
    ) -> NDArray[np.bool_] | None:
        """Per candidate, whether its text has every quoted phrase; None: nothing is quoted."""
        if not query.phrases:
            return None
        terms = {term for phrase in query.phrases for term in index_terms(phrase)}
        may = np.ones(len(at), np.bool_)
        for term in terms:
            may &= np.isin(at, self.index.documents_with(term))
        rows = np.flatnonzero(may)
        rows = rows[np.argsort(-scores.own[at[rows]], kind="stable")[:_PHRASES_READ]]
        hit = np.zeros(len(at), np.bool_)
        for row, text in zip(rows, read_texts([int(at[row]) for row in rows]), strict=True):
            words = f" {comparable(text)} "
            hit[row] = all(_is_in(phrase, words) for phrase in query.phrases)
        return hit

    def _diverse(
        self, at: Ints, logits: Floats, order: NDArray[np.intp], *, limit: int, diversity: float
    ) -> NDArray[np.intp]:
        """The order with repetitions moved down: maximal marginal relevance over the words.

        Source: Carbonell, Goldstein, "The use of MMR", SIGIR 1998.
        """
        pool = order[: min(4 * limit, _DIVERSE_MAX)]
        alike = self._likeness(at[pool])
        if not alike.any():
            return order
        least = logits[pool[-1]]
        spread = max(float(logits[pool[0]] - least), 1.0)
        values = (1 - diversity) * (logits[pool] - least) / spread
        most = np.zeros(len(pool), np.float32)
        left = np.ones(len(pool), np.bool_)
        chosen: list[int] = []
        for _ in range(min(limit, len(pool))):
            marginal = np.where(left, values - diversity * most, -np.inf)
            best = int(np.argmax(marginal))
            chosen.append(best)
            left[best] = False
            most = np.maximum(most, alike[best])
        rest = np.flatnonzero(left)
        picked = np.concatenate((np.array(chosen, np.intp), rest))
        return np.concatenate((pool[picked], order[len(pool) :]))

    def _likeness(self, numbers: Ints) -> Floats:
        """How far documents repeat each other: 0 up to six tenths of their words, 1 for all.

        Shape (documents, documents), with 0 for each with itself.
        """
        tokens, rows = self.index.tokens_of(numbers)
        terms, columns = np.unique(tokens, return_inverse=True)
        has = np.zeros((len(numbers), len(terms)), np.float32)
        has[rows, columns] = 1
        common = has @ has.T
        sizes = has.sum(axis=1)
        union = np.maximum(sizes[:, None] + sizes[None, :] - common, 1)
        alike = np.clip((common / union - _ALIKE_FROM) / (1 - _ALIKE_FROM), 0, 1)
        np.fill_diagonal(alike, 0)
        return alike.astype(np.float32)


def _is_in(phrase: str, words: str) -> bool:
    """Whole words, except where a script sets no blanks between them."""
    return f" {phrase} " in words or (not phrase.isascii() and phrase in words)


def _bound(values: Floats, count: int) -> np.float32:
    """A value that at least so many reach, and not many more, told from a sample of them."""
    sample = values[::_SAMPLED]
    rank = count * 3 // (2 * _SAMPLED) + 1
    if rank < len(sample):
        bound = np.partition(sample, -rank)[-rank]
        if int(np.count_nonzero(values >= bound)) >= count:
            return bound
    return np.partition(values, -count)[-count]
