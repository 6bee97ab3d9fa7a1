"""The next step of a long conversation: from what was just appended to the request's bytes."""

import asyncio
from pathlib import Path

from benchmarks import measure, report
from benchmarks.measure import Timing
from benchmarks.report import Row
from benchmarks.stage import NAME, Stage
from novacore import journal, llm

SECTION = "The next request"
_MODELS = (("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5"))
_SYSTEM = "You are an agent in a terminal."


def conversation(provider: str, model: str) -> llm.Conversation:
    """An empty conversation in a provider's format; nothing is sent anywhere."""
    config = llm.Config(provider=provider, model=model, api_key="unused")
    choice = asyncio.run(llm.detect(config, {}))
    return llm.open_model(choice, data_dir=Path()).conversation(system=_SYSTEM)


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    rows: list[Row] = []
    for provider, model in _MODELS:
        timing = Timing()
        tokens = 0
        for _ in range(stage.rounds):
            samples, tokens = _steps(stage, conversation(provider, model))
            timing.rounds.append(samples)
        what = f"Open, encode what is new, join the body: {provider}, {tokens:,} tokens"
        rows += [
            report.shown_only(SECTION, f"{what}, p50", timing.p50_ms, key=f"body_{provider}_ms"),
            report.at_most(SECTION, f"{what}, p99", timing.p99_ms, limit=1),
        ]
    return rows


def _steps(stage: Stage, messages: llm.Conversation) -> tuple[list[float], int]:
    """Times of steps that follow the conversation, and its tokens."""
    result = {"role": "tool", "tool_call_id": "toolu_1", "name": "bash", "content": "ok"}
    samples: list[float] = []
    with journal.open_store(stage.copy("steps")) as store:
        session = store.session(NAME)
        messages.extend(dict(message) for message in session.open())
        tokens = messages.tokens

        def step() -> None:
            transcript = session.open()
            messages.extend(dict(message) for message in transcript[len(messages) :])
            messages.body()

        step()
        for _ in range(stage.scaled(100)):
            session.append(result)
            samples.append(measure.timed_ms(step))
    return samples, tokens
