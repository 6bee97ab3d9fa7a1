"""`nova run`: one task, its outcome on the output, everything else on the error stream."""

import io
import json
from collections.abc import Iterator

import pytest
from tests.rooms.cli.conftest import Nova
from tests.scripted_provider import ScriptedProvider

import novacore

CALL = {
    "tool_calls": [{"id": "t1", "name": "write_file", "arguments": {"path": "a", "content": ""}}]
}


@pytest.fixture
def provider(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        monkeypatch.setenv("NOVA_LLM_PROVIDER", "openai")
        monkeypatch.setenv("NOVA_LLM_BASE_URL", scripted.url)
        monkeypatch.setenv("NOVA_LLM_API_KEY", "key")
        yield scripted


def test_only_the_answer_is_on_the_output(nova: Nova, provider: ScriptedProvider) -> None:
    provider.play({"thinking": "hm", "text": "forty-two 日本"})

    outcome = nova("run", "-t", "what is it?")

    assert outcome.code == 0
    assert outcome.out == "forty-two 日本\n"
    assert "1 step" in outcome.err


def test_the_outcome_as_json_names_session_reason_and_usage(nova: Nova, provider) -> None:
    provider.play({"text": "done"})

    outcome = nova("run", "-t", "go", "--session", "s", "--json")

    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.json["text"] == "done"
    assert outcome.json["session"] == "s"
    assert outcome.json["reason"] == "end"
    assert outcome.json["usage"]["input_tokens"] > 0
    assert outcome.json["error"] is None


def test_a_named_session_is_continued(nova: Nova, provider: ScriptedProvider) -> None:
    provider.play({"text": "one"}, {"text": "two"})

    nova("run", "-t", "first", "--session", "s")
    nova("run", "-t", "second", "--session", "s")

    roles = [each["role"] for each in provider.bodies[1]["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert len(nova("show", "s", "--json").json["messages"]) == 4


def test_the_task_can_come_from_the_input(nova: Nova, provider, monkeypatch) -> None:
    provider.play({"text": "read"})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("from a pipe é\n".encode())))

    assert nova("run", "-t", "-", "--session", "s").code == 0
    assert nova("show", "s", "--json").json["messages"][0]["content"] == "from a pipe é"


def test_an_empty_task_is_a_usage_error(nova: Nova) -> None:
    assert nova("run", "-t", "  ").code == 2


def test_a_run_that_nobody_attends_is_refused_what_needs_a_question(nova: Nova, provider) -> None:
    provider.play(CALL, {"text": "a pity"})

    outcome = nova("run", "-t", "write", "--session", "s")

    assert outcome.code == 0
    assert outcome.out == "a pity\n"
    assert not (nova.folder / "a").exists()
    result = nova("show", "s", "--json").json["messages"][2]
    assert result["is_error"]


def test_a_rule_given_beforehand_allows_it(nova: Nova, provider: ScriptedProvider) -> None:
    provider.play(CALL, {"text": "written"})

    outcome = nova("run", "-t", "write", "--set", "agent.permissions_allow=write_file")

    assert outcome.out == "written\n"
    assert (nova.folder / "a").exists()
    assert "[1] write_file a" in outcome.err


def test_a_failure_of_the_model_is_exit_code_one_and_keeps_the_question(nova, provider) -> None:
    provider.play({"status": 401, "error": {"type": "authentication_error", "message": "bad"}})

    outcome = nova("run", "-t", "go", "--session", "s", "--json")

    assert outcome.code == 1
    assert outcome.json["reason"] == "failed"
    assert outcome.json["error"]["type"] == "AuthRefused"
    assert nova("show", "s", "--json").json["messages"] == [{"role": "user", "content": "go"}]


def test_a_step_limit_is_exit_code_one(nova: Nova, provider: ScriptedProvider) -> None:
    provider.play(CALL | {"repeat": True})

    outcome = nova("run", "-t", "go", "--json", "--set", "agent.steps_max=1")

    assert outcome.code == 1
    assert outcome.json["reason"] == "step_limit"


def test_a_missing_key_is_said_before_anything_is_asked(nova: Nova, monkeypatch) -> None:
    outcome = nova("run", "-t", "go", "--json", "--set", "llm.provider=openai")

    assert outcome.code == 1
    assert outcome.json["error"]["type"] == "KeyMissing"
    assert "OPENAI_API_KEY" in outcome.err
    with novacore.open(nova.data_dir) as store:
        assert store.list_sessions() == []


def test_a_workspace_that_is_no_folder_is_a_usage_error(nova: Nova, provider) -> None:
    (nova.folder / "file").touch()

    outcome = nova("run", "-t", "go", "-w", "file")

    assert outcome.code == 2
    assert "no folder" in outcome.err


def test_json_of_a_failed_start_is_still_json(nova: Nova, monkeypatch) -> None:
    outcome = nova("run", "-t", "go", "--json", "--set", "llm.provider=anthropic")

    assert json.loads(outcome.out)["reason"] == "failed"
