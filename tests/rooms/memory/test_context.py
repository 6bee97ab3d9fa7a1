"""Opening a session with everything that helps to go on with it."""

import threading
from collections.abc import Iterator

import pytest

from novacore import journal, tiers
from novacore.journal import Scope
from novacore.memory import context

MINE = Scope()


@pytest.fixture
def session() -> Iterator[journal.JournalSession]:
    with journal.open_memory() as store:
        found = store.session("talk")
        for number in range(30):
            found.append({"role": "user", "content": f"message {number}"})
        yield found


class Leases:
    """A hot tier that answers."""

    def leases(self, scope: Scope, *, prefix: str = "") -> dict[str, dict[str, str]]:
        return {"presence": {"status": "online"}}


class Down:
    """A tier whose server is gone."""

    def __getattr__(self, name: str):
        raise tiers.TierUnavailable("The server is gone.")


class Hanging:
    """A tier that never answers until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def timeline(self, *_: object, **__: object) -> list[tiers.Item]:
        self.let_go.wait(30)
        return []

    anchors = timeline


def _gatherer(**reads: object) -> context.Gatherer:
    return context.Gatherer(reads.get)


def test_the_conversation_comes_whole_with_no_tier_at_all(session):
    found = _gatherer().gather(MINE, session, deadline_ms=1_000)
    assert [message["content"] for message in found.history] == [
        f"message {number}" for number in range(30)
    ]
    assert [message["content"] for message in found.working_memory] == [
        f"message {number}" for number in range(10, 30)
    ]
    assert set(found.missing) == set(context.PARTS) - {"history", "working_memory"}
    assert "It is off" in found.missing["timeline"]


def test_a_tier_that_is_down_is_named_and_the_others_answer(session):
    gatherer = _gatherer(hot=Leases(), graph=Down())
    found = gatherer.gather(MINE, session, deadline_ms=1_000, parts=("live_state", "entities"))
    assert found.live_state == {"presence": {"status": "online"}}
    assert list(found.missing) == ["entities"]
    assert "The server is gone" in found.missing["entities"]


def test_a_tier_that_hangs_is_named_at_the_deadline_and_delays_nobody_else(session):
    hanging = Hanging()
    gatherer = _gatherer(hot=Leases(), stream=hanging)
    try:
        for _ in range(5):
            found = gatherer.gather(MINE, session, deadline_ms=20)
            assert "did not answer in time" in found.missing["timeline"]
            assert "did not answer in time" in found.missing["anchors"]
        found = gatherer.gather(MINE, session, deadline_ms=5_000, parts=("live_state",))
        assert found.live_state
    finally:
        hanging.let_go.set()
        gatherer.close()


def test_only_the_parts_that_are_asked_for_are_gathered(session):
    found = _gatherer().gather(MINE, session, deadline_ms=1_000, parts=("history",))
    assert len(found.history) == 30
    assert (found.working_memory, found.missing) == ((), {})
    with pytest.raises(ValueError, match="no part 'dreams'"):
        _gatherer().gather(MINE, session, deadline_ms=1_000, parts=("dreams",))


def test_without_an_embedder_neighbours_are_said_to_be_missing(session):
    found = _gatherer(vector=object()).gather(MINE, session, deadline_ms=1_000)
    assert "no embedder" in found.missing["neighbours"]
