"""What is known of each candidate, as numbers from 0 to 1: the scores that the ranker adds up.

Every feature is relative to the question at hand (a share of the best candidate's score, a share of
the question's words), so that one set of weights serves short chats and long messages alike.
"""

import itertools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from novacore.memory.recall.dates import When
from novacore.memory.recall.documents import (
    HAS_NAME,
    IS_QUESTION,
    IS_SHORT_REPLY,
    SAYS_NUMBER,
    SAYS_WHEN,
)
from novacore.memory.recall.index import Index
from novacore.memory.recall.query import Query
from novacore.memory.recall.scoring import TextScorer, TextScores
from novacore.memory.recall.segment import Floats, Ints

FEATURES: Final = (
    "fields", "own", "before1", "after1", "before2", "after2", "around", "rank", "own_rank",
    "cover_own", "cover_around", "pairs", "own_long", "session", "session_rank",
    "said_by_named", "said_by_other", "date_named", "date_near", "date_far",
    "when_says_when", "count_says_number", "who_has_name", "where_has_name", "asked_question",
    "answers_question", "short_reply", "length", "first_in_session", "last_in_session",
    "vector", "vector_around", "exact", "phrase", "recency", "confidence",
)  # fmt: skip
"""The features' names, in the order of the columns."""

_SHIFT: Final = 2**31
_US_PER_DAY: Final = 86_400_000_000
_RECENCY_DAYS: Final = 30.0
_LONG_TERMS: Final = 60.0
"""Where turns have so many terms on average, they count half as long messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dense:
    """What the vectors say of the candidates."""

    own: Floats
    """Cosine of question and turn, per candidate."""
    around: Floats
    """Cosine with the turn and its neighbours together, per candidate."""


def candidate_features(
    index: Index,
    *,
    scorer: TextScorer,
    query: Query,
    scores: TextScores,
    candidates: Ints,
    dense: Dense | None,
    phrases: NDArray[np.bool_] | None,
    now_us: int,
) -> Floats:
    """The features of the candidates, shape (candidates, features), float32.

    Args:
        index: where they are.
        scorer: made of that index.
        query: the question.
        scores: what its words gave.
        candidates: numbers of documents.
        dense: what the vectors gave; None: there are none, and these columns are 0.
        phrases: per candidate, whether it has all that is quoted; None: nothing is.
        now_us: what recency is seen from.
    """
    about = _About(index, scorer=scorer, query=query, scores=scores, at=candidates)
    made: dict[str, NDArray[np.float32]] = {
        **about.words(),
        **about.sessions(),
        **about.speakers(),
        **about.dates(),
        **about.turns(),
    }
    made["recency"] = _recency(index.column("said_at")[candidates], now_us)
    made["confidence"] = np.clip(index.column("confidence")[candidates], 0, 1)
    if dense is not None:
        made |= {"vector": _spread(dense.own), "vector_around": _spread(dense.around)}
    if phrases is not None:
        made["phrase"] = phrases.astype(np.float32)
    nothing = np.zeros(len(candidates), np.float32)
    return np.stack([made.get(name, nothing) for name in FEATURES], axis=1).astype(np.float32)


class _About:
    def __init__(
        self, index: Index, *, scorer: TextScorer, query: Query, scores: TextScores, at: Ints
    ) -> None:
        self.index, self.scorer, self.query, self.scores, self.at = index, scorer, query, scores, at
        near = scorer.neighbours
        self.before = [step[at] for step in near.before]
        self.after = [step[at] for step in near.after]
        self.share = np.append(near.share, np.float32(0))
        mean = float(scorer.lengths.mean()) if len(scorer.lengths) else 0.0
        self.longness = np.float32(mean**2 / (mean**2 + _LONG_TERMS**2))

    def _own_at(self, places: Ints) -> Floats:
        return np.where(places >= 0, self.scores.own[places], 0).astype(np.float32)

    def words(self) -> dict[str, Floats]:
        own, fields = self.scores.own[self.at], self.scores.fields[self.at]
        top = max(float(own.max(initial=0)), 1e-6)
        sides = {
            "before1": self.before[0], "after1": self.after[0],
            "before2": self.before[1], "after2": self.after[1],
        }  # fmt: skip
        made = {name: self._own_at(places) / top for name, places in sides.items()}
        around = np.maximum.reduce([self._own_at(each) for each in (*self.before, *self.after)])
        cover_own, cover_around = self._cover()
        return made | {
            "fields": _share(fields),
            "own": own / top,
            "own_long": own / top * self.longness,
            "around": around / top,
            "rank": _rank(fields),
            "own_rank": _rank(own) * (own > 0),
            "cover_own": cover_own,
            "cover_around": cover_around,
            "pairs": self._pairs(),
            "exact": self._exact(),
        }

    def _has(self, term: str) -> NDArray[np.bool_]:
        """Per document whether it has a term in its own words; one more, False, for "no turn"."""
        has = np.zeros(self.index.count + 1, np.bool_)
        has[self.index.documents_with(term)] = True
        return has

    def _cover(self) -> tuple[Floats, Floats]:
        """The share of the question's rarity in the turn, and in it and the turns around it."""
        total = sum(self.scores.idf.values()) or 1.0
        own = np.zeros(len(self.at), np.float32)
        around = np.zeros(len(self.at), np.float32)
        for term, weight in self.scores.idf.items():
            # The last element stands for "no such turn": -1 finds it.
            has = self._has(term)
            here = has[self.at]
            wide = here.astype(np.float32)
            for places in (*self.before[:2], *self.after[:2]):
                np.maximum(wide, has[places] * self.share[places], out=wide)
            own += here * np.float32(weight / total)
            around += wide * np.float32(weight / total)
        return own, around

    def _pairs(self) -> Floats:
        """The share of the question's neighbouring words that are neighbours in the turn too."""
        numbers = [self.index.names["term"].find(term) for term in self.query.terms]
        wanted = {
            (left, right)
            for left, right in itertools.pairwise(numbers)
            if left is not None and right is not None
        }
        made = np.zeros(len(self.at), np.float32)
        if not wanted:
            return made
        keys = np.array(sorted(left * _SHIFT + right for left, right in wanted), np.int64)
        tokens, rows = self.index.tokens_of(self.at)
        if len(tokens) < 2:
            return made
        pairs = tokens[:-1].astype(np.int64) * _SHIFT + tokens[1:]
        places = np.minimum(np.searchsorted(keys, pairs), len(keys) - 1)
        hit = (keys[places] == pairs) & (rows[:-1] == rows[1:])
        found = np.unique(rows[:-1][hit].astype(np.int64) * len(keys) + places[hit])
        np.add.at(made, found // len(keys), np.float32(1 / len(keys)))
        return made

    def _exact(self) -> Floats:
        """The share of the identifiers and exact words that the turn has."""
        made = np.zeros(len(self.at), np.float32)
        for term in self.query.exact:
            made += self._has(term)[self.at] / np.float32(len(self.query.exact))
        return made

    def sessions(self) -> dict[str, Floats]:
        """How well the turn's session does: the mean of its best three candidates."""
        sessions = self.index.column("session")[self.at]
        fields = self.scores.fields[self.at]
        order = np.lexsort((-fields, sessions))
        ranked = sessions[order]
        starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
        sizes = np.diff(np.append(starts, len(ranked)))
        place = np.arange(len(ranked)) - np.repeat(starts, sizes)
        best = np.where(place < 3, fields[order], 0)
        means = np.add.reduceat(best, starts) / 3 if len(starts) else best
        own = np.empty(len(fields), np.float32)
        own[order] = np.repeat(means, sizes)
        ranks = np.empty(len(fields), np.float32)
        ranks[order] = np.repeat(_rank(means.astype(np.float32)), sizes)
        return {"session": _share(own), "session_rank": ranks}

    def speakers(self) -> dict[str, Floats]:
        named = np.zeros(len(self.at), np.bool_)
        for term in self.query.terms:
            said = self.scorer.speakers_of(term)
            if said is not None:
                named |= said[self.at]
        anyone = np.any([self.scorer.speakers_of(term) is not None for term in self.query.terms])
        other = ~named if anyone else np.zeros(len(self.at), np.bool_)
        return {
            "said_by_named": named.astype(np.float32),
            "said_by_other": other.astype(np.float32),
        }

    def dates(self) -> dict[str, Floats]:
        """Said at the named time; up to a week after it (one speaks of what was); far from it."""
        if not self.query.times:
            return {}
        said = self.index.column("said_at")[self.at]
        at, near = np.zeros(len(said), np.bool_), np.zeros(len(said), np.bool_)
        for when in self.query.times:
            at |= _is_at(said, when, slack_days=0)
            near |= _is_at(said, when, slack_days=10)
        near &= ~at
        return {
            "date_named": at.astype(np.float32),
            "date_near": near.astype(np.float32),
            "date_far": (~(at | near)).astype(np.float32),
        }

    def turns(self) -> dict[str, Floats]:
        flags = self.index.column("flags")
        here = flags[self.at]
        before = np.where(self.before[0] >= 0, flags[self.before[0]], 0)
        ask = self.query
        is_question = (here & IS_QUESTION) > 0
        lengths = self.scorer.lengths[self.at]
        mean = max(float(self.scorer.lengths.mean()), 1.0)
        made: dict[str, NDArray[Any]] = {
            "when_says_when": ((here & SAYS_WHEN) > 0) & ask.asks_when,
            "count_says_number": ((here & SAYS_NUMBER) > 0) & ask.asks_count,
            "who_has_name": ((here & HAS_NAME) > 0) & ask.asks_who,
            "where_has_name": ((here & HAS_NAME) > 0) & ask.asks_where,
            "asked_question": is_question,
            "answers_question": (((before & IS_QUESTION) > 0) & ~is_question) * self.share[self.at],
            "short_reply": (here & IS_SHORT_REPLY) > 0,
            "length": (1 - self.longness) * (np.tanh(np.log((lengths + 1) / (mean + 1))) / 2 + 0.5),
            "first_in_session": self.before[0] < 0,
            "last_in_session": self.after[0] < 0,
        }
        return {name: each.astype(np.float32) for name, each in made.items()}


def _is_at(said: NDArray[np.int64], when: When, *, slack_days: int) -> NDArray[np.bool_]:
    slack = slack_days * _US_PER_DAY
    if not when.month:
        return (said >= when.start_us) & (said < when.end_us + slack)
    hit = np.zeros(len(said), np.bool_)
    for back in range(0, slack_days + 1, 5):
        days = ((said - back * _US_PER_DAY) // _US_PER_DAY).astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        is_month = months.astype(np.int32) % 12 + 1 == when.month
        if when.day:
            is_month &= (days - months).astype(np.int32) + 1 == when.day
        hit |= is_month
    return hit


def _recency(said: NDArray[np.int64], now_us: int) -> Floats:
    days = np.maximum(now_us - said, 0) / _US_PER_DAY
    return (1.0 / (1.0 + days / _RECENCY_DAYS)).astype(np.float32)


def _share(values: Floats) -> Floats:
    return values / np.float32(max(float(values.max(initial=0)), 1e-6))


def _spread(values: Floats) -> Floats:
    """From 0 for the least to 1 for the best."""
    if not len(values):
        return values
    least, most = float(values.min()), float(values.max())
    return (values - np.float32(least)) / np.float32(max(most - least, 1e-6))


def _rank(values: Floats) -> Floats:
    """1 for the best, 1/2 for the second, then slowly less."""
    ranks = np.empty(len(values), np.float32)
    ranks[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return (1.0 / (1.0 + ranks / 2)).astype(np.float32)
