"""A real server for the vendors' clients, over a model that answers by what is said to it."""

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.scripted_provider import ScriptedProvider

_NOVA = Path(sys.executable).parent / "nova"
_TOOL = {"id": "call_1", "name": "weather", "arguments": {"city": "Rome"}}
_DOWN = {"status": 503, "error": {"type": "api_error", "message": "down"}}
SCRIPT = (
    {"when": "case-tool-result", "text": "it is sunny", "repeat": True},
    {"when": "case-tools", "tool_calls": [_TOOL], "repeat": True},
    {"when": "case-break", "text": "one two three", "break_after": 3, "repeat": True},
    {"when": "case-slow", "text": "late", "delay_ms": 20_000, "repeat": True},
    {"when": "case-refused", "status": 400, "error": {"message": "odd field"}, "repeat": True},
    *({"when": f"case-flaky-{name}", **_DOWN} for name in ("js", "openai", "anthropic")),
    {"when": "case-flaky", "text": "back again", "repeat": True},
    {
        "when": "case-plain",
        "text": "hello there",
        "usage": {"input": 12, "output": 3},
        "repeat": True,
    },
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Served:
    """A server that runs, and who may use it."""

    url: str
    key: str
    spent_key: str
    """Of an account whose limit is too small for any call."""
    provider: ScriptedProvider


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Served]:
    """`nova serve` on a free port, with two accounts."""
    with ScriptedProvider(SCRIPT) as provider:
        claude = {"wire": "anthropic", "base_url": provider.url, "model": "claude-test"}
        env = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "NOVA_DATA_DIR": str(folder / "data"),
            "NOVA_LLM_BASE_URL": f"{provider.url}/v1",
            "NOVA_LLM_MODEL": "scripted",
            "NOVA_MODELS": json.dumps({"claude": claude}),
            "NOVA_EMBEDDING_EMBEDDER": "wordllama",
            "NOVA_TIERS_PROJECTOR": "off",
            # Their retries are looked at here, not ours.
            "NOVA_RELAY_RETRY_ATTEMPTS_MAX": "1",
        }
        key = _made(env, "rich@example.org")
        spent_key = _made(env, "spent@example.org")
        _run(env, "billing", "set", "spent@example.org", "--tokens", "1")
        process = subprocess.Popen(
            [_NOVA, "serve", "--port", "0"], env=env, stdout=subprocess.PIPE, text=True
        )
        try:
            yield Served(url=_url_of(process), key=key, spent_key=spent_key, provider=provider)
        finally:
            process.terminate()
            process.communicate(timeout=60)


def _made(env: dict[str, str], email: str) -> str:
    told = _run(env, "users", "create", email, "--api-key", "--json")
    return json.loads(told)["api_key"]


def _run(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([_NOVA, *arguments], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _url_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            return found.group()
    raise AssertionError("the server did not say where it is")
