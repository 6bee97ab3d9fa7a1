"""Segments on PostgreSQL: rows that become runs, and the few that a reader of the feed needs again.

Who follows the feed through many sessions in small steps would else read each of their segments
once a step. A row's number changes with its content, so what is kept can't be outdated.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from novacore.journal.postgres_connect import Database, Numbers
from novacore.journal.segment import Layout, Segment

_COVERING = """
SELECT g.number, h.generation
FROM journal_head h
LEFT JOIN unnest(%s::bigint[], %s::bigint[], %s::bigint[]) u (session, low, high) ON true
LEFT JOIN journal_segment g
    ON g.session = u.session AND g.base <= u.high AND g.base + g.count > u.low
"""
_BY_NUMBER = """
SELECT g.number, g.session, g.base, g.count, g.messages, g.heads_size, g.data, s.id
FROM journal_segment g JOIN journal_session s ON s.key = g.session WHERE g.number = ANY (%s)
"""
_KEPT_BYTES_MAX = 64 * 1024 * 1024


def segment_of(values: tuple[Any, ...]) -> Segment:
    """A segment by (session's key, base, count, messages, size of heads, data, session's id)."""
    _, base, count, messages, heads_size, data, session = values
    return Segment(data, layout=Layout(session, base, count, messages, heads_size))


class SegmentCache:
    """The segments that were read last, up to 64 MiB. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[int, Segment]] = OrderedDict()
        self._bytes = 0
        self._generation = -1

    def covering(
        self, database: Database, spans: Mapping[int, tuple[int, int]]
    ) -> dict[int, list[Segment]]:
        """The segments that hold any of these positions.

        Args:
            database: the connection.
            spans: session's key → lowest and highest position.

        Returns:
            Session's key → its segments.
        """
        found = None
        while found is None:
            found = self._look(database, spans)
        runs: dict[int, list[Segment]] = {}
        for key, run in found.values():
            runs.setdefault(key, []).append(run)
        return runs

    def _look(
        self, database: Database, spans: Mapping[int, tuple[int, int]]
    ) -> dict[int, tuple[int, Segment]] | None:
        """The segments by number; None: one was merged into another meanwhile."""
        rows = database.rows(
            _COVERING,
            (
                Numbers(spans),
                Numbers(low for low, _ in spans.values()),
                Numbers(high for _, high in spans.values()),
            ),
        )
        generation: int = rows[0][1]
        wanted = {number for number, _ in rows if number is not None}
        with self._lock:
            if generation != self._generation:
                # Something was erased: what was kept may hold it.
                self._kept.clear()
                self._bytes, self._generation = 0, generation
            found = {number: self._kept[number] for number in wanted if number in self._kept}
        missing = Numbers(wanted - found.keys())
        for number, key, *values in database.rows(_BY_NUMBER, (missing,)) if missing else ():
            found[number] = (key, segment_of((key, *values)))
        self._keep(found, generation)
        return found if wanted == found.keys() else None

    def _keep(self, found: Mapping[int, tuple[int, Segment]], generation: int) -> None:
        with self._lock:
            if generation != self._generation:
                return
            for number, (key, run) in found.items():
                if run.is_whole and number not in self._kept:
                    self._kept[number] = (key, run)
                    self._bytes += len(run.data)
                if number in self._kept:
                    self._kept.move_to_end(number)
            while self._bytes > _KEPT_BYTES_MAX:
                _, (_, run) = self._kept.popitem(last=False)
                self._bytes -= len(run.data)

    def clear(self) -> None:
        """Forget everything, as after an erase."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0
