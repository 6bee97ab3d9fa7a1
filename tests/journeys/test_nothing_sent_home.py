"""A server that nobody configured connects to nobody but the model."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from tests.scripted_provider import ScriptedProvider

# The event loop of uvloop connects without telling Python; asyncio's tells.
_WATCHED = """
import asyncio, sys
import uvloop
uvloop.new_event_loop = asyncio.new_event_loop
log = open(sys.argv[1], "a", buffering=1)
def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        place = arguments[0] if event == "socket.getaddrinfo" else arguments[-1]
        print(event, repr(place), file=log)
sys.addaudithook(hear)
from novacore import cli
sys.exit(cli.main(sys.argv[2:]))
"""


def _post(url: str, body: dict, **headers: str) -> dict:
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


@contextlib.contextmanager
def _serving(folder: Path, provider: ScriptedProvider):
    """The address of a server that is watched."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NOVA_DATA_DIR": str(folder / "data"),
        "NOVA_LLM_PROVIDER": "openai",
        "NOVA_LLM_MODEL": "scripted",
        "NOVA_LLM_API_KEY": "a-key",
        "NOVA_LLM_BASE_URL": f"{provider.url}/v1",
    }
    command = [sys.executable, "-c", _WATCHED, str(folder / "heard"), "serve", "--port", "0"]
    log = (folder / "log").open("wb")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True) as nova:
        try:
            assert nova.stdout is not None
            line = next(line for line in nova.stdout if "http://" in line)
            yield "http://" + line.partition("http://")[2].split()[0].rstrip("/.")
        finally:
            nova.terminate()
            nova.wait(30)
            log.close()


@pytest.mark.heavy
def test_a_default_server_that_registers_and_answers_connects_to_its_model_alone(tmp_path):
    with ScriptedProvider() as provider:
        provider.play({"text": "hello", "repeat": True})
        with _serving(tmp_path, provider) as url:
            made = subprocess.run(
                [sys.executable, "-m", "novacore.cli", "users", "create", "ada@example.org",
                 "--api-key", "--data-dir", str(tmp_path / "data")],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            key = next(word for word in made.stdout.split() if word.startswith("nova_"))
            account = {"email": "bob@example.org", "password": "four plain words here"}
            _post(f"{url}/api/v1/auth/register", account)
            said = [{"role": "user", "content": "hi"}]
            answer = _post(
                f"{url}/v1/chat/completions",
                {"model": "default", "messages": said},
                Authorization=f"Bearer {key}",
            )
            assert answer["choices"][0]["message"]["content"] == "hello"
    heard = (tmp_path / "heard").read_text().splitlines()
    assert any(provider.url.rpartition(":")[2] in line for line in heard)
    assert [line for line in heard if "127.0.0.1" not in line and "::1" not in line] == []
