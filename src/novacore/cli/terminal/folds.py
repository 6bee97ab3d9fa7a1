"""What was shown in part: tool calls with their results, numbered to be asked for."""

import dataclasses
from collections.abc import Callable

from novacore.cli import text

_FOLDS_MAX = 10_000


@dataclasses.dataclass(kw_only=True)
class Fold:
    """One tool call and what came of it."""

    number: int
    name: str
    arguments: str
    """As the model wrote them."""
    result: str = ""
    blob: str = ""
    """Where the whole result is kept; empty: `result` is all."""
    is_error: bool = False


class Folds:
    """The calls of this conversation in the order they were shown, from number 1."""

    def __init__(self) -> None:
        self._by_number: dict[int, Fold] = {}
        self._by_call: dict[str, Fold] = {}
        self._last = 0

    def add(self, *, call_id: str, name: str, arguments: str) -> Fold:
        """A new fold for a call; the oldest is forgotten when there are very many."""
        self._last += 1
        fold = Fold(number=self._last, name=name, arguments=arguments)
        self._by_number[fold.number] = fold
        self._by_call[call_id] = fold
        self._by_number.pop(self._last - _FOLDS_MAX, None)
        return fold

    def find(self, call_id: str) -> Fold | None:
        """The newest fold of this call; None where it was not shown."""
        return self._by_call.get(call_id)

    def get(self, number: int) -> Fold | None:
        """The fold of this number; 0 is the last one. None where there is none."""
        return self._by_number.get(number or self._last)


def head_of(result: str, *, lines_max: int) -> tuple[list[str], int]:
    """The first lines of a result, and how many lines were left out."""
    lines = text.clean(result).rstrip().split("\n")
    left = len(lines) - lines_max
    if left <= 1:
        return (lines, 0) if lines_max else ([], len(lines))
    return lines[:lines_max], left


def whole(fold: Fold, read_blob: Callable[[str], bytes]) -> str:
    """Everything about a call: its arguments and its whole result."""
    result = fold.result
    if fold.blob:
        result = read_blob(fold.blob).decode("utf-8", "replace")
    return f"{fold.name} {fold.arguments}\n{result}"
