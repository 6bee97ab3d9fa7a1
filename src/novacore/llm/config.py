"""Settings of the model room; section `[llm]` of nova.toml."""

import dataclasses
import urllib.parse

from novacore import kit

PROVIDERS = ("auto", "anthropic", "openai", "minimax", "ollama", "builtin")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Which model answers, and how patient we are with it. Checked when constructed."""

    provider: str = kit.setting(
        "auto",
        choices=PROVIDERS,
        doc="Who runs the model. auto: by the key that is set, else a local Ollama, else built in.",
    )
    model: str = kit.setting(
        "", doc="The model's name as its provider knows it. Empty: the provider's usual one."
    )
    base_url: str = kit.setting(
        "",
        doc="Address of the API, for any compatible server. Empty: the provider's own.",
    )
    api_key: str = kit.setting(
        "",
        secret=True,
        doc="The key for the provider. Empty: the provider's usual variable is used.",
    )
    wire: str = kit.setting(
        "auto",
        choices=("auto", "anthropic", "openai"),
        doc="The format spoken with the server. auto: the one that belongs to the provider.",
    )
    window_tokens: int = kit.setting(
        0,
        unit="tokens",
        minimum=0,
        maximum=10_000_000,
        doc="Input and output that fit in one request. 0: what is known about the model.",
    )
    output_tokens_max: int = kit.setting(
        0,
        unit="tokens",
        minimum=0,
        maximum=1_000_000,
        doc="The most that one answer may have. 0: what suits the model.",
    )
    thinking: str = kit.setting(
        "default",
        choices=("default", "off", "adaptive", "budget"),
        doc="Thinking of Anthropic models: their default, off, adaptive, or by thinking_tokens.",
    )
    thinking_tokens: int = kit.setting(
        4_096,
        unit="tokens",
        minimum=1_024,
        maximum=1_000_000,
        doc="Tokens for thinking in one answer where thinking is budget.",
    )
    retry_enabled: bool = kit.setting(
        True, doc="Whether a failed request is sent again where that can help. False: never."
    )
    retry_attempts_max: int = kit.setting(
        4, unit="requests", minimum=1, maximum=100, doc="How often one request is sent at most."
    )
    retry_delay_ms: int = kit.setting(
        1_000,
        unit="ms",
        minimum=0,
        maximum=600_000,
        doc="Longest wait before the second request; it doubles, and is drawn at random.",
    )
    retry_delay_max_ms: int = kit.setting(
        30_000, unit="ms", minimum=0, maximum=3_600_000, doc="The longest wait of our own choosing."
    )
    retry_after_max_ms: int = kit.setting(
        60_000,
        unit="ms",
        minimum=0,
        maximum=3_600_000,
        doc="The longest wait that a provider may ask for; a longer one fails at once and says so.",
    )
    retry_total_ms: int = kit.setting(
        180_000,
        unit="ms",
        minimum=0,
        maximum=86_400_000,
        doc="No further request is begun when this time since the first one would be passed.",
    )
    proxy_url: str = kit.setting(
        "", doc="Address of an HTTP proxy to go through. Empty: none; the environment isn't asked."
    )
    connect_timeout_ms: int = kit.setting(
        10_000, unit="ms", minimum=10, maximum=600_000, doc="How long a connection may take."
    )
    first_byte_timeout_ms: int = kit.setting(
        300_000,
        unit="ms",
        minimum=10,
        maximum=3_600_000,
        doc="How long the first piece of an answer may take.",
    )
    idle_timeout_ms: int = kit.setting(
        120_000,
        unit="ms",
        minimum=10,
        maximum=3_600_000,
        doc="How long an answer that has begun may be silent.",
    )
    event_bytes_max: int = kit.setting(
        16 * 1024 * 1024,
        unit="bytes",
        minimum=65_536,
        maximum=1024 * 1024 * 1024,
        doc="The largest single event of a stream; a larger one breaks it.",
    )
    ollama_url: str = kit.setting(
        "http://127.0.0.1:11434", doc="Where a local Ollama is looked for."
    )
    probe_timeout_ms: int = kit.setting(
        300,
        unit="ms",
        minimum=1,
        maximum=60_000,
        doc="How long looking for a local Ollama may take.",
    )
    builtin_tools: str = kit.setting(
        "off",
        choices=("off", "schema"),
        doc="Tools on the built-in model. off: chat only. schema: by constrained output, poorly.",
    )
    builtin_window_tokens: int = kit.setting(
        2_048,
        unit="tokens",
        minimum=512,
        maximum=8_192,
        doc="Window of the built-in model. It reads 60 to 170 tokens a second on one thread.",
    )
    builtin_threads: int = kit.setting(
        1,
        unit="threads",
        minimum=1,
        maximum=256,
        doc="Threads that the built-in model computes with.",
    )
    builtin_start_timeout_ms: int = kit.setting(
        60_000,
        unit="ms",
        minimum=100,
        maximum=600_000,
        doc="How long the built-in model may take to start.",
    )

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            kit.SettingInvalid: names the field, its value, and what was expected.
        """
        kit.check(self)
        for name in ("base_url", "ollama_url", "proxy_url"):
            url = getattr(self, name)
            if url and not _is_address(url):
                expected = "an address such as http://127.0.0.1:8000/v1"
                raise kit.SettingInvalid(f"{name} is {url!r}; expected {expected}.", name=name)


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        # The port is looked at only when asked for.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
