"""What the tests of the relay share: a catalog over scripted providers, and one call through it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from novacore import llm
from novacore.kit import FixedClock


@dataclasses.dataclass(kw_only=True)
class Told:
    """What a client was told."""

    data: bytes
    answer: llm.Answer

    @property
    def events(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(d) for d in self.lines if d != b"[DONE]"]

    @property
    def lines(self) -> list[bytes]:
        return [line[6:] for line in self.data.splitlines() if line.startswith(b"data: ")]

    @property
    def text(self) -> str:
        deltas = [e["choices"][0]["delta"] for e in self.events if e.get("choices")]
        said = [delta.get("content") or "" for delta in deltas]
        said += [e["delta"].get("text", "") for e in self.events if "index" in e and "delta" in e]
        return "".join(said)


async def nothing(_seconds: float) -> None:
    """A sleep that takes no time."""


class Stage:
    """A relay over a catalog."""

    def __init__(self, catalog: llm.Catalog, *, clock: FixedClock, config: llm.RelayConfig) -> None:
        self.catalog = catalog
        self.clock = clock
        self.config = config
        self.relay = llm.Relay(config, clock=clock, random=lambda: 0.0, sleep=nothing)

    async def call(
        self,
        request: dict[str, Any],
        *,
        wire: Any = "openai",
        history: Sequence[Any] = (),
        lead: str = "",
        headers: dict[str, str] | None = None,
    ) -> Told:
        body = llm.read_body(msgspec.json.encode(request), wire=wire)
        asked = self.catalog.find(body.model)
        models = [asked] + ([self.catalog.find(asked.fallback)] if asked.fallback else [])
        reply = await self.relay.send(
            models,
            make_body=lambda model: llm.request_body(
                body, model, cap=body.output_tokens_wanted or 64, history=history, lead=lead
            ),
            headers=headers,
        )
        answer = llm.Answer(
            reply, body=body, config=self.config, answer_id="x", now_s=1, count_input=lambda: 77
        )
        try:
            if body.is_stream:
                data = b"".join([piece async for piece in answer.pieces()])
            else:
                data = await answer.collected()
        finally:
            await answer.close()
        return Told(data=data, answer=answer)


async def open_stage(
    tmp_path: Path,
    tables: dict[str, Any],
    *,
    default: dict[str, Any],
    keys: dict[str, str] | None = None,
    **config: Any,
) -> Stage:
    clock = FixedClock()
    chosen = llm.RelayConfig(**config)
    catalog = await llm.open_catalog(
        llm.Config(retry_enabled=False, **default),
        tables=tables,
        keys=keys or {},
        relay=chosen,
        data_dir=tmp_path,
        clock=clock,
        random=lambda: 0.0,
    )
    return Stage(catalog, clock=clock, config=chosen)
