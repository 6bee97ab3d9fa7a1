"""Weights fitted to questions: the same conditional logit that training uses, with no prior."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RIDGE = 0.003
_STEPS_MAX = 30


@dataclass(frozen=True, kw_only=True)
class Example:
    """A question's candidates, their features, and which of them answer."""

    numbers: NDArray[np.int32]
    features: NDArray[np.float64]
    wanted: NDArray[np.float64]


def fit(examples: Sequence[Example]) -> NDArray[np.float64]:
    """The most likely weights, slightly drawn to 0. Newton's method."""
    told = [each for each in examples if each.wanted.any()]
    features = np.concatenate([each.features for each in told])
    wanted = np.concatenate([each.wanted / each.wanted.sum() for each in told])
    sizes = [len(each.wanted) for each in told]
    starts = np.cumsum([0, *sizes[:-1]])
    weights = np.zeros(features.shape[1])
    loss, share = _loss(features, wanted, starts, sizes, weights)
    for _ in range(_STEPS_MAX):
        slope = features.T @ (share - wanted) / len(told) + _RIDGE * weights
        weighted = features * share[:, None]
        means = np.add.reduceat(weighted, starts, axis=0)
        curve = (weighted.T @ features - means.T @ means) / len(told)
        step = np.linalg.solve(curve + _RIDGE * np.eye(len(weights)), slope)
        size = 1.0
        while size > 1e-6:
            fresh, fresh_share = _loss(features, wanted, starts, sizes, weights - size * step)
            if fresh <= loss:
                break
            size /= 2
        else:
            break
        is_done = loss - fresh < 1e-7
        weights, loss, share = weights - size * step, fresh, fresh_share
        if is_done:
            break
    return weights


def _loss(
    features: NDArray[np.float64],
    wanted: NDArray[np.float64],
    starts: NDArray[np.int64],
    sizes: Sequence[int],
    weights: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    sums = features @ weights
    tops = np.maximum.reduceat(sums, starts)
    grown = np.exp(sums - np.repeat(tops, sizes))
    totals = np.add.reduceat(grown, starts)
    loss = ((np.log(totals) + tops).sum() - (wanted * sums).sum()) / len(sizes)
    return float(loss + _RIDGE / 2 * (weights**2).sum()), grown / np.repeat(totals, sizes)
