"""Settings of the relay to the providers; section `[relay]` of nova.toml."""

import dataclasses

from novacore import kit


@dataclasses.dataclass(frozen=True, kw_only=True)
class RelayConfig:
    """How requests are handed to providers. Checked when constructed."""

    breaker_failures_max: int = kit.setting(
        5,
        unit="failures",
        minimum=1,
        maximum=1_000,
        doc="So many failures of a provider in a row, and it is left alone for a while.",
    )
    breaker_probe_ms: int = kit.setting(
        60_000,
        unit="ms",
        minimum=10,
        maximum=86_400_000,
        doc="How long it is left alone; then one request at a time tries whether it is back.",
    )
    retry_attempts_max: int = kit.setting(
        3,
        unit="requests",
        minimum=1,
        maximum=20,
        doc="How often one request is sent to one provider at most, before anything was answered.",
    )
    retry_delay_ms: int = kit.setting(
        250,
        unit="ms",
        minimum=0,
        maximum=60_000,
        doc="Longest wait before the second request; it doubles, and is drawn at random.",
    )
    retry_after_max_ms: int = kit.setting(
        2_000,
        unit="ms",
        minimum=0,
        maximum=600_000,
        doc="The longest wait that a provider may ask for; a longer one is told to the caller.",
    )
    retry_percent: int = kit.setting(
        10,
        unit="percent",
        minimum=0,
        maximum=100,
        doc="Requests that may be sent again, in percent of all, so that retries never flood.",
    )
    retry_reserve: int = kit.setting(
        10,
        unit="requests",
        minimum=0,
        maximum=10_000,
        doc="Retries that may be made beyond that share, for servers with few requests.",
    )
    connections_max: int = kit.setting(
        1_024,
        unit="connections",
        minimum=1,
        maximum=65_536,
        doc="Most connections to one provider at once; more requests wait for one.",
    )
    connection_idle_ms: int = kit.setting(
        30_000,
        unit="ms",
        minimum=0,
        maximum=3_600_000,
        doc="How long a connection that is not used is kept for the next request.",
    )
    answer_bytes_max: int = kit.setting(
        67_108_864,
        unit="bytes",
        minimum=65_536,
        maximum=1_073_741_824,
        doc="Largest answer that is taken from a provider in one piece.",
    )
    kept_bytes_max: int = kit.setting(
        4_194_304,
        unit="bytes",
        minimum=65_536,
        maximum=1_073_741_824,
        doc="Bytes of a stream that are kept until its end: to count what a broken one said, and "
        "for a reply under an Idempotency-Key.",
    )

    embedding_texts_max: int = kit.setting(
        2_048,
        unit="texts",
        minimum=1,
        maximum=100_000,
        doc="Most texts in one request for vectors.",
    )

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            kit.SettingInvalid: names the field, its value, and what was expected.
        """
        kit.check(self)
