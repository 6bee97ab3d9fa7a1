"""Whatever waits shares a commit; what nobody waits for waits for company."""

import contextlib
from concurrent.futures import Future

import pytest
from tests import migrated
from tests.rooms.billing.conftest import call, plan, used

from novacore import billing, database
from novacore.billing import jobs


class CountingDatabase(database.Database):
    """Counts the transactions that write."""

    begun = 0

    @contextlib.contextmanager
    def begin(self):
        self.begun += 1
        with super().begin() as connection:
            yield connection


@pytest.fixture
def counting(place, clock):
    opened = CountingDatabase(place, clock=clock)
    migrated.make_tables(opened, [billing.FOLDER])
    yield opened
    opened.close()


def _open(opened, *, wait_ms: int) -> billing.Billing:
    config = billing.Config(limits="on", settle_wait_ms=wait_ms, **plan(tokens_per_day=10_000))
    return billing.Billing(opened, config=config)


def _settling(room: billing.Billing, usage: billing.Usage) -> Future[None]:
    """As `settle` does, without waiting for it."""
    job = jobs.Settle(usages=[usage], watermark=None, is_patient=True)
    return room._writer.submit(job)


def test_what_was_used_shares_its_commit_with_the_next_admission(counting):
    room = _open(counting, wait_ms=1_000)
    first = room.admit(call()).result()
    before = counting.begun
    settling = _settling(room, used(first))
    room.admit(call()).result()
    settling.result()
    assert counting.begun == before + 1
    assert room.quota("ada").of("tokens").used == 120
    room.close()


def test_it_is_written_by_itself_where_nothing_else_comes(counting):
    room = _open(counting, wait_ms=5)
    room.settle([used(room.admit(call()).result())])
    assert room.quota("ada").of("tokens").used == 120
    room.close()


def test_what_is_urgent_waits_for_nothing_and_closing_waits_for_what_waits(counting):
    room = _open(counting, wait_ms=1_000)
    first, second = (room.admit(call()).result() for _ in range(2))
    room.settle([used(first)], is_urgent=True)
    assert room.quota("ada").of("tokens").used == 120
    waiting = _settling(room, used(second))
    room.close()
    assert waiting.done()
    assert room.quota("ada").of("tokens").used == 240


def test_many_admissions_share_few_commits(counting):
    room = _open(counting, wait_ms=0)
    room.release(room.admit(call()).result().id).result()
    before = counting.begun
    with counting.begin() as connection:
        # The writer can't have its turn: everything gathers.
        connection.exec_driver_sql("UPDATE billing_account SET stored_bytes = 0")
        futures = [room.admit(call(input_tokens=10)) for _ in range(50)]
    assert all(future.result() for future in futures)
    assert counting.begun - before <= 1 + 3
    room.close()
