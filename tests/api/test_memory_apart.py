"""Memory in a process of its own, on a real server: what was said is recalled, whatever happens."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.api.served import Served, serve

pytestmark = pytest.mark.heavy

PATIENCE_S = 60
ANSWER = {"text": "I will remember.", "repeat": True}


@pytest.fixture
def server(tmp_path) -> Iterator[Served]:
    with serve(tmp_path) as served:
        served.provider.play(ANSWER)
        yield served


@pytest.fixture
def ada(server) -> Iterator[httpx.Client]:
    told = server.nova("users", "create", "ada@example.org", "--api-key", "--json")
    key = json.loads(told)["api_key"]
    with httpx.Client(
        base_url=server.url, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_S
    ) as client:
        yield client


def memory_processes(server: Served) -> list[int]:
    """The ids of the server's children that remember for it."""
    tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
    children = [each for task in tasks for each in (task / "children").read_text().split()]
    return [int(each) for each in children if "memory_process" in command_of(each)]


def command_of(process_id: str) -> str:
    """What it was started with; empty where it has ended."""
    try:
        return Path(f"/proc/{process_id}/cmdline").read_text()
    except OSError:
        return ""


def turn(client: httpx.Client, text: str) -> list[dict]:
    """What a turn of a new conversation was reminded of."""
    session = client.post("/api/v1/sessions", json={}).json()["id"]
    answer = client.post(f"/api/v1/sessions/{session}/turns", json={"text": text})
    assert "event: done" in answer.text, answer.text
    lines = answer.text.split("\n")
    told = [lines[at + 1] for at, line in enumerate(lines) if line == "event: recall"]
    return [hit for each in told for hit in json.loads(each.removeprefix("data: "))["hits"]]


def state_of_memory(client: httpx.Client) -> dict:
    parts = client.get("/api/v1/status").json()["components"]
    return next(each for each in parts if each["name"] == "memory")


def wait_until(is_so) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_s, "it never came"
        time.sleep(0.05)


def test_a_turn_remembers_before_while_and_after_the_process_is_killed(server, ada):
    [first] = memory_processes(server)
    assert state_of_memory(ada)["text"] == "in a process of its own"
    turn(ada, "The lighthouse keeper is called Tom.")
    assert turn(ada, "What is the lighthouse keeper called?")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: first not in memory_processes(server))
    assert turn(ada, "What is the lighthouse keeper called?")
    wait_until(lambda: memory_processes(server))
    assert memory_processes(server) != [first]
    wait_until(lambda: state_of_memory(ada)["text"] == "in a process of its own")
    assert turn(ada, "What is the lighthouse keeper called?")


def test_the_process_ends_with_a_server_that_is_killed(server, ada):
    [child] = memory_processes(server)
    server.tell(signal.SIGKILL)
    server.wait()
    wait_until(lambda: not command_of(str(child)))
    assert not command_of(str(child))


def test_switched_off_the_server_remembers_by_itself(tmp_path):
    with serve(tmp_path, NOVA_CHAT_MEMORY_PROCESS="false") as server:
        server.provider.play(ANSWER)
        assert memory_processes(server) == []
        told = server.nova("users", "create", "ada@example.org", "--api-key", "--json")
        bearer = f"Bearer {json.loads(told)['api_key']}"
        with httpx.Client(
            base_url=server.url, headers={"authorization": bearer}, timeout=PATIENCE_S
        ) as ada:
            assert state_of_memory(ada)["text"] == "in threads of the server"
            turn(ada, "The lighthouse keeper is called Tom.")
            assert turn(ada, "What is the lighthouse keeper called?")
