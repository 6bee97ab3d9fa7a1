"""`nova` in this process, in a home and a folder of its own, with what it wrote."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from novacore import cli

HELLO = {"role": "user", "content": "hello 日本"}
ANSWER = {
    "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": "a thought", "signature": "sig"},
        {"type": "text", "text": "an answer"},
        {"type": "tool_use", "id": "call-1", "name": "bash", "input": {"command": "ls -la"}},
    ],
}
RESULT = {"role": "tool", "tool_call_id": "call-1", "name": "bash", "content": "one\ntwo"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run of `nova` did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Nova:
    """Runs `nova` with arguments."""

    data_dir: Path
    folder: Path
    run: Callable[..., Outcome]

    def __call__(self, *arguments: str) -> Outcome:
        return self.run(*arguments)


@pytest.fixture
def nova(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> Nova:
    """No setting of the person who runs the tests reaches it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for variable in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "MINIMAX_API_KEY", "NOVA_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NOVA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NOVA_TIERS_PROJECTOR", "off")
    monkeypatch.setenv("NOVA_LLM_OLLAMA_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> Outcome:
        capfd.readouterr()
        code = cli.main(arguments)
        written = capfd.readouterr()
        return Outcome(code=code, out=written.out, err=written.err)

    return Nova(data_dir=tmp_path / "data", folder=folder, run=run)
