"""Which model answers: from the settings, from the keys that are set, or from what runs here."""

import dataclasses
from collections.abc import Mapping
from typing import cast

from novacore.llm.config import Config
from novacore.llm.errors import AuthRefused, ConnectFailed, KeyMissing, ModelUnknown
from novacore.llm.families import (
    PROVIDERS,
    WireName,
    family_of,
    provider_of_model,
    provider_of_url,
    reached_url,
)
from novacore.llm.formats.encoding import decode_object, mappings_of, text_of
from novacore.llm.transport import Transport

BUILTIN_NAME = "SmolLM2-135M-Instruct"
"""The name of the built-in model."""

_KEYED = tuple(name for name, provider in PROVIDERS.items() if provider.key_name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """A model that was chosen, and why. Says everything that opening it needs."""

    provider: str
    """anthropic, openai, minimax, ollama, builtin, or the host of another compatible server."""
    wire: WireName
    """The format spoken with it."""
    model: str
    """The model's name."""
    base_url: str
    """The address that paths are added to; empty for the built-in model."""
    api_key: str = dataclasses.field(default="", repr=False)
    """The key; empty where none is needed."""
    key_hint: str = "llm.api_key"
    """The setting or variable that holds the key, for messages."""
    window_tokens: int
    """Input and output that fit in one request."""
    output_tokens_max: int
    """Cap of one answer."""
    tokens_percent: int = 100
    """What the model counts for a text, in percent of our estimate."""
    reason: str
    """Why it was chosen, in a few words for a person."""
    config: Config
    """The settings it was chosen by."""


async def detect(
    config: Config, keys: Mapping[str, str], *, transport: Transport | None = None
) -> Choice:
    """Choose the model: what the settings name, else the first key, else Ollama, else built in.

    Keys are looked for in the order ANTHROPIC_API_KEY, OPENAI_API_KEY, MINIMAX_API_KEY. A model
    named in the settings picks the provider whose models have such names, where its key is set.

    Args:
        config: the settings.
        keys: variables by name, of which only the three above are read.
        transport: for the look at a local Ollama; None: a fresh one.

    Raises:
        KeyMissing: the chosen provider needs a key and there is none.
        ConnectFailed: Ollama is chosen by the settings and doesn't answer.
        AuthRefused: the key holds a character that can't be sent.
        ModelUnknown: Ollama is chosen by the settings and holds no model.
    """
    if config.provider == "builtin":
        return _builtin(config, reason="llm.provider is builtin")
    if config.provider != "auto":
        reason = f"llm.provider is {config.provider}"
        if config.provider == "ollama":
            return await _ollama(config, reason=reason, transport=transport)
        return _keyed(config.provider, config, keys, reason=reason)
    if config.base_url:
        return _by_url(config, keys)
    named = provider_of_model(config.model)
    order = [named, *_KEYED] if named in PROVIDERS else list(_KEYED)
    for provider in order:
        key_name = PROVIDERS[provider].key_name
        if keys.get(key_name, "").strip():
            return _keyed(provider, config, keys, reason=f"{key_name} is set")
    if config.api_key:
        return _keyed(named or "anthropic", config, keys, reason="llm.api_key is set")
    try:
        reason = f"Ollama answers at {config.ollama_url}"
        return await _ollama(config, reason=reason, transport=transport)
    except (ConnectFailed, ModelUnknown):
        return _builtin(config, reason="no key is set and no Ollama answers")


def _keyed(provider: str, config: Config, keys: Mapping[str, str], *, reason: str) -> Choice:
    known = PROVIDERS[provider]
    api_key = config.api_key or keys.get(known.key_name, "").strip()
    if not api_key and not config.base_url:
        raise KeyMissing(
            f"{provider} needs a key.", hint=f"Set {known.key_name}, or llm.api_key in nova.toml."
        )
    return _choice(
        config,
        provider=provider,
        wire=known.wire,
        model=config.model or known.model,
        base_url=config.base_url or known.base_url,
        api_key=api_key,
        key_hint="llm.api_key" if config.api_key else known.key_name,
        reason=reason,
    )


def _by_url(config: Config, keys: Mapping[str, str]) -> Choice:
    """An address without a provider: the one whose host it is, else any OpenAI-like server."""
    reason = f"llm.base_url is {config.base_url}"
    provider = provider_of_url(config.base_url)
    if provider in PROVIDERS:
        return _keyed(provider, config, keys, reason=reason)
    # A key that is meant for another host is never sent to this one.
    return _choice(
        config,
        provider=provider,
        wire="openai",
        model=config.model or "default",
        base_url=config.base_url,
        api_key=config.api_key,
        key_hint="llm.api_key",
        reason=reason,
    )


async def _ollama(config: Config, *, reason: str, transport: Transport | None) -> Choice:
    url = (config.base_url or config.ollama_url).rstrip("/").removesuffix("/v1")
    own = transport or _short_transport(config)
    try:
        data = await own.get(f"{url}/api/tags", timeout_ms=config.probe_timeout_ms)
    finally:
        if transport is None:
            await own.close()
    names = [text_of(model.get("name")) for model in mappings_of(_models(data))]
    model = config.model or next((name for name in names if name), "")
    if not model:
        raise ModelUnknown(
            f"Ollama at {url} holds no model.", hint="Fetch one with: ollama pull NAME"
        )
    return _choice(
        config,
        provider="ollama",
        wire="openai",
        model=model,
        base_url=f"{url}/v1",
        api_key=config.api_key,
        key_hint="llm.api_key",
        reason=reason,
    )


def _short_transport(config: Config) -> Transport:
    from novacore.llm.transport_aiohttp import (  # noqa: PLC0415 - loads aiohttp, 0.1 s
        AiohttpTransport,
    )

    return AiohttpTransport(
        connect_timeout_ms=config.probe_timeout_ms,
        first_byte_timeout_ms=config.probe_timeout_ms,
        idle_timeout_ms=config.probe_timeout_ms,
    )


def _models(data: bytes) -> object:
    return (decode_object(data) or {}).get("models")


def _choice(
    config: Config,
    *,
    provider: str,
    wire: WireName,
    model: str,
    base_url: str,
    api_key: str,
    key_hint: str,
    reason: str,
) -> Choice:
    api_key = api_key.strip()
    if not (api_key.isascii() and api_key.isprintable()):
        raise AuthRefused(f"The key in {key_hint} holds a character that no key has.")
    family = family_of(model, provider=provider)
    if config.wire != "auto":
        wire = cast(WireName, config.wire)
    window_tokens = config.window_tokens or family.window_tokens
    return Choice(
        provider=provider,
        wire=wire,
        model=model,
        base_url=reached_url(base_url, wire=wire),
        api_key=api_key,
        key_hint=key_hint,
        window_tokens=window_tokens,
        # An answer that fills the window would leave no room for the question.
        output_tokens_max=config.output_tokens_max
        or min(family.output_tokens_max, max(1, window_tokens // 2)),
        tokens_percent=family.tokens_percent,
        reason=reason,
        config=config,
    )


def _builtin(config: Config, *, reason: str) -> Choice:
    window_tokens = config.window_tokens or config.builtin_window_tokens
    return Choice(
        provider="builtin",
        wire="openai",
        model=BUILTIN_NAME,
        base_url="",
        window_tokens=window_tokens,
        output_tokens_max=config.output_tokens_max or min(512, window_tokens // 4),
        reason=reason,
        config=config,
    )
