"""Stopping at once, in the middle of anything, without losing a word."""

import asyncio

import pytest
from tests.rooms.agent.conftest import eventually, is_alive, number_in, run, texts
from tests.rooms.agent.scripted_model import HANG, Reply, ScriptedModel

from novacore import agent, llm


async def test_cancelling_in_mid_stream_keeps_what_was_said_and_closes_the_stream(
    make_agent, session
):
    model = ScriptedModel(Reply(text=["I was ", "saying"], then=HANG), Reply(text="go on"))
    one = make_agent(model)
    events = []
    async for event in one.run("Hi"):
        events.append(event)
        if isinstance(event, agent.TextDelta) and event.text == "saying":
            assert one.cancel()
            assert not one.cancel()
    assert events[-1] == agent.TurnFinished(reason="cancelled", steps=1)
    assert model.open_streams == 0
    kept = session.messages[1]
    assert llm.read_message(kept).text == "I was saying"
    assert (kept["is_partial"], kept["stop_reason"]) == (True, "cancelled")
    assert (await run(one, "Next"))[-1].reason == "end"


async def test_cancelling_before_a_word_was_said_leaves_the_question_alone(make_agent, session):
    model = ScriptedModel(Reply(then=HANG), Reply(text="ok"))
    one = make_agent(model)
    turn = asyncio.create_task(run(one, "Hi"))
    await model.hanging.wait()
    one.cancel()
    assert (await turn)[-1].reason == "cancelled"
    assert texts(session) == [("user", "Hi")]
    assert (await run(one, "Next"))[-1].reason == "end"


async def test_a_completed_turn_is_never_deleted_by_a_cancel_at_the_next_one(make_agent, session):
    model = ScriptedModel(Reply(text="Whole answer."), Reply(then=HANG))
    one = make_agent(model)
    await run(one, "first")
    turn = asyncio.create_task(run(one, "second"))
    await model.hanging.wait()
    one.cancel()
    await turn
    assert texts(session) == [("user", "first"), ("assistant", "Whole answer."), ("user", "second")]


async def test_cancelling_in_mid_command_ends_its_processes_and_keeps_its_output(
    make_agent, session, workspace
):
    command = "echo before; sleep 60 & echo $! > child; wait"
    model = ScriptedModel(
        Reply(calls=[("bash", {"command": command}), ("bash", {"command": "echo quick"})]),
        Reply(text="ok"),
    )
    one = make_agent(model)
    events = []
    async for event in one.run("Hi"):
        events.append(event)
        if isinstance(event, agent.ToolFinished) and event.outcome.text.startswith("quick"):
            await eventually(lambda: number_in(workspace / "child") > 0)
            one.cancel()
    assert events[-1].reason == "cancelled"
    assert not is_alive(number_in(workspace / "child"))
    contents = [message["content"] for message in session.messages[2:]]
    assert contents[0] == "quick\n[exit code 0]"
    assert contents[1].startswith("before\n[cancelled by the user")
    assert (await run(one, "Next"))[-1].reason == "end"


async def test_calls_that_were_not_begun_are_answered_as_cancelled(make_agent, session):
    calls = [("bash", {"command": f"sleep 60 # {n}"}) for n in range(5)]
    model = ScriptedModel(Reply(calls=calls), Reply(text="ok"))
    one = make_agent(model, config={"tools_parallel_max": 1})
    async for event in one.run("Hi"):
        if isinstance(event, agent.ToolStarted):
            one.cancel()
    results = session.messages[2:]
    assert len(results) == 5
    assert all("ancelled by the user" in message["content"] for message in results)
    assert all(message["is_error"] for message in results)
    assert (await run(one, "Next"))[-1].reason == "end"


async def test_cancelling_right_at_the_start_does_no_harm(make_agent, session):
    one = make_agent(ScriptedModel(Reply(text="ok")))
    turn = asyncio.create_task(run(one, "Hi"))
    await asyncio.sleep(0)
    one.cancel()
    assert (await turn)[-1].reason == "cancelled"
    assert (await run(one, "Next"))[-1].reason == "end"
    assert texts(session)[-1] == ("assistant", "ok")


@pytest.mark.parametrize("steps", range(1, 12))
async def test_a_cancel_at_any_moment_leaves_a_history_that_the_provider_takes(
    make_agent, session, steps
):
    model = ScriptedModel(
        Reply(text=["a", "b"], calls=[("bash", {"command": "echo 1"}), ("list_files", {})]),
        Reply(text="end"),
        Reply(text="next"),
        Reply(text="next"),
        Reply(text="next"),
    )
    one = make_agent(model)
    count = 0
    async for _event in one.run("Hi"):
        count += 1
        if count == steps:
            one.cancel()
    said = len(session.messages)
    end = (await run(one, "Next"))[-1]
    assert end.reason == "end"
    assert len(session.messages) > said
    assert session.messages[0]["content"] == "Hi"


async def test_leaving_the_events_early_cancels_the_turn(make_agent, session):
    model = ScriptedModel(Reply(text=["a"], then=HANG), Reply(text="ok"))
    one = make_agent(model)
    events = one.run("Hi")
    async for event in events:
        if isinstance(event, agent.TextDelta):
            break
    await events.aclose()
    assert model.open_streams == 0
    assert texts(session) == [("user", "Hi"), ("assistant", "a")]


async def test_cancelling_the_task_that_reads_the_events_cancels_the_turn(make_agent, session):
    model = ScriptedModel(Reply(text=["a"], then=HANG))
    turn = asyncio.create_task(run(make_agent(model), "Hi"))
    await model.hanging.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert texts(session) == [("user", "Hi"), ("assistant", "a")]


async def test_cancelling_takes_an_open_question_away(make_agent, session):
    asked = asyncio.Event()

    async def ask(question):
        asked.set()
        await asyncio.Event().wait()

    model = ScriptedModel(Reply(calls=[("bash", {"command": "echo x"})]), Reply(text="ok"))
    one = make_agent(model, ask=ask, config={"permissions_default": "ask"})
    turn = asyncio.create_task(run(one, "Hi"))
    await asked.wait()
    one.cancel()
    assert (await turn)[-1].reason == "cancelled"
    assert "Cancelled by the user" in session.messages[2]["content"]


async def test_closing_ends_a_running_turn_and_its_background_jobs(make_agent, workspace):
    command = "sleep 60 & echo $! > job; wait"
    model = ScriptedModel(
        Reply(calls=[("bash", {"command": command, "background": True})]), Reply(then=HANG)
    )
    one = make_agent(model)
    turn = asyncio.create_task(run(one, "Hi"))
    await model.hanging.wait()
    await eventually(lambda: number_in(workspace / "job") > 0)
    await one.close()
    assert (await turn)[-1].reason == "cancelled"
    assert not is_alive(number_in(workspace / "job"))
