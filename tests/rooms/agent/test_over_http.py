"""The agent on real models over real HTTP, against a provider that refuses what services refuse."""

import asyncio
from pathlib import Path

import pytest
from tests.rooms.agent.conftest import kinds, run, texts
from tests.scripted_provider import ScriptedProvider

from novacore import agent, llm


@pytest.fixture(params=["anthropic", "openai"])
def wire(request):
    return request.param


@pytest.fixture
def provider():
    with ScriptedProvider() as served:
        yield served


@pytest.fixture
async def model(provider, wire):
    config = llm.Config(
        provider=wire, base_url=provider.url, api_key="k", model="m", window_tokens=200_000,
        retry_delay_ms=0,
    )  # fmt: skip
    opened = llm.open_model(await llm.detect(config, {}), data_dir=Path("/nowhere"))
    yield opened
    await opened.close()


async def test_a_turn_with_thinking_parallel_calls_and_broken_arguments(
    make_agent, model, provider, session, workspace
):
    (workspace / "a.txt").write_text("needle\n")
    provider.play(
        {
            "thinking": "let me see",
            "text": "Looking.",
            "tool_calls": [
                {"id": "t1", "name": "read_file", "arguments": {"path": "a.txt"}},
                {"id": "t2", "name": "bash", "arguments": '{"command": "echo'},
                {"id": "t3", "name": "bash", "arguments": {"command": "echo hi; exit 4"}},
            ],
        },
        {"text": "Done."},
    )
    events = await run(make_agent(model), "Find it")
    assert events[-1] == agent.TurnFinished(reason="end", steps=2)
    outcomes = {e.call.id: e.outcome for e in events if isinstance(e, agent.ToolFinished)}
    assert outcomes["t1"].text == "     1\tneedle"
    assert "not a valid JSON object" in outcomes["t2"].text
    assert outcomes["t3"].text == "hi\n[exit code 4]"
    assert [request.problem for request in provider.requests] == ["", ""]
    assert any(isinstance(event, agent.ThinkingDelta) for event in events)
    assert texts(session)[-1] == ("assistant", "Done.")


async def test_cancelling_drops_the_connection_at_once_and_keeps_the_words(
    make_agent, model, provider, session
):
    provider.play({"text": ["one ", "two "], "hang_after": 5}, {"text": "three"})
    one = make_agent(model)
    async for event in one.run("count"):
        if isinstance(event, agent.TextDelta) and "two" in event.text:
            one.cancel()
    assert await asyncio.to_thread(provider.requests[0].was_dropped.wait, 10)
    assert texts(session)[-1] == ("assistant", "one two ")
    assert session.messages[-1]["is_partial"] is True
    assert (await run(one, "go on"))[-1].reason == "end"
    assert provider.requests[1].problem == ""


async def test_a_stream_that_breaks_in_the_middle_of_a_call_leaves_a_history_that_goes_on(
    make_agent, model, provider, session
):
    call = {"id": "t1", "name": "bash", "arguments": {"command": "echo " + "x" * 50}}
    provider.play({"text": "I will", "tool_calls": [call], "break_after": 5}, {"text": "Again."})
    one = make_agent(model)
    end = (await run(one, "go"))[-1]
    assert isinstance(end.error, llm.StreamBroken)
    assert (await run(one, "go on"))[-1].reason == "end"
    assert provider.requests[-1].problem == ""


async def test_a_refused_key_ends_the_turn_with_what_to_set(make_agent, model, provider, session):
    provider.play({"status": 401, "error": {"type": "authentication_error", "message": "no"}})
    end = (await run(make_agent(model), "go"))[-1]
    assert isinstance(end.error, llm.AuthRefused)
    assert "llm.api_key" in str(end.error)
    assert kinds(session) == ["message", "state"]


async def test_a_busy_provider_is_asked_again_and_the_user_is_told(make_agent, model, provider):
    provider.play({"status": 529, "error": {"message": "busy"}}, {"text": "Now."})
    events = await run(make_agent(model), "go")
    assert any(isinstance(event, agent.Retrying) for event in events)
    assert events[-1].reason == "end"


async def test_a_request_that_the_provider_finds_too_long_is_sent_again_with_less(
    make_agent, model, provider, session, wire
):
    for number in range(40):
        role = "assistant" if number % 2 else "user"
        session.append({"role": role, "content": f"{number} " + "lorem ipsum " * 1_000})
    message = (
        "prompt is too long: 210000 tokens > 200000 maximum"
        if wire == "anthropic"
        else "This model's maximum context length is 128000 tokens."
    )
    error = {"type": "invalid_request_error", "message": message, "code": "context_length_exceeded"}
    provider.play({"status": 400, "error": error}, {"status": 400, "error": error}, {"text": "ok"})
    events = await run(make_agent(model, config={"context_tokens_max": 150_000}), "go")
    assert events[-1].reason == "end"
    sizes = [len(request.raw) for request in provider.requests]
    assert sizes[-1] < sizes[0]


async def test_a_session_of_one_provider_goes_on_at_the_other(make_agent, session, provider):
    opened = []
    for wire in ("anthropic", "openai", "anthropic"):
        config = llm.Config(provider=wire, base_url=provider.url, api_key="k", model=f"m-{wire}")
        opened.append(llm.open_model(await llm.detect(config, {}), data_dir=Path("/nowhere")))
    one = make_agent(opened[0])
    for number, model in enumerate(opened):
        one.use_model(model)
        call = {"id": "same", "name": "bash", "arguments": {"command": f"echo {number}"}}
        provider.play({"thinking": "hm", "text": "So:", "tool_calls": [call]}, {"text": "ok"})
        assert (await run(one, "go"))[-1].reason == "end"
    assert [request.problem for request in provider.requests] == [""] * 6
    for model in opened:
        await model.close()
