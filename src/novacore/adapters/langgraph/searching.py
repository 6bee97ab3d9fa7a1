"""Which items a search finds, by filter, and how near they are, by vectors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langgraph.store.base import MatchCondition


def matches(value: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Whether an item's value passes a filter: every key equal, or every operator true."""
    return all(_is_equal(value.get(key), each) for key, each in (wanted or {}).items())


def _is_equal(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if any(str(key).startswith("$") for key in wanted):
            return all(_compare(value, name, bound) for name, bound in wanted.items())
        return isinstance(value, Mapping) and matches(value, wanted)
    if isinstance(wanted, list | tuple):
        return (
            isinstance(value, list)
            and len(value) == len(wanted)
            and all(_is_equal(one, other) for one, other in zip(value, wanted, strict=True))
        )
    return value == wanted


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda value, bound: value > bound,
    "$gte": lambda value, bound: value >= bound,
    "$lt": lambda value, bound: value < bound,
    "$lte": lambda value, bound: value <= bound,
}


def _compare(value: Any, name: str, bound: Any) -> bool:
    """One operator. What can't be ordered, a missing value for instance, is not in any order."""
    if name == "$eq":
        return _is_equal(value, bound)
    if name == "$ne":
        return not _is_equal(value, bound)
    if name not in _ORDERS:
        known = ", ".join(["$eq", "$ne", *_ORDERS])
        raise ValueError(f"{name!r} is no operator of a filter; expected one of {known}.")
    try:
        return bool(_ORDERS[name](value, bound))
    except TypeError:
        return False


def is_within(namespace: Sequence[str], condition: MatchCondition) -> bool:
    """Whether a namespace matches a condition, label by label; `*` stands for any one label."""
    path = condition.path
    if len(path) > len(namespace):
        return False
    if condition.match_type == "prefix":
        labels = namespace[: len(path)]
    elif condition.match_type == "suffix":
        labels = namespace[len(namespace) - len(path) :]
    else:
        raise ValueError(f"{condition.match_type!r} is no match type; expected prefix or suffix.")
    return all(want in ("*", label) for label, want in zip(labels, path, strict=True))


def by_vectors(
    query: Sequence[float], items: Sequence[Sequence[Sequence[float]]]
) -> list[float | None]:
    """The cosine of each item's nearest vector to the query; None for an item without vectors.

    Exact. Cost: linear in vectors and dimensions.
    """
    vectors = [vector for item in items for vector in item]
    scores = iter(_cosines(query, vectors))
    return [max((next(scores) for _ in item), default=None) for item in items]


def _cosines(query: Sequence[float], vectors: Sequence[Sequence[float]]) -> list[float]:
    if not vectors:
        return []
    import numpy as np  # noqa: PLC0415 - heavy, and only a search by meaning needs it

    matrix = np.asarray(vectors, dtype=np.float64)
    wanted = np.asarray(query, dtype=np.float64)
    norms = np.linalg.norm(matrix, axis=1) * np.linalg.norm(wanted)
    dots = matrix @ wanted
    return np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0).tolist()
