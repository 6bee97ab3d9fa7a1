"""Proof that journal, ledger and counters agree, and the ledger made anew from the journal."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import sqlalchemy

from novacore import database
from novacore.billing import ledger, statements
from novacore.billing.ledger import Line, Tallies
from novacore.billing.model import Drift, Reconciliation
from novacore.billing.reading import Reading
from novacore.billing.settling import Settling
from novacore.billing.tables import PROOF
from novacore.billing.usage import Usage, Watermark

DRIFTS_MAX: Final = 100
BATCH: Final = 1_000

_LEDGER_SUMS: Final = """
SELECT account_id, day, CAST(SUM(input_tokens + output_tokens) AS BIGINT), COUNT(*)
FROM billing_ledger WHERE day >= ? GROUP BY account_id, day"""
_COUNTERS: Final = """
SELECT account_id, day, subject, tokens, messages, agent_ms, over_tokens
FROM billing_counter WHERE day >= ?"""
_DAILY: Final = """
SELECT account_id, day, model, agent_id, calls, input_tokens, output_tokens, cache_read_tokens,
       cache_write_tokens, messages, agent_ms
FROM billing_daily WHERE day >= ?"""
_NOTE: Final = (
    statements.inserted(PROOF)
    + """ ON CONFLICT (id) DO UPDATE SET at_us = excluded.at_us, entries = excluded.entries,
    pending = excluded.pending, rows = excluded.rows, drift_tokens = excluded.drift_tokens,
    drift_count = excluded.drift_count"""
)
_NOTED: Final = """
SELECT at_us, entries, pending, rows, drift_tokens, drift_count FROM billing_proof WHERE id = 1"""
_ONE_STATE: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_ALONE: Final = "LOCK TABLE billing_ledger IN SHARE ROW EXCLUSIVE MODE"


@dataclasses.dataclass(kw_only=True, slots=True)
class _Findings:
    """What a comparison has found so far."""

    entries: int = 0
    pending: int = 0
    tokens: int = 0
    count: int = 0
    drifts: list[Drift] = dataclasses.field(default_factory=list)
    tallies: Tallies = dataclasses.field(default_factory=Tallies)
    rows: dict[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    """Lines that the journal makes, by account and day."""

    def add(self, drift: Drift, *, tokens: int) -> None:
        self.count += 1
        self.tokens += abs(tokens)
        if len(self.drifts) < DRIFTS_MAX:
            self.drifts.append(drift)


class Proving:
    """Compares and rebuilds. Takes usage entries as plain data, in the journal's order."""

    def __init__(
        self,
        db: database.Database,
        sql: statements.SQL,
        *,
        reading: Reading,
        settling: Settling,
    ) -> None:
        self._database = db
        self._sql = sql
        self._reading = reading
        self._settling = settling

    def reconcile(self, usages: Iterable[Usage], *, since: str) -> Reconciliation:
        """Compare; nothing is changed but the note of what was found.

        Args:
            usages: every usage entry of the journal.
            since: the first day that is compared, YYYY-MM-DD.
        """
        findings = _Findings()
        with self._database.read() as connection:
            if not self._sql.is_sqlite:
                connection.exec_driver_sql(_ONE_STATE)
            # Entries beyond it are not read yet: missing, they are no drift.
            watermark = self._reading.watermark(connection)
            for some in _batches(usage for usage in usages if usage.day >= since):
                self._compare_lines(connection, some, findings=findings, watermark=watermark)
            rows = self._compare_sums(connection, findings, since=since)
        with self._database.begin() as connection:
            found = Reconciliation(
                at_us=self._database.now_us(connection),
                entries=findings.entries,
                pending=findings.pending,
                rows=rows,
                drift_tokens=findings.tokens,
                drift_count=findings.count,
                drifts=tuple(findings.drifts),
            )
            self._note(connection, found)
        return found

    def _compare_lines(
        self,
        connection: sqlalchemy.Connection,
        usages: Sequence[Usage],
        *,
        findings: _Findings,
        watermark: Watermark | None,
    ) -> None:
        """Each entry against its line."""
        known = self._settling.known(connection, [usage.hold_id for usage in usages])
        made: dict[tuple[str, int], Line] = {}
        for usage in usages:
            key = usage.hold_id, ledger.CORRECTED if usage.is_correction else ledger.USED
            estimate = made.get((usage.hold_id, ledger.USED)) or known.get(
                (usage.hold_id, ledger.USED)
            )
            line = made[key] = ledger.line_of(usage, estimate=estimate)
            found = known.get(key)
            is_beyond = watermark is None or usage.sequence > watermark.sequence
            if found is None and is_beyond and usage.sequence:
                findings.pending += 1
                continue
            findings.entries += 1
            findings.tallies.add([line])
            place = line.account_id, line.day
            findings.rows[place] = findings.rows.get(place, 0) + 1
            if found != line:
                findings.add(_line_drift(line, found), tokens=_apart(line, found))

    def _compare_sums(
        self, connection: sqlalchemy.Connection, findings: _Findings, *, since: str
    ) -> int:
        """The ledger's and the counters' sums against those of the journal; the ledger's rows."""
        rows = 0
        wanted = dict(findings.rows)
        for account_id, day, tokens, count in self._sql.rows(connection, _LEDGER_SUMS, since):
            rows += count
            extra = count - wanted.pop((account_id, day), 0)
            if extra > 0:
                told = findings.tallies.counters.get((account_id, day, ""), [0])[0]
                findings.add(
                    Drift(
                        what=f"{extra} rows of the ledger have no entry in the journal",
                        account_id=account_id, day=day, journal_tokens=told, ledger_tokens=tokens,
                    ),
                    tokens=tokens - told,
                )  # fmt: skip
        counters = self._sql.rows(connection, _COUNTERS, since)
        counted = {tuple(row[:3]): list(row[3:]) for row in counters}
        _compare(
            counted, findings.tallies.counters, what="a counter", tokens=slice(1),
            findings=findings,
        )  # fmt: skip
        days = self._sql.rows(connection, _DAILY, since)
        daily = {tuple(row[:4]): list(row[4:]) for row in days}
        _compare(
            daily, findings.tallies.daily, what="a day's sum", tokens=slice(1, 3),
            findings=findings,
        )  # fmt: skip
        return rows

    def rebuild(self, usages: Iterable[Usage], *, watermark: Watermark | None) -> int:
        """Make ledger and counters anew from the journal's entries; how many lines.

        One transaction: others see the old ledger or the new one. Holds of these entries are
        closed where they are open; the others stay as they are.
        """
        lines = 0
        tallies = Tallies()
        with self._database.begin() as connection:
            if not self._sql.is_sqlite:
                self._settling.lock(connection)
                connection.exec_driver_sql(_ALONE)
            for name in ("ledger", "counter", "daily"):
                self._sql.run(connection, f"DELETE FROM billing_{name}")  # noqa: S608 - our own tables
            now_us = self._database.now_us(connection)
            for some in _batches(usages):
                written = self._settling.write(connection, some, now_us=now_us)
                tallies.add(written)
                lines += len(written)
            self._settling.count(connection, tallies)
            if watermark is not None:
                self._settling.mark(connection, watermark, now_us=now_us)
        return lines

    def last(self) -> Reconciliation | None:
        """What the last comparison found, without its single differences; None: there was none."""
        with self._database.read() as connection:
            row = self._sql.row(connection, _NOTED)
        if row is None:
            return None
        at_us, entries, pending, rows, drift_tokens, drift_count = row
        return Reconciliation(
            at_us=at_us, entries=entries, pending=pending, rows=rows, drift_tokens=drift_tokens,
            drift_count=drift_count, drifts=(),
        )  # fmt: skip

    def _note(self, connection: sqlalchemy.Connection, found: Reconciliation) -> None:
        self._sql.run(
            connection, _NOTE, 1, found.at_us, found.entries, found.pending, found.rows,
            found.drift_tokens, found.drift_count,
        )  # fmt: skip


