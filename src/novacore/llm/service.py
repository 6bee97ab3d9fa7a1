"""From a choice to a model that answers."""

import dataclasses
import random as random_numbers
from collections.abc import Callable
from pathlib import Path

from novacore.kit import Clock, SystemClock
from novacore.llm.builtin.server import NOTICE, NOTICE_NO_TOOLS, BuiltinTransport, LocalServer
from novacore.llm.client import HTTPModel
from novacore.llm.config import Config
from novacore.llm.detect import Choice
from novacore.llm.formats.anthropic_request import AnthropicWire
from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.openai_request import OpenAIWire
from novacore.llm.formats.schema import SchemaWire
from novacore.llm.formats.wire import Wire
from novacore.llm.model import Model, ModelInfo, ToolMode
from novacore.llm.retry import policy_of
from novacore.llm.transport import Transport


def open_model(
    choice: Choice,
    *,
    data_dir: Path,
    clock: Clock | None = None,
    random: Callable[[], float] = random_numbers.random,
) -> Model:
    """The model that was chosen. Connects to nothing and starts nothing before its first request.

    Args:
        choice: what `detect` gave.
        data_dir: where the built-in model lies.
        clock: for waits and for Retry-After dates; None: the machine's.
        random: gives numbers from 0 to 1, for the length of waits.
    """
    config = choice.config
    is_builtin = choice.provider == "builtin"
    tool_mode = _tool_mode(config) if is_builtin else "native"
    dialect = Dialect(
        provider=choice.provider,
        model=choice.model,
        output_tokens_max=choice.output_tokens_max,
        tokens_percent=choice.tokens_percent,
        tool_mode=tool_mode,
        thinking=config.thinking,
        thinking_tokens=config.thinking_tokens,
    )
    return HTTPModel(
        info=_info(choice, tool_mode=tool_mode),
        dialect=dialect,
        wire=_wire(choice, dialect),
        transport=_transport(choice, data_dir=data_dir),
        retry=policy_of(config, random=random),
        clock=clock or SystemClock(),
        base_url=choice.base_url,
        api_key=choice.api_key,
        key_hint=choice.key_hint,
        event_bytes_max=config.event_bytes_max,
    )


def _tool_mode(config: Config) -> ToolMode:
    return "schema" if config.builtin_tools == "schema" else "none"


def _info(choice: Choice, *, tool_mode: ToolMode) -> ModelInfo:
    info = ModelInfo(
        name=choice.model,
        provider=choice.provider,
        window_tokens=choice.window_tokens,
        output_tokens_max=choice.output_tokens_max,
        tool_mode=tool_mode,
        reason=choice.reason,
    )
    if choice.provider != "builtin":
        return info
    notice = NOTICE if tool_mode != "none" else f"{NOTICE} {NOTICE_NO_TOOLS}"
    return dataclasses.replace(info, is_builtin=True, notice=notice)


def _wire(choice: Choice, dialect: Dialect) -> Callable[[bool], Wire]:
    """Makes the wire format, told whether tools will be offered."""

    def make(with_tools: bool) -> Wire:
        if choice.wire == "anthropic":
            return AnthropicWire(dialect, with_tools=with_tools)
        return SchemaWire(dialect) if dialect.tool_mode == "schema" else OpenAIWire(dialect)

    return make


def _transport(choice: Choice, *, data_dir: Path) -> Transport:
    from novacore.llm.transport_aiohttp import (  # noqa: PLC0415 - loads aiohttp, 0.1 s
        AiohttpTransport,
    )

    config = choice.config
    transport = AiohttpTransport(
        connect_timeout_ms=config.connect_timeout_ms,
        first_byte_timeout_ms=config.first_byte_timeout_ms,
        idle_timeout_ms=config.idle_timeout_ms,
        proxy_url=config.proxy_url if choice.provider != "builtin" else "",
    )
    if choice.provider != "builtin":
        return transport
    return BuiltinTransport(transport, server=LocalServer(data_dir=data_dir, config=config))
