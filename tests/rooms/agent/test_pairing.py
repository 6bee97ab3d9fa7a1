"""Calls and results that do not pair are mended, by records that anybody can read."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms.agent.conftest import kinds, run
from tests.rooms.agent.scripted_model import Reply, ScriptedModel
from tests.scripted_provider import rules

from novacore import agent, journal, llm
from novacore.agent.history import History, repair_entries


def user(text="Hi"):
    return {"role": "user", "content": text}


def asks(*ids, wire="openai"):
    if wire == "anthropic":
        blocks = [{"type": "tool_use", "id": each, "name": "bash", "input": {}} for each in ids]
        return {"role": "assistant", "content": blocks}
    calls = [
        {"id": each, "type": "function", "function": {"name": "bash", "arguments": "{}"}}
        for each in ids
    ]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def result(call_id, text="out"):
    return {"role": "tool", "tool_call_id": call_id, "name": "bash", "content": text}


def results(*ids, text=None):
    blocks = [{"type": "tool_result", "tool_use_id": each, "content": "out"} for each in ids]
    if text:
        blocks.append({"type": "text", "text": text})
    return {"role": "user", "content": blocks}


def says(text="ok"):
    return {"role": "assistant", "content": text}


def mended(session):
    """Journals the mends of a session, and gives what is sent from then on."""
    history = History()
    history.refresh(session.open())
    mends = history.mends()
    session.append(*repair_entries(mends))
    history.refresh(session.open())
    again = History()
    again.refresh(session.open())
    assert [item.message for item in again.items] == [item.message for item in history.items]
    assert history.mends().count == again.mends().count == 0
    return [item.message for item in history.items], mends


def outline(messages):
    """Role, ids of calls and ids of results of each message."""
    found = []
    for message in messages:
        reading = llm.read_message(message)
        ids = [call.id for call in reading.tool_calls]
        ids += [each.call_id for each in reading.tool_results]
        found.append((reading.role, *ids))
    return found


def accepts(messages):
    """Whether both services would take these messages."""
    tool = llm.ToolSpec(name="bash", description="", parameters=agent.arguments_schema({}))
    for wire, check in (("anthropic", rules.anthropic_problem), ("openai", rules.openai_problem)):
        conversation = ScriptedModel(wire=wire).conversation(system="", tools=[tool])
        conversation.extend(messages)
        body = json.loads(conversation.body())
        problem = check(body, headers={"anthropic-version": ""}, signatures=rules.Signatures())
        assert not problem, (wire, problem, outline(messages))
        assert len(set(_ids(body))) == len(_ids(body))
    return True


def _ids(body):
    ids = []
    for message in body["messages"]:
        content = message["content"] if isinstance(message["content"], list) else []
        ids += [block["id"] for block in content if block["type"] == "tool_use"]
        ids += [call["id"] for call in message.get("tool_calls", ())]
    return ids


def test_a_history_that_pairs_is_left_alone(session):
    session.append(user(), asks("a", "b"), result("b"), result("a"), says(), user(), says())
    messages, mends = mended(session)
    assert mends.count == 0
    assert messages == [dict(message) for message in session.messages]


def test_a_call_at_the_end_without_a_result_gets_one_as_a_message(session):
    session.append(user(), asks("a", "b"), result("b"))
    messages, mends = mended(session)
    assert kinds(session) == ["message"] * 4
    assert outline(messages)[-1] == ("tool", "a")
    assert "may or may not have been carried out" in messages[-1]["content"]
    assert mends.why() == "1 call without a result right behind it."
    assert accepts(messages)


@pytest.mark.parametrize("next_one", [user("next"), says("next"), asks("z")])
def test_a_call_in_the_middle_without_a_result_gets_one_laid_over(session, next_one):
    session.append(user(), asks("a", "b"), result("a"), next_one, *([result("z")]), user())
    messages, _ = mended(session)
    assert outline(messages)[:4] == [
        ("user",),
        ("assistant", "a", "b"),
        ("tool", "a"),
        ("tool", "b"),
    ]
    assert "repair" in kinds(session)
    assert accepts(messages)


def test_a_result_that_came_after_other_messages_is_moved_to_its_call(session):
    session.append(user(), asks("a"), user("meanwhile"), result("a", "late"), says())
    messages, _ = mended(session)
    assert outline(messages) == [("user",), ("assistant", "a"), ("tool", "a"), ("user",),
                                 ("assistant",)]  # fmt: skip
    assert messages[2] == result("a", "late")


@pytest.mark.parametrize("between", [[], [user("meanwhile")], [user("a"), says("b")]])
def test_a_result_that_comes_after_another_process_filled_in_for_it_takes_its_place(
    session, between
):
    session.append(user(), asks("a", "b"), result("b"))
    mended(session)
    session.append(*between, result("a", "the real one"))
    messages, _ = mended(session)
    assert outline(messages)[:4] == [
        ("user",),
        ("assistant", "a", "b"),
        ("tool", "b"),
        ("tool", "a"),
    ]
    assert messages[3] == result("a", "the real one")
    assert len(messages) == 4 + len(between)
    assert accepts(messages)


def test_results_without_a_call_and_second_results_are_left_out(session):
    session.append(result("x"), user(), asks("a"), result("a"), result("a"), result("y"), says())
    messages, mends = mended(session)
    assert outline(messages) == [("user",), ("assistant", "a"), ("tool", "a"), ("assistant",)]
    assert len(mends.drops) == 3
    assert len(session.messages) == 7


def test_of_a_message_with_several_results_only_the_stray_one_is_left_out(session):
    session.append(user(), asks("a", wire="anthropic"), results("a", "x", text="and"), says())
    messages, _ = mended(session)
    assert messages[2] == results("a", text="and")
    assert accepts(messages)


def test_a_missing_result_is_put_before_a_message_that_mixes_results_and_words(session):
    session.append(user(), asks("a", "b", wire="anthropic"), results("a", text="go on"), says())
    messages, _ = mended(session)
    assert outline(messages)[1:4] == [("assistant", "a", "b"), ("tool", "b"), ("user", "a")]
    assert accepts(messages)


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_ids_used_again_in_a_later_turn_are_renamed_with_their_results(session, wire):
    for _turn in range(3):
        answers = [result("call_0")] * 2 if wire == "openai" else [results("call_0", "call_0")]
        session.append(user(), asks("call_0", "call_0", wire=wire), *answers)
    messages, mends = mended(session)
    assert accepts(messages)
    assert kinds(session).count("repair") == 1
    assert mends.why() == "5 calls with an id that was used before."


def test_calls_without_an_id_get_one(session):
    session.append(user(), asks("", ""), result(""), result(""), says())
    messages, _ = mended(session)
    assert accepts(messages)


def test_old_system_messages_are_not_sent(session):
    session.append({"role": "system", "content": "You are somebody else."}, user(), says())
    messages, mends = mended(session)
    assert outline(messages) == [("user",), ("assistant",)]
    assert mends.count == 0


def test_an_erased_message_leaves_a_gap_that_is_mended(session, store):
    session.append(user(), asks("a"), result("a"), says())
    store.erase(session.id, positions=[2])
    messages, _ = mended(session)
    assert accepts(messages)


def test_a_session_opened_at_an_earlier_time_is_mended_for_that_time(session):
    session.append(user(), asks("a"), result("a"), says())
    fork = session.fork(at=2)
    messages, _ = mended(fork)
    assert outline(messages) == [("user",), ("assistant", "a"), ("tool", "a")]
    assert len(session.messages) == 4


_IDS = st.sampled_from(["a", "b", "c", ""])
_WIRES = st.sampled_from(["openai", "anthropic"])
_MESSAGES = st.one_of(
    st.just(user()),
    st.just(says()),
    st.builds(lambda ids, wire: asks(*ids, wire=wire), st.lists(_IDS, max_size=3), _WIRES),
    st.builds(result, _IDS),
    st.builds(lambda call_id: {**result(call_id), "is_repair": True}, _IDS),
    st.builds(lambda ids, text: results(*ids, text=text), st.lists(_IDS, min_size=1, max_size=3),
              st.sampled_from(["", "words"])),
)  # fmt: skip


@pytest.mark.heavy
@settings(max_examples=120, deadline=None)
@given(said=st.lists(_MESSAGES, max_size=12), more=st.lists(_MESSAGES, max_size=5))
def test_whatever_was_said_one_mend_makes_a_history_that_both_services_take(said, more):
    with journal.open_memory() as store:
        session = store.session("any")
        session.append(*said)
        messages, _ = mended(session)
        session.append(*more, user("end"))
        messages, _ = mended(session)
        assert accepts(messages)
        assert [dict(message) for message in session.messages][: len(said)] == said


async def test_an_agent_mends_what_a_killed_process_left_and_says_so(make_agent, session):
    session.append(user(), asks("a"))
    one = make_agent(ScriptedModel(Reply(text="Let me check first.")))
    events = await one.open()
    assert agent.Repaired(count=1, why="1 call without a result right behind it.") in events
    assert await one.open() == []
    assert (await run(one, "go on"))[-1].reason == "end"
