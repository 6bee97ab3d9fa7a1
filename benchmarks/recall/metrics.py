"""How good a ranking is, by turn and by session."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = (
    "R@5", "R@10", "any@10", "NDCG@10", "sess Hit@1", "sess any@5", "sess any@10",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """What was found for one question, best first."""

    found: Sequence[str]
    """Keys of turns."""
    sessions: Sequence[str]
    """The session of each."""
    evidence: frozenset[str]
    wanted_sessions: frozenset[str]
    category: int


def table_row(rankings: Sequence[Ranking]) -> list[float]:
    """The means over all questions, in the order of `COLUMNS`."""
    rows = [_measures(each) for each in rankings]
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def _measures(ranking: Ranking) -> list[float]:
    evidence = ranking.evidence
    top = list(ranking.found[:10])
    hits = [key in evidence for key in top]
    gain = sum(1 / math.log2(at + 2) for at, hit in enumerate(hits) if hit)
    best = sum(1 / math.log2(at + 2) for at in range(min(10, len(evidence))))
    seen = list(dict.fromkeys(ranking.sessions))
    return [
        len(evidence.intersection(top[:5])) / len(evidence),
        len(evidence.intersection(top)) / len(evidence),
        float(any(hits)),
        gain / best,
        float(seen[:1] != [] and seen[0] in ranking.wanted_sessions),
        float(bool(ranking.wanted_sessions.intersection(seen[:5]))),
        float(bool(ranking.wanted_sessions.intersection(seen[:10]))),
    ]
