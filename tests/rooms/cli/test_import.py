"""`nova import`: the predecessor's files and our own exports come in once, and whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.cli.conftest import Nova


def message(role: str, content: str, **more: Any) -> dict[str, Any]:
    empty = {"thinking": None, "tool_calls": None, "tool_call_id": None, "name": None}
    return {"role": role, "content": content, **empty, **more}


SAID = [
    message("system", "You are an agent."),
    *(message("user" if n % 2 == 0 else "assistant", f"message {n} 日本") for n in range(8)),
]


def write_session(path: Path, messages: list[dict[str, Any]], *, workspace: str | None) -> None:
    path.write_text(
        json.dumps(
            {
                "id": path.stem,
                "timestamp": "2025-12-20T10:00:00",
                "workspace": workspace,
                "messages": messages,
                "message_count": len(messages),
            },
            ensure_ascii=False,
            indent=2,
        )
    )


@pytest.fixture
def files(nova: Nova) -> Path:
    """Two snapshots of one conversation, the second grown, in a folder."""
    folder = nova.folder / ".agent-sessions"
    folder.mkdir()
    write_session(folder / "chat.json", SAID[:5], workspace=str(nova.folder))
    write_session(folder / "chat_1.json", SAID, workspace=str(nova.folder))
    return folder


def test_a_dry_run_shows_the_plan_and_writes_nothing(nova: Nova, files: Path) -> None:
    outcome = nova("import", str(files), "--dry-run", "--json")

    assert outcome.code == 0
    assert outcome.json["dry_run"] is True
    assert len(outcome.json["files"]) == 2
    assert nova("sessions", "--names").out == ""


def test_snapshots_are_folded_into_one_session_and_a_second_time_adds_nothing(nova, files) -> None:
    first = nova("import", str(files))
    assert first.code == 0
    (name,) = nova("sessions", "--names").out.split()
    kept = nova("show", name, "--json").json["messages"]
    assert [each["content"] for each in kept] == [each["content"] for each in SAID[1:]]

    again = nova("import", str(files), "--json")
    assert [step["action"] for step in again.json["steps"]] == ["known", "known"]
    assert nova("show", name, "--json").json["messages"] == kept


def test_a_session_without_a_workspace_belongs_to_this_folder(nova: Nova) -> None:
    write_session(nova.folder / "lone.json", SAID, workspace=None)

    nova("import", "lone.json")

    assert len(nova("sessions", "--here", "--names").out.split()) == 1


def test_a_file_that_can_not_be_read_is_refused_and_the_others_go_on(nova: Nova, files) -> None:
    (files / "torn.json").write_text('{"messages": [{"role"')

    outcome = nova("import", str(files))

    assert outcome.code == 1
    assert "torn.json" in outcome.err
    assert len(nova("sessions", "--names").out.split()) == 1


@pytest.mark.heavy
def test_an_export_comes_back_equal_elsewhere(nova: Nova, files: Path, tmp_path: Path) -> None:
    nova("import", str(files))
    (name,) = nova("sessions", "--names").out.split()
    nova("export", "--all", "-o", "all.jsonl")
    before = nova("show", name, "--json").json

    elsewhere = ("--data-dir", str(tmp_path / "elsewhere"))
    assert nova("import", "all.jsonl", *elsewhere).code == 0

    after = nova("show", name, "--json", *elsewhere).json
    assert after["messages"] == before["messages"]
    assert after["id"] == before["id"]
