"""From a choice to a model that answers."""

import dataclasses
import importlib.util
import random as random_numbers
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

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
from novacore.llm.relay.breaker import Breaker
from novacore.llm.relay.catalog import (
    DEFAULT_NAME,
    Catalog,
    CatalogModel,
    ModelTable,
    detect_all,
    tables_of,
)
from novacore.llm.relay.config import RelayConfig
from novacore.llm.relay.guard import GuardedTransport
from novacore.llm.retry import policy_of
from novacore.llm.transport import Transport

_NO_TABLE = ModelTable()


def open_model(
    choice: Choice,
    *,
    data_dir: Path,
    clock: Clock | None = None,
    random: Callable[[], float] = random_numbers.random,
    transport: Transport | None = None,
) -> Model:
    """The model that was chosen. Connects to nothing and starts nothing before its first request.

    Args:
        choice: what `detect` gave.
        data_dir: where the built-in model lies.
        clock: for waits and for Retry-After dates; None: the machine's.
        random: gives numbers from 0 to 1, for the length of waits.
        transport: what reaches the provider; None: one of its own. Closed with the model.
    """
    config = choice.config
    dialect = dialect_of(choice)
    return HTTPModel(
        info=_info(choice, tool_mode=dialect.tool_mode),
        dialect=dialect,
        wire=_wire(choice, dialect),
        transport=transport or open_transport(choice, data_dir=data_dir),
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


def dialect_of(choice: Choice) -> Dialect:
    """How the chosen model speaks its wire format."""
    config = choice.config
    return Dialect(
        provider=choice.provider,
        model=choice.model,
        output_tokens_max=choice.output_tokens_max,
        tokens_percent=choice.tokens_percent,
        tool_mode=_tool_mode(config) if choice.provider == "builtin" else "native",
        thinking=config.thinking,
        thinking_tokens=config.thinking_tokens,
    )


def open_transport(choice: Choice, *, data_dir: Path) -> Transport:
    """What reaches the chosen model's provider; starts the built-in model when first used."""
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


async def open_catalog(
    config: Config,
    *,
    tables: Mapping[str, Any],
    keys: Mapping[str, str],
    relay: RelayConfig,
    data_dir: Path,
    clock: Clock | None = None,
    random: Callable[[], float] = random_numbers.random,
) -> Catalog:
    """The models that may be asked for by name. Connects to nothing but a local Ollama.

    Models at one address share its connections and its breaker. Opened models retry as [llm] says.

    Args:
        config: the settings of [llm]: the default model, and what tables leave out.
        tables: the `[models.NAME]` tables.
        keys: the vendors' keys by their usual variables.
        relay: breakers and connections.
        data_dir: where the built-in model lies.
        clock: for breakers and waits; None: the machine's.
        random: gives numbers from 0 to 1.

    Raises:
        SettingInvalid: a table is not what it can be.
        LLMError: a provider has no key, or an Ollama that was named does not answer.
    """
    clock = clock or SystemClock()
    read = tables_of(tables)
    choices = await detect_all(config, read, keys)
    first = choices[DEFAULT_NAME].model
    reached: dict[str, GuardedTransport] = {}
    models: list[CatalogModel] = []
    opened: dict[str, Model] = {}
    for key, choice in choices.items():
        is_default = key == DEFAULT_NAME
        name = first if is_default and first not in read else key
        place = choice.base_url or choice.provider
        if place not in reached:
            breaker = Breaker(choice.provider, config=relay, clock=clock, random=random)
            inner = _relay_transport(choice, relay=relay, data_dir=data_dir)
            reached[place] = GuardedTransport(inner, breaker=breaker)
        table = read.get(key, _NO_TABLE)
        models.append(
            CatalogModel(
                name=name,
                aliases=(DEFAULT_NAME,) if is_default and name != DEFAULT_NAME else (),
                choice=choice,
                plans=table.plans,
                fallback=table.fallback,
                input_price_micros=table.input_price_micros,
                output_price_micros=table.output_price_micros,
                transport=reached[place],
            )
        )
        opened[name] = open_model(
            choice, data_dir=data_dir, clock=clock, random=random, transport=reached[place]
        )
    return Catalog(models, opened=opened)


def _relay_transport(choice: Choice, *, relay: RelayConfig, data_dir: Path) -> Transport:
    """The lean client, but where the built-in model or a proxy needs the general one."""
    config = choice.config
    is_lean = choice.provider != "builtin" and not config.proxy_url
    if not is_lean or importlib.util.find_spec("httptools") is None:
        return open_transport(choice, data_dir=data_dir)
    from novacore.llm.relay.pool import (  # noqa: PLC0415 - httptools comes with the server
        PooledTransport,
    )

    return PooledTransport(
        connect_timeout_ms=config.connect_timeout_ms,
        first_byte_timeout_ms=config.first_byte_timeout_ms,
        idle_timeout_ms=config.idle_timeout_ms,
        connections_max=relay.connections_max,
        keep_ms=relay.connection_idle_ms,
    )
