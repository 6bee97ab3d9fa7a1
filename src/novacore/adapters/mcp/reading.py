"""Entries of a journal as the tools show them: a page of a session, and all by time."""

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from novacore import journal, llm, memory
from novacore.adapters.mcp.arguments import Said

MEMORY = "memory"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[int, int]
"""(said at, sequence): where an entry is in time, whatever else was said at that moment."""


def time_text(at_us: int) -> str:
    """A time as ISO 8601, UTC."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")


def read_time(text: str) -> int:
    """The µs of an ISO 8601 time; one without a zone is UTC.

    Raises:
        ValueError: it is no time.
    """
    found = datetime.fromisoformat(text.strip())
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (found - _EPOCH) // timedelta(microseconds=1)


def show(entry: journal.Entry, *, session: str, chars_max: int, score: float | None = None) -> Said:
    """One entry as the tools give it."""
    body = cast(Mapping[str, Any], entry.body)
    if entry.kind == MEMORY:
        entry_id, speaker = str(body.get("memory_id", entry.id)), entry.actor
        text = str(body.get("text", ""))
    else:
        entry_id, (speaker, text) = entry.id, _spoken(body, entry.actor)
    return Said(
        id=entry_id,
        kind=entry.kind,
        session=session,
        session_id=entry.session_id,
        position=entry.position,
        said_at=time_text(entry.said_at_us),
        speaker=speaker,
        text=text[:chars_max],
        is_cut=len(text) > chars_max,
        score=score,
    )


def _spoken(body: Mapping[str, Any], actor: str) -> tuple[str, str]:
    """(who, what) of a message of any shape; calls and results in one line each."""
    reading = llm.read_message(body)
    # A tool's message is its result, which is shown as one.
    lines = [reading.text] if reading.text and reading.role != "tool" else []
    lines += [f"[calls {call.name}]" for call in reading.tool_calls]
    lines += [f"[result] {result.text}" for result in reading.tool_results]
    return reading.role or actor, "\n".join(lines)


def timeline(
    transcript: journal.Transcript,
    *,
    since_us: int | None,
    before: Place | None,
    limit: int,
) -> list[tuple[Place, int]]:
    """(place, position) of a session's messages and memories, newest first, at most `limit`.

    Reads headers only; damaged entries are left out. Times within a session rise, as far as its
    sources tell the truth.
    """
    entries = transcript.entries
    damaged = frozenset(transcript.damaged)
    positions: Sequence[int] = range(len(entries))
    if damaged:
        positions = [position for position in positions if position not in damaged]
    end = len(positions)
    if before is not None:
        end = bisect_left(positions, before[0] + 1, key=lambda at: entries.frame(at).said_at_us)
    found: list[tuple[Place, int]] = []
    for position in reversed(positions[:end]):
        frame = entries.frame(position)
        if since_us is not None and frame.said_at_us < since_us:
            break
        place = (frame.said_at_us, frame.sequence)
        is_shown = frame.kind in (journal.MESSAGE, MEMORY) and not frame.is_erased
        if is_shown and (before is None or place < before):
            found.append((place, position))
            if len(found) == limit:
                break
    return found


def merge_newest(
    several: list[list[tuple[Place, int]]], limit: int
) -> Iterator[tuple[Place, int, int]]:
    """(place, which list, position) of several such lists, newest first, at most `limit`."""
    streams = [
        [(place, which, position) for place, position in found]
        for which, found in enumerate(several)
    ]
    merged = heapq.merge(*streams, reverse=True)
    for _, each in zip(range(limit), merged, strict=False):
        yield each


def is_retired(entry: journal.Entry) -> bool:
    """True: it only says that a memory is no more to be found."""
    return entry.kind == MEMORY and not dict(entry.body).get("text")


def is_hidden(info: journal.SessionInfo) -> bool:
    """True: a session that holds no conversation and no memories; other rooms keep it."""
    return info.messages == 0 and info.workspace != memory.WORKSPACE
