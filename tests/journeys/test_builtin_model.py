"""The built-in model itself, over its real server, in a child process. Shapes only: it is small."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from novacore import llm

ROOT = Path(__file__).parents[2]
GONE_TIMEOUT_S = 30.0
WEATHER = llm.ToolSpec(
    name="weather",
    description="Tells the weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
pytestmark = pytest.mark.heavy
in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def data_dir() -> Path:
    """Where the model lies; the first run of the tests fetches it, as `nova model install` does."""
    folder = ROOT / ".cache" / "builtin"
    path = llm.install_builtin_model(folder)
    assert llm.install_builtin_model(folder) == path
    return folder


async def _open(data_dir: Path, **settings: object) -> llm.Model:
    config = llm.Config(provider="builtin", **settings)
    return llm.open_model(await llm.detect(config, {}), data_dir=data_dir)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model(data_dir: Path) -> AsyncIterator[llm.Model]:
    model = await _open(data_dir, builtin_tools="schema", builtin_window_tokens=512)
    yield model
    await model.close()


def _ask(model: llm.Model, text: str, *, tools: Sequence[llm.ToolSpec] = ()) -> bytes:
    conversation = model.conversation(system="You are a helpful assistant.", tools=tools)
    conversation.extend([{"role": "user", "content": text}])
    return conversation.body(output_tokens_max=24)


async def _hear(model: llm.Model, body: bytes) -> list[llm.Event]:
    async with contextlib.aclosing(model.stream(body)) as stream:
        return [event async for event in stream]


def _server_of(model: llm.Model) -> tuple[int, str]:
    """The process id and the address of the model's child."""
    running = model._transport._server._running
    return running.process.pid, running.url


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process_id}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _wait_until_gone(process_id: int) -> None:
    limit_s = time.monotonic() + GONE_TIMEOUT_S
    while _is_running(process_id):
        assert time.monotonic() < limit_s, "the child outlived its parent"
        time.sleep(0.02)


@in_one_loop
async def test_it_answers_and_counts_its_own_tokens(model):
    *said, finished = await _hear(model, _ask(model, "What is the capital of France?"))
    assert isinstance(finished, llm.Finished)
    assert said
    assert llm.read_message(finished.message).text
    assert finished.usage.source == "provider"
    assert finished.usage.input_tokens > 10
    assert finished.stop_reason in ("end", "length")


@in_one_loop
async def test_two_first_requests_at_once_start_one_child(data_dir):
    model = await _open(data_dir)
    heard = await asyncio.gather(*(_hear(model, _ask(model, "Say hello.")) for _ in range(2)))
    assert all(isinstance(events[-1], llm.Finished) for events in heard)
    process_id, _ = _server_of(model)
    await model.close()
    await asyncio.to_thread(_wait_until_gone, process_id)


@in_one_loop
async def test_constrained_to_a_call_it_makes_a_real_one(model):
    body = json.loads(_ask(model, "How is the weather in Rome?", tools=[WEATHER]))
    # Speaking is taken out of what it may answer, so that this small model has to call.
    choices = body["response_format"]["json_schema"]["schema"]["anyOf"]
    choices[:] = [choice for choice in choices if "tool" in choice["properties"]]
    body["max_tokens"] = 80
    *_, finished = await _hear(model, json.dumps(body).encode())
    assert isinstance(finished, llm.Finished)
    [call] = llm.read_message(finished.message).tool_calls
    assert call.name == "weather"
    assert call.problem is None
    assert call.arguments is not None
    assert call.arguments["city"] in ("Paris", "Rome")
    assert finished.stop_reason == "tool_calls"


@in_one_loop
async def test_a_request_beyond_its_window_is_told_as_that(model):
    with pytest.raises(llm.WindowExceeded):
        await _hear(model, _ask(model, "word " * 2_000))


@in_one_loop
async def test_after_a_cancelled_answer_it_answers_the_next_request(model):
    stream = model.stream(_ask(model, "Tell a story."))
    await anext(stream)
    await stream.aclose()
    *_, finished = await _hear(model, _ask(model, "Say hello."))
    assert isinstance(finished, llm.Finished)


@in_one_loop
async def test_nobody_without_its_key_is_answered(model):
    await _hear(model, _ask(model, "Say hello."))
    _, url = _server_of(model)
    assert url.startswith("http://127.0.0.1:")
    request = urllib.request.Request(f"{url}/chat/completions", data=b"{}")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        await asyncio.to_thread(urllib.request.urlopen, request)


@in_one_loop
async def test_a_child_that_was_killed_is_replaced(model):
    await _hear(model, _ask(model, "Say hello."))
    process_id, _ = _server_of(model)
    os.kill(process_id, signal.SIGKILL)
    *_, finished = await _hear(model, _ask(model, "Say hello."))
    assert isinstance(finished, llm.Finished)
    assert _server_of(model)[0] != process_id


def test_no_child_outlives_a_parent_that_was_killed(data_dir):
    script = """
import asyncio, sys
from pathlib import Path
from novacore import llm

async def main():
    choice = await llm.detect(llm.Config(provider="builtin"), {})
    model = llm.open_model(choice, data_dir=Path(sys.argv[1]))
    conversation = model.conversation(system="", tools=[])
    conversation.extend([{"role": "user", "content": "Tell a very long story."}])
    async for event in model.stream(conversation.body()):
        print(model._transport._server.process_id, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _is_running(child)
        parent.kill()
    _wait_until_gone(child)