def _batches(usages: Iterable[Usage]) -> Iterator[list[Usage]]:
    source = iter(usages)
    while some := list(itertools.islice(source, BATCH)):
        yield some


def _apart(line: Line, found: Line | None) -> int:
    return line.tokens - (found.tokens if found else 0)


def _line_drift(line: Line, found: Line | None) -> Drift:
    return Drift(
        what="a usage entry has no row in the ledger" if found is None else "a row differs",
        account_id=line.account_id,
        day=line.day,
        hold_id=line.hold_id,
        journal_tokens=line.tokens,
        ledger_tokens=found.tokens if found else None,
    )


def _compare(
    stored: dict[Any, list[int]],
    made: dict[Any, list[int]],
    *,
    what: str,
    tokens: slice,
    findings: _Findings,
) -> None:
    """Sums as stored against sums as the journal makes them; a missing one is zero.

    Args:
        stored: by account, day and what else they are kept by.
        made: the same, from the journal.
        what: how a difference is named.
        tokens: which of the numbers are tokens.
        findings: where differences go.
    """
    for key in sorted(stored.keys() | made.keys()):
        zero = [0] * len(stored.get(key) or made[key])
        has, wants = stored.get(key, zero), made.get(key, zero)
        if has != wants:
            apart = [ours - theirs for ours, theirs in zip(has, wants, strict=True)]
            account_id, day, *rest = key
            named = " ".join(each for each in rest if each)
            findings.add(
                Drift(
                    what=f"{what} ({named}) differs" if named else f"{what} differs",
                    account_id=account_id,
                    day=day,
                    journal_tokens=sum(wants[tokens]),
                    counted_tokens=sum(has[tokens]),
                ),
                tokens=sum(apart[tokens]),
            )
