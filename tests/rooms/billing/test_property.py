"""Whatever happens in whatever order: ledger, counters and journal say the same."""

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies
from tests import migrated
from tests.rooms.billing.conftest import START_US, call, corrected, plan, used

from novacore import billing, database, kit

pytestmark = pytest.mark.heavy

LIMIT = 3_000
ACCOUNTS = ("ada", "bob")

_SOME = strategies.integers(0, 9)
_SIZE = strategies.integers(0, 900)
STEPS = strategies.lists(
    strategies.one_of(
        strategies.tuples(
            strategies.just("admit"),
            strategies.sampled_from(ACCOUNTS),
            _SIZE,
            strategies.sampled_from(["", "key", "bot"]),
        ),
        strategies.tuples(strategies.just("finish"), _SOME, _SIZE),
        strategies.tuples(strategies.just("release"), _SOME),
        strategies.tuples(strategies.just("estimate"), _SOME),
        strategies.tuples(strategies.just("correct"), _SOME, _SIZE),
        strategies.tuples(strategies.just("feed"), strategies.integers(1, 5)),
        strategies.tuples(strategies.just("again"), strategies.integers(1, 9)),
        strategies.tuples(strategies.just("wait"), strategies.sampled_from([1, 61, 40_000])),
        strategies.just(("die",)),
    ),
    max_size=40,
)


class World:
    """A room, the journal that chat would keep, and what must be true of both."""

    def __init__(self, folder: Path, *, place: str | None = None) -> None:
        self.clock = kit.FixedClock(START_US)
        self.db = database.Database(place or folder / "b.db", clock=self.clock)
        migrated.make_tables(self.db, [billing.FOLDER])
        self.journal: list[billing.Usage] = []
        self.read = 0
        self.open: list[billing.Hold] = []
        self.estimated: list[billing.Usage] = []
        self.room = self._opened()

    def _opened(self) -> billing.Billing:
        limits = plan(tokens_per_day=LIMIT, agent_minutes_per_day=600)
        config = billing.Config(limits="on", settle_wait_ms=0, **limits)
        return billing.Billing(self.db, config=config, clock=self.clock)

    def run(self, steps) -> None:
        for name, *values in steps:
            getattr(self, name)(*values)
            self.check_limits()
        self.feed(len(self.journal))
        self.check()

    def admit(self, account: str, size: int, by: str) -> None:
        facts = {"key": {"key_id": "k"}, "bot": {"agent_id": "bot"}}.get(by, {})
        try:
            hold = self.room.admit(call(account, input_tokens=size, **facts)).result()
        except (billing.QuotaSpent, billing.HoldsExpired):
            return
        self.open.append(hold)

    def _take(self, number: int) -> billing.Hold | None:
        return self.open.pop(number % len(self.open)) if self.open else None

    def _append(self, usage: billing.Usage) -> None:
        """One entry for each derived id, as the journal sees to."""
        key = usage.hold_id, usage.is_correction
        if all((each.hold_id, each.is_correction) != key for each in self.journal):
            self.journal.append(msgspec.structs.replace(usage, sequence=len(self.journal) + 1))

    def finish(self, number: int, output: int) -> None:
        if hold := self._take(number):
            self._append(used(hold, output_tokens=output))

    def release(self, number: int) -> None:
        if hold := self._take(number):
            self.room.release(hold.id).result()

    def estimate(self, number: int) -> None:
        if hold := self._take(number):
            usage = used(hold, output_tokens=0, source="estimate", outcome="expired")
            self._append(usage)
            self.estimated.append(usage)

    def correct(self, number: int, output: int) -> None:
        if self.estimated:
            estimate = self.estimated[number % len(self.estimated)]
            self._append(corrected(estimate, output_tokens=output, ms=5))

    def feed(self, count: int) -> None:
        some = self.journal[self.read : self.read + count]
        if some:
            mark = billing.Watermark(journal="j", epoch="e", sequence=some[-1].sequence)
            self.room.settle(some, watermark=mark)
            self.read += len(some)

    def again(self, count: int) -> None:
        """A second process reads what was read, in the same order, from an older watermark."""
        self.room.settle(self.journal[max(0, self.read - count) : self.read])

    def wait(self, seconds: int) -> None:
        self.clock.advance_ms(seconds * 1_000)

    def die(self) -> None:
        """What is only in memory is gone; open calls are never heard of again."""
        self.room.close()
        self.open.clear()
        self.room = self._opened()

    def check_limits(self) -> None:
        """Nothing is above the limit but what a provider reported above its hold."""
        for account in ACCOUNTS:
            tokens = self.room.quota(account).of("tokens")
            with self.db.read() as connection:
                over = connection.exec_driver_sql(
                    f"SELECT COALESCE(SUM(over_tokens), 0) FROM billing_counter "
                    f"WHERE account_id = '{account}' AND subject = '' "
                    f"AND day = '{self.room.quota(account).day}'"
                ).scalar_one()
            assert tokens.used + tokens.held <= LIMIT + over

    def sums(self) -> list[int]:
        texts = (
            "SELECT SUM(input_tokens + output_tokens) FROM billing_ledger",
            "SELECT SUM(tokens) FROM billing_counter WHERE subject = ''",
            "SELECT SUM(input_tokens + output_tokens) FROM billing_daily",
        )
        with self.db.read() as connection:
            return [int(connection.exec_driver_sql(text).scalar_one() or 0) for text in texts]

    def rows(self) -> list[list[tuple]]:
        with self.db.read() as connection:
            return [
                sorted(tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}"))
                for name in ("billing_ledger", "billing_counter", "billing_daily")
            ]

    def check(self) -> None:
        settled = 0
        estimates = {e.hold_id: e for e in self.journal if not e.is_correction}
        for usage in self.journal:
            settled += usage.tokens
            settled -= estimates[usage.hold_id].tokens if usage.is_correction else 0
        assert self.sums() == [settled] * 3
        found = self.room.reconcile(self.journal)
        assert found.is_sound, found.drifts
        assert (found.entries, found.pending, found.drift_tokens) == (len(self.journal), 0, 0)
        before = [row for row in self.rows() if row]
        assert self.room.rebuild(self.journal) == len(self.journal)
        # A counter of zeros may go: the journal has nothing that would make it.
        assert [row for row in self.rows() if row] == before
        assert self.room.reconcile(self.journal).is_sound

    def close(self) -> None:
        self.room.close()
        self.db.close()


@settings(max_examples=40)
@given(steps=STEPS)
def test_ledger_counters_and_settled_usage_are_the_same_after_anything(steps):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            world.run(steps)
        finally:
            world.close()


@pytest.fixture
def new_place(postgres_server):
    return postgres_server.new_schema


@settings(max_examples=8, suppress_health_check=[*HealthCheck])
@given(steps=STEPS)
def test_they_are_the_same_on_postgresql(new_place, steps):
    world = World(Path(), place=new_place())
    try:
        world.run(steps)
    finally:
        world.close()
