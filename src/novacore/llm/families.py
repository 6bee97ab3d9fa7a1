"""What is known about common models and providers beforehand. The settings override it."""

import dataclasses
import re
import urllib.parse
from collections.abc import Mapping
from typing import Literal

WireName = Literal["anthropic", "openai"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """What the models of one family have in common."""

    window_tokens: int
    """Input and output that fit in one request."""
    output_tokens_max: int
    """A cap of one answer that suits an agent and that every model of the family takes."""
    tokens_percent: int = 100
    """What they count for a text, in percent of our estimate."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provider:
    """What is known about one provider."""

    wire: WireName
    """The format it speaks by itself."""
    base_url: str
    """Where it is reached."""
    key_name: str
    """The variable that its key is usually kept in; empty: it needs none."""
    model: str
    """The model that is used where none is named; empty: asked for."""


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider(
        wire="anthropic",
        base_url="https://api.anthropic.com",
        key_name="ANTHROPIC_API_KEY",
        model="claude-sonnet-5-5",
    ),
    "openai": Provider(
        wire="openai",
        base_url="https://api.openai.com/v1",
        key_name="OPENAI_API_KEY",
        model="gpt-6.2-sol",
    ),
    "minimax": Provider(
        wire="anthropic",
        base_url="https://api.minimax.io",
        key_name="MINIMAX_API_KEY",
        model="MiniMax-M3",
    ),
    "ollama": Provider(wire="openai", base_url="", key_name="", model=""),
}
"""In the order in which they are looked for."""

_UNKNOWN = Family(window_tokens=128_000, output_tokens_max=8_192)
_UNKNOWN_OLLAMA = Family(window_tokens=4_096, output_tokens_max=1_024)
"""Ollama cuts what does not fit in silence, and fits 4,096 tokens where it isn't told otherwise."""

_FAMILIES: tuple[tuple[re.Pattern[str], Family], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), family)
    for pattern, family in (
        (
            r"claude-(opus|sonnet|fable|mythos)-([5-9]|4-[78])",
            Family(window_tokens=1_000_000, output_tokens_max=64_000, tokens_percent=130),
        ),
        (
            r"claude-(opus|sonnet)-4-6",
            Family(window_tokens=1_000_000, output_tokens_max=64_000),
        ),
        (
            r"claude-haiku-[5-9]",
            Family(window_tokens=200_000, output_tokens_max=64_000, tokens_percent=130),
        ),
        (r"claude-(opus-4|3)", Family(window_tokens=200_000, output_tokens_max=8_192)),
        (r"claude", Family(window_tokens=200_000, output_tokens_max=32_000)),
        (r"minimax-m[3-9]", Family(window_tokens=1_000_000, output_tokens_max=64_000)),
        (r"minimax", Family(window_tokens=204_800, output_tokens_max=32_000)),
        (r"gpt-[5-9]|^o[1-9]", Family(window_tokens=400_000, output_tokens_max=32_000)),
        (r"gpt-4\.1", Family(window_tokens=1_047_576, output_tokens_max=32_000)),
        (r"gpt-oss", Family(window_tokens=131_072, output_tokens_max=16_384)),
        (r"gpt-", Family(window_tokens=128_000, output_tokens_max=16_384)),
        (r"gemini", Family(window_tokens=1_048_576, output_tokens_max=32_000)),
        (r"kimi", Family(window_tokens=262_144, output_tokens_max=32_000)),
        (r"glm", Family(window_tokens=200_000, output_tokens_max=32_000)),
        (r"deepseek", Family(window_tokens=128_000, output_tokens_max=8_192)),
        (r"qwen-?3", Family(window_tokens=131_072, output_tokens_max=16_384)),
    )
)


def family_of(model: str, *, provider: str) -> Family:
    """What is known about a model by its name; a careful guess where nothing is."""
    if provider == "ollama":
        return _UNKNOWN_OLLAMA
    found = (family for pattern, family in _FAMILIES if pattern.search(model))
    return next(found, _UNKNOWN)


def provider_of_model(model: str) -> str:
    """The provider whose models have such names; empty where the name doesn't tell."""
    name = model.lower()
    for start, provider in (("claude", "anthropic"), ("minimax", "minimax"), ("gpt-oss", "")):
        if name.startswith(start):
            return provider
    return "openai" if re.match(r"(gpt-|chatgpt|o[1-9](-|$))", name) else ""


def provider_of_url(url: str) -> str:
    """The provider behind an address; its host (and port) where it is none that we know."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    for known, provider in (
        ("api.anthropic.com", "anthropic"),
        ("api.openai.com", "openai"),
        ("api.minimax.io", "minimax"),
        ("api.minimaxi.com", "minimax"),
    ):
        if host == known:
            return provider
    return parts.netloc.rpartition("@")[2] or url


def reached_url(base_url: str, *, wire: WireName) -> str:
    """The address that paths are added to: MiniMax's hosts get the format's suffix, others none.

    A trailing `/v1` is dropped for the Anthropic format, whose path begins with it.
    """
    url = base_url.rstrip("/")
    parts = urllib.parse.urlsplit(url)
    if parts.hostname in ("api.minimax.io", "api.minimaxi.com") and parts.path in ("", "/"):
        return url + ("/anthropic" if wire == "anthropic" else "/v1")
    return url.removesuffix("/v1") if wire == "anthropic" else url
