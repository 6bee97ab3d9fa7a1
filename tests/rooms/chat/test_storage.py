"""What an account stores is what stands in the journal now, each entry once."""

import pytest

from novacore import journal
from novacore.chat import measure_storage

ADA, BOB = (journal.Scope(tenant="local", owner=name) for name in ("ada", "bob"))


@pytest.fixture
def store(tmp_path):
    with journal.open_store(tmp_path / "journal") as opened:
        yield opened


def _said(store, scope: journal.Scope, *texts: str) -> journal.Session:
    session = store.for_owner(scope).session("talk")
    session.append(*({"role": "user", "content": text} for text in texts))
    return session


def test_each_owner_s_bytes_are_added_up(store):
    assert measure_storage(store.feed()) == {}
    _said(store, ADA, "x" * 1_000, "x" * 1_000)
    _said(store, BOB, "é" * 1_000)
    sizes = measure_storage(store.feed())
    assert 2_000 < sizes["ada"] < 2_200
    assert 2_000 < sizes["bob"] < 2_200


def test_a_fork_costs_what_is_said_in_it_and_what_was_erased_costs_nothing(store):
    session = _said(store, ADA, "x" * 1_000, "y" * 1_000)
    whole = measure_storage(store.feed())["ada"]
    session.fork(at=1).append({"role": "user", "content": "z" * 10})
    assert whole < measure_storage(store.feed())["ada"] < whole + 200
    store.for_owner(ADA).erase(session.id, positions=[1])
    assert measure_storage(store.feed())["ada"] < whole - 900


def test_what_only_the_journal_can_hold_is_counted_too(store):
    session = store.for_owner(ADA).session("odd")
    session.append({"role": "user", "content": "a", "number": 10**400})
    assert measure_storage(store.feed())["ada"] > 400
