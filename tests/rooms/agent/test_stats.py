"""Counts come from the journal alone, so that they are right after any restart."""

from tests.rooms.agent.conftest import run
from tests.rooms.agent.scripted_model import Reply, ScriptedModel

from novacore import agent, llm


async def test_counts_over_a_session(make_agent, session):
    usage = llm.Usage(input_tokens=100, output_tokens=10, cache_read_tokens=40)
    guess = llm.Usage(input_tokens=1, output_tokens=1, source="estimate")
    model = ScriptedModel(
        Reply(calls=[("bash", {"command": "false"}), ("list_files", {})], usage=usage),
        Reply(text="ok", usage=guess),
    )
    one = make_agent(model)
    await run(one, "go")
    await one.set_view_mode("off")
    stats = make_agent(ScriptedModel()).stats()
    assert stats.messages == {"user": 1, "assistant": 2, "tool": 2}
    assert stats.tool_calls == {"bash": 1, "list_files": 1}
    assert (stats.tool_errors, stats.model_calls, stats.estimated_calls) == (1, 2, 1)
    assert (stats.input_tokens, stats.output_tokens, stats.cache_read_tokens) == (101, 11, 40)
    assert (stats.views, stats.repairs, stats.damaged) == (0, 0, 0)
    assert stats.first_us <= stats.last_us


async def test_views_and_repairs_are_counted(make_agent, session):
    call = {"id": "1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    session.append({"role": "user", "content": "lorem " * 2_000})
    session.append({"role": "assistant", "content": "", "tool_calls": [call]})
    session.append({"role": "user", "content": "x"})
    one = make_agent(ScriptedModel(Reply(text="ok")), config={"context_tokens_max": 1_000})
    await run(one, "go")
    assert (one.stats().views, one.stats().repairs) == (1, 1)


def test_a_session_without_entries_has_no_times(session):
    stats = agent.stats_of(session.open())
    assert (stats.first_us, stats.last_us, stats.messages) == (None, None, {})
