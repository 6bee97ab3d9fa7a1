"""A real Runner of openai-agents, over real HTTP, with its session in the journal."""

import pytest
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from tests.scripted_provider import ScriptedProvider

from novacore.adapters.openai_agents import JournalSession


@pytest.fixture(autouse=True)
def no_tracing():
    """Their tracing would call home."""
    set_tracing_disabled(True)


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def ask(provider, session, question):
    async with AsyncOpenAI(base_url=f"{provider.url}/v1", api_key="any") as client:
        model = OpenAIChatCompletionsModel(model="scripted", openai_client=client)
        agent = Agent(name="Ada", instructions="Be brief.", model=model, tools=[add])
        done = await Runner.run(agent, question, session=session)
    return done.final_output


async def test_a_run_goes_on_with_what_the_session_holds(store):
    call = {"id": "call_1", "name": "add", "arguments": {"a": 40, "b": 2}}
    script = [{"tool_calls": [call]}, {"text": "It is 42."}, {"text": "You asked for 40 + 2."}]
    with ScriptedProvider(script) as provider:
        assert await ask(provider, JournalSession("talk", store), "40 + 2?") == "It is 42."
        again = JournalSession("talk", store)
        assert await ask(provider, again, "What did I ask?") == "You asked for 40 + 2."
        sent = provider.bodies[-1]["messages"]
    assert [message["role"] for message in sent] == [
        "system", "user", "assistant", "tool", "assistant", "user"]  # fmt: skip
    assert sent[3]["content"] == "42"
    assert sent[3]["tool_call_id"] == sent[2]["tool_calls"][0]["id"] == "call_1"
    kinds = [item.get("type", item.get("role")) for item in await again.get_items()]
    assert kinds == [
        "user", "function_call", "function_call_output", "message", "user", "message"]  # fmt: skip


async def test_a_run_that_fails_leaves_a_session_that_goes_on(store):
    bad = {"status": 400, "error": {"type": "invalid_request_error", "message": "no"}}
    with ScriptedProvider([{"text": "one"}, bad, {"text": "two"}]) as provider:
        session = JournalSession("talk", store)
        await ask(provider, session, "first")
        with pytest.raises(Exception, match="no"):
            await ask(provider, session, "second")
        assert await ask(provider, session, "third") == "two"
        roles = [message["role"] for message in provider.bodies[-1]["messages"]]
    assert roles[:3] == ["system", "user", "assistant"]
    assert roles[-1] == "user"
