"""`nova --server`: the session lives on a server, tools run here, and the connection may be cut."""

import json
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.journeys.terminals import NOVA, PATIENCE_S, Place, clean_environment
from tests.journeys.web_server import ROOT, WebServer, serve
from tests.servers.wire_proxy import WireProxy

pytestmark = pytest.mark.heavy


@pytest.fixture
def server(tmp_path):
    with serve(tmp_path / "server") as made:
        yield made


def key_on(server: WebServer, email: str = "anna@example.org") -> str:
    """A fresh account with a key, as `nova users create` prints it."""
    told = server.nova("users", "create", email, "--api-key", "--json")
    return json.loads(told)["api_key"]


def place_at(folder: Path, url: str, key: str, **setting: str) -> Place:
    """A person's machine that uses a server."""
    own = folder / "person"
    (own / "folder").mkdir(parents=True)
    env = dict(clean_environment(own, own / "data")) | {
        "PYTHONPATH": str(ROOT / "src"),
        "NOVA_SERVER_URL": url,
        "NOVA_SERVER_KEY": key,
        "NOVA_REMOTE_RETRY_MS": "200",
    }
    return Place(data_dir=own / "data", folder=own / "folder", env=env | setting)


def local_model(provider) -> dict[str, str]:
    return {
        "NOVA_LLM_PROVIDER": "anthropic",
        "NOVA_LLM_BASE_URL": provider.url,
        "NOVA_LLM_API_KEY": "key",
    }


def test_the_session_is_on_the_server_the_tool_runs_here_and_the_tokens_are_counted_there(
    server, tmp_path
):
    place = place_at(tmp_path, server.url, key_on(server))
    write = {"name": "write_file", "arguments": {"path": "made-here", "content": "by the tool"}}
    server.provider.play({"tool_calls": [{"id": "t1", **write}]}, {"text": "It is written."})

    done = place.run(
        "run", "-t", "write", "--session", "s", "--set", "agent.permissions_allow=write_file"
    )

    assert (done.returncode, done.stdout) == (0, "It is written.\n"), done.stderr
    assert (place.folder / "made-here").read_text() == "by the tool"
    roles = [each["role"] for each in place.messages("s")]
    assert (roles[0], roles[-1], len(roles)) == ("user", "assistant", 4)
    assert not (place.data_dir / "journal.db").exists()
    listed = json.loads(place.run("sessions", "--json").stdout)
    assert [each["name"] for each in listed] == ["s"]
    assert "It is written." in place.run("export", "s").stdout
    assert "It is written" in place.run("recall", "what is written?").stdout
    usage = json.loads(server.nova("billing", "show", "anna@example.org", "--json"))
    used = {each["resource"]: each["used"] for each in usage["resources"]}
    assert used["tokens"] > 0
    told = place.run("verify")
    assert told.returncode == 0, told.stderr
    refused = place.run("backup")
    assert (refused.returncode, "server" in refused.stderr) == (2, True)


def test_a_server_that_is_killed_and_started_again_in_the_middle_has_every_word_once(
    tmp_path, provider
):
    with serve(tmp_path / "server") as server:
        key, port = key_on(server), urlsplit(server.url).port
        with WireProxy(port) as proxy:
            place = place_at(tmp_path, proxy.url, key, **local_model(provider))
            provider.play(*({"text": f"answer {number}"} for number in range(4)))
            talking = subprocess.Popen(
                [*NOVA, "--session", "s"],
                cwd=place.folder,
                env=dict(place.env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            say(talking, "question 0", until="answer 0")
            server.kill()
            say(talking, "question 1", until="answer 1")
            say(talking, "question 2", until="answer 2")
            again = WebServer(tmp_path / "server", server.provider)
            try:
                proxy.come_back(urlsplit(again.url).port)
                say(talking, "question 3", until="answer 3")
                _, err = talking.communicate(timeout=PATIENCE_S)
                assert talking.returncode == 0, err
                assert "kept here and sent later" in err
                told = place.messages("s")
                verified = place.run("verify")
            finally:
                again.stop()
    texts = [text_of(each) for each in told]
    pairs = [(f"question {number}", f"answer {number}") for number in range(4)]
    assert texts == [text for pair in pairs for text in pair]
    assert verified.returncode == 0, verified.stdout


def test_a_run_that_is_killed_while_the_server_is_away_loses_nothing(server, tmp_path, provider):
    with WireProxy(urlsplit(server.url).port) as proxy:
        place = place_at(tmp_path, proxy.url, key_on(server), **local_model(provider))
        provider.play({"text": "answer 0"}, {"text": "answer 1"}, {"text": "answer 2"})
        talking = subprocess.Popen(
            [*NOVA, "--session", "s"],
            cwd=place.folder,
            env=dict(place.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = say(talking, "question 0", until="answer 0")
        assert f"Sessions are on {proxy.url}; tools run here.\n" in said
        proxy.go_away()
        say(talking, "question 1", until="answer 1")
        # Asked for the second time, the first answer was kept.
        say(talking, "question 2", until="answer 2")
        talking.kill()
        talking.communicate()
        assert place.run("sessions").returncode == 1
        proxy.come_back()
        provider.play({"text": "answer 3"})
        assert place.run("run", "-t", "question 3", "--session", "s").returncode == 0
        texts = [text_of(each) for each in place.messages("s")]
    begun = [f"{word} {number}" for number in range(2) for word in ("question", "answer")]
    assert texts[:5] == [*begun, "question 2"]
    assert texts[-2:] == ["question 3", "answer 3"]
    assert len(texts) == len(set(texts))


def say(talking: subprocess.Popen[str], line: str, *, until: str) -> list[str]:
    """Type a line, and read until the answer stands there; returns what was read."""
    assert talking.stdin is not None
    assert talking.stdout is not None
    talking.stdin.write(line + "\n")
    talking.stdin.flush()
    lines = [talking.stdout.readline()]
    while until not in lines[-1]:
        assert talking.poll() is None, talking.stderr.read() if talking.stderr else ""
        lines.append(talking.stdout.readline())
    return lines


def text_of(message: dict) -> str:
    """What a message says, in whichever provider's shape."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
