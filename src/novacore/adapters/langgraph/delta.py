"""A value told by what changed since the one before: copies out of the old bytes, and new bytes.

A channel that collects messages is written at each step, and whole it would grow with the square
of the steps. Knows nothing of what the bytes mean, so that any serializer does.
"""

from collections.abc import Sequence

Part = tuple[int, int] | bytes
"""(start, length) in the bytes before, or bytes that are new."""

_CHUNK = 64 * 1024
_ANCHOR_BYTES = 24
_SKIPS = (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256)
"""How far behind a difference the old bytes are looked for again: counts and lengths stand in
front of what they count, and changing one moves everything."""
_COPIES_MAX = 16


def diff(before: bytes, after: bytes) -> list[Part]:
    """The parts that make `after` out of `before`; always right, short where they are alike.

    Copies follow one another in `before` as in `after`: what is read through many versions is then
    cut into few pieces. Shorter ones than an anchor are not worth their place.

    Cost: linear while they are alike; at most `_COPIES_MAX` searches of `before` where they differ.
    """
    parts: list[Part] = []
    at_after = at_before = news_from = 0
    for _ in range(_COPIES_MAX):
        same = _common(before, at_before, after=after, at_after=at_after)
        if same >= _ANCHOR_BYTES:
            parts += [after[news_from:at_after], (at_before, same)]
            news_from = at_after + same
        at_before, at_after = at_before + same, at_after + same
        found = _resume(before, at_before, after=after, at_after=at_after)
        if found is None:
            break
        skip, at_before = found
        at_after += skip
    rest = after[news_from:]
    tail = _common_end(before[at_before:], rest)
    if tail >= _ANCHOR_BYTES:
        parts += [rest[: len(rest) - tail], (len(before) - tail, tail)]
    else:
        parts.append(rest)
    return [part for part in parts if part]


def literal_bytes(parts: Sequence[Part]) -> int:
    """How many of the bytes are new."""
    return sum(len(part) for part in parts if isinstance(part, bytes))


def size_of(part: Part) -> int:
    """How many bytes it makes."""
    return len(part) if isinstance(part, bytes) else part[1]


def _resume(
    before: bytes, at_before: int, *, after: bytes, at_after: int
) -> tuple[int, int] | None:
    """(how far behind `at_after`, where in `before`) the two are alike again; None: not seen."""
    for skip in _SKIPS:
        anchor = after[at_after + skip : at_after + skip + _ANCHOR_BYTES]
        if len(anchor) < _ANCHOR_BYTES:
            return None
        near = before.find(anchor, at_before)
        if near >= 0:
            return skip, near
    return None


def _common(before: bytes, at_before: int, *, after: bytes, at_after: int) -> int:
    """How many bytes are alike from here on."""
    most = min(len(before) - at_before, len(after) - at_after)
    same = 0
    while same < most:
        size = min(_CHUNK, most - same)
        left = before[at_before + same : at_before + same + size]
        right = after[at_after + same : at_after + same + size]
        if left != right:
            return same + _common_start(left, right)
        same += size
    return same


def _common_start(left: bytes, right: bytes) -> int:
    """How many bytes two different texts of one length begin alike: halves, compared whole."""
    low, high = 0, len(left)
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(before: bytes, after: bytes) -> int:
    most = min(len(before), len(after))
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if before[len(before) - middle :] == after[len(after) - middle :]:
            low = middle
        else:
            high = middle - 1
    return low
