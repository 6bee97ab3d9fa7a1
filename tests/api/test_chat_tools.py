"""Tools on the server: off unless switched on, and then within a folder of the account's own."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.chatting import counted, named, say, session_of, text_of, usages_of
from tests.api.stage import Person, Stage


@pytest.fixture
def server_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    plain = {"NOVA_CHAT_TITLES": "false", "NOVA_AGENT_PERMISSIONS_DEFAULT": "allow"}
    return plain | getattr(request, "param", {})


ON = {"NOVA_CHAT_TOOLS": "workspace"}


@pytest.fixture
async def ada(stage: Stage) -> Person:
    return await stage.person()


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"id": f"call_{name}", "name": name, "arguments": arguments}]}


async def test_without_the_setting_the_model_is_offered_none(stage: Stage, ada: Person) -> None:
    stage.provider.play({"text": "no tools"})
    await say(ada, await session_of(ada), "Hi")
    assert "tools" not in stage.provider.bodies[0]


@pytest.mark.parametrize("server_settings", [ON], indirect=True)
async def test_a_tool_works_in_the_accounts_folder_and_each_step_has_its_hold(
    stage: Stage, ada: Person, tmp_path: Path
) -> None:
    stage.provider.play(
        call("write_file", path="notes.txt", content="from the model"),
        {"text": "Written.", "usage": {"input": 9, "output": 2}},
    )
    events = await say(ada, await session_of(ada), "Write a note")
    assert text_of(events) == "Written."
    assert [each["name"] for each in named(events, "tool")] == ["write_file"]
    assert [each["is_error"] for each in named(events, "tool_result")] == [False]
    folder = tmp_path / "data" / "workspaces" / ada.account_id
    assert (folder / "notes.txt").read_text() == "from the model"
    usages = await usages_of(stage, ada)
    assert [each["messages"] for each in usages] == [1, 0]
    assert len({each["hold"] for each in usages}) == 2
    assert await counted(stage, ada) == sum(
        each["input_tokens"] + each["output_tokens"] for each in usages
    )


@pytest.mark.parametrize("server_settings", [ON], indirect=True)
async def test_a_tool_does_not_leave_the_folder(stage: Stage, ada: Person, tmp_path: Path) -> None:
    secret = tmp_path / "data" / "workspaces" / "other" / "secret.txt"
    secret.parent.mkdir(parents=True)
    secret.write_text("another account's")
    stage.provider.play(call("read_file", path="../other/secret.txt"), {"text": "I can't."})
    events = await say(ada, await session_of(ada), "Read it")
    assert [each["is_error"] for each in named(events, "tool_result")] == [True]
    assert "another account's" not in json.dumps(stage.provider.bodies[-1])
