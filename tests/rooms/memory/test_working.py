"""Working memory: the last turns of a session, while it is fresh."""

from collections.abc import Iterator

import pytest

from novacore import journal, memory
from novacore.kit import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def session(clock: FixedClock) -> Iterator[journal.JournalSession]:
    with journal.open_memory(clock=clock) as store:
        yield store.session("talk")


def say(session: journal.JournalSession, number: int) -> None:
    call = {"type": "tool_use", "id": "c", "name": "bash", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": "done"}
    session.append(
        {"role": "user", "content": f"question {number}"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
        {"role": "assistant", "content": f"answer {number}"},
    )


def test_the_last_twenty_turns_are_there_with_their_tool_results(session, clock):
    for number in range(25):
        say(session, number)
    found = memory.working_memory(session.open(), now_us=clock.now_us())
    assert len(found.turns) == 20
    assert [turn[0]["content"] for turn in found.turns] == [f"question {n}" for n in range(5, 25)]
    assert all(len(turn) == 4 for turn in found.turns)
    assert len(found.messages) == 80


def test_it_fades_an_hour_after_the_last_message_and_the_hour_slides(session, clock):
    say(session, 1)
    clock.advance_ms(50 * 60 * 1_000)
    say(session, 2)
    clock.advance_ms(59 * 60 * 1_000)
    found = memory.working_memory(session.open(), now_us=clock.now_us())
    assert len(found.turns) == 2
    assert found.expires_at_us == clock.now_us() + 60_000_000
    clock.advance_ms(60_000)
    assert memory.working_memory(session.open(), now_us=clock.now_us()).turns == ()
    assert len(session.open()) == 8


def test_what_the_agent_said_first_belongs_to_a_turn_of_its_own(session, clock):
    session.append({"role": "assistant", "content": "welcome"})
    say(session, 1)
    found = memory.working_memory(session.open(), now_us=clock.now_us())
    assert [turn[0]["content"] for turn in found.turns] == ["welcome", "question 1"]


def test_an_empty_session_has_none(session, clock):
    assert memory.working_memory(session.open(), now_us=clock.now_us()) == memory.WorkingMemory()
