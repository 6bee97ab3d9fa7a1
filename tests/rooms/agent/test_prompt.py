"""The system prompt: what is true now, in force from the next request on, and recorded."""

import pytest
from tests.rooms.agent.conftest import kinds, run
from tests.rooms.agent.scripted_model import Reply, ScriptedModel

from novacore import agent, kit
from novacore.agent.config import Config
from novacore.agent.prompt import Prompt


def text(workspace, *, notes=(), with_tools=True, window_tokens=200_000, **config):
    prompt = Prompt(workspace, config=Config(**config), clock=kit.FixedClock())
    prompt.take_notes(notes)
    prompt.look()
    return prompt.text(with_tools=with_tools, window_tokens=window_tokens)


def note(number):
    return agent.Note(text=f"note {number}", category="c", said_at_us=number)


def test_it_says_where_and_when_it_works(workspace):
    shown = text(workspace)
    assert f"Workspace: {workspace}\n" in shown
    assert "Day: 2023-11-14" in shown


def test_it_can_be_told_who_it_is(workspace):
    assert text(workspace, system_prompt="You are Bob.").startswith("You are Bob.\n\n")


def test_rules_of_the_workspace_are_in_it_up_to_the_limit(workspace):
    (workspace / "AGENTS.md").write_text("Use tabs.")
    (workspace / "NOVA.md").write_text("Answer in rhymes. " * 100)
    shown = text(workspace, rules_bytes_max=200)
    assert '<rules file="AGENTS.md">\nUse tabs.\n</rules>' in shown
    assert "[NOVA.md goes on: agent.rules_bytes_max is reached]" in shown
    assert len(shown) < 1_500
    assert "<rules" not in text(workspace, rules_files=())


def test_rules_that_are_a_folder_or_not_text_do_no_harm(workspace):
    (workspace / "AGENTS.md").mkdir()
    (workspace / "NOVA.md").write_bytes(b"b\xe4r")
    assert "b\ufffdr" in text(workspace)


def test_the_newest_notes_are_in_it_up_to_the_limit(workspace):
    shown = text(workspace, notes=[note(n) for n in range(100)], notes_bytes_max=100)
    assert shown.endswith("- 1970-01-01 [c] note 99")
    assert "(96 older ones: use recall):" in shown
    assert "Notes" not in text(workspace)


def test_a_small_window_gets_a_short_one(workspace):
    (workspace / "AGENTS.md").write_text("Use tabs.")
    shown = text(workspace, with_tools=False, window_tokens=4_096, system_prompt="")
    assert len(shown) < 200
    assert "tabs" not in shown


def test_it_stays_the_same_while_nothing_changes(workspace):
    (workspace / "AGENTS.md").write_text("Use tabs.")
    prompt = Prompt(workspace, config=Config(), clock=kit.FixedClock())
    prompt.look()
    first = prompt.text(with_tools=True, window_tokens=200_000)
    assert "Use tabs." in first
    prompt.look()
    assert prompt.text(with_tools=True, window_tokens=200_000) == first


async def test_changed_rules_hold_from_the_very_next_request_on(make_agent, session, workspace):
    (workspace / "AGENTS.md").write_text("Be long.")
    write = {"path": "AGENTS.md", "content": "Be brief."}
    model = ScriptedModel(Reply(calls=[("write_file", write)]), Reply(text="ok"), Reply(text="ok"))
    one = make_agent(model)
    await run(one, "go")
    systems = [request["system"][0]["text"] for request in model.requests]
    assert "Be long." in systems[0]
    assert "Be brief." in systems[1]
    (workspace / "AGENTS.md").unlink()
    await run(one, "go")
    assert "Be brief." not in model.requests[-1]["system"][0]["text"]
    states = [entry.body for entry in session.open().entries if entry.kind == "state"]
    assert [("Be brief." in body["system"]) for body in states] == [False, True, False]


async def test_an_unchanged_prompt_is_not_recorded_again_when_a_session_is_resumed(
    make_agent, session
):
    await run(make_agent(ScriptedModel(Reply(text="a"))), "go")
    await run(make_agent(ScriptedModel(Reply(text="b"))), "go")
    assert kinds(session).count("state") == 1


async def test_an_old_system_message_of_an_import_does_not_take_over(make_agent, session):
    session.append({"role": "system", "content": "You are a pirate."})
    model = ScriptedModel(Reply(text="ok"))
    await run(make_agent(model), "go")
    assert "pirate" not in str(model.requests[0])


async def test_notes_of_earlier_sessions_are_in_the_prompt_of_later_ones(
    make_agent, session, store, workspace
):
    model = ScriptedModel(Reply(calls=[("note", {"text": "The port is 8080."})]), Reply(text="ok"))
    await run(make_agent(model), "go")
    later = ScriptedModel(Reply(text="ok"))
    await run(make_agent(later, session=store.session("later", workspace=str(workspace))), "go")
    assert "The port is 8080." in later.requests[0]["system"][0]["text"]
    assert "The port is 8080." not in model.requests[1]["system"][0]["text"]


@pytest.mark.parametrize("tool_mode", ["none", "native"])
async def test_a_model_without_tools_is_told_of_none(make_agent, tool_mode):
    model = ScriptedModel(Reply(text="ok"), tool_mode=tool_mode)
    one = make_agent(model)
    await run(one, "go")
    assert bool(one.tools) is (tool_mode == "native")
    if tool_mode == "none":
        assert "tool" not in model.requests[0]["system"][0]["text"]
