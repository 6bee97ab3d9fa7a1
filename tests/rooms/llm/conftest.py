"""What the tests of the model room share: a scripted provider, and models that talk to it."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.scripted_provider import ScriptedProvider

from novacore import llm
from novacore.kit import FixedClock

BASH = llm.ToolSpec(
    name="bash",
    description="Run a shell command.",
    parameters={
        "type": "object",
        "properties": {"command": {"type": "string"}},
        "required": ["command"],
    },
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heard:
    """Everything one stream gave."""

    events: list[llm.Event]

    @property
    def finished(self) -> llm.Finished:
        assert isinstance(self.events[-1], llm.Finished)
        return self.events[-1]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, llm.TextDelta))

    @property
    def thinking(self) -> str:
        return "".join(e.text for e in self.events if isinstance(e, llm.ThinkingDelta))

    @property
    def retries(self) -> list[llm.Retrying]:
        return [event for event in self.events if isinstance(event, llm.Retrying)]


async def hear(model: llm.Model, body: bytes) -> Heard:
    async with contextlib.aclosing(model.stream(body)) as stream:
        return Heard(events=[event async for event in stream])


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as provider:
        yield provider


Opener = Callable[..., Any]


@pytest.fixture
async def open_model(provider: ScriptedProvider, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens models on the scripted provider; every one is closed at the end."""
    opened: list[llm.Model] = []

    async def open_one(wire: str = "anthropic", **settings: Any) -> llm.Model:
        base_url = provider.url + ("" if wire == "anthropic" else "/v1")
        given = {"provider": wire, "base_url": base_url, "model": "scripted", "api_key": "k-123"}
        config = llm.Config(**{**given, **settings})
        choice = await llm.detect(config, {})
        clock = FixedClock()
        model = llm.open_model(choice, data_dir=tmp_path, clock=clock, random=lambda: 0.0)
        opened.append(model)
        return model

    yield open_one
    for model in opened:
        await model.close()


def ask(model: llm.Model, *messages: Any, tools: Sequence[llm.ToolSpec] = (BASH,)) -> bytes:
    """The body of a request with these messages; a text stands for a user's message."""
    conversation = model.conversation(system="Be brief.", tools=tools)
    said = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
    conversation.extend(said)
    return conversation.body()
