"""Settings of the business database; section `[database]` of nova.toml."""

import dataclasses

from novacore import kit


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """How patient we are with the database, and how many connections there are."""

    connections_max: int = kit.setting(
        8,
        unit="connections",
        minimum=1,
        maximum=1_000,
        doc="Connections that one process keeps to the database of accounts and usage.",
    )
    wait_ms: int = kit.setting(
        10_000,
        unit="ms",
        minimum=1,
        maximum=600_000,
        doc="How long a transaction waits for its turn or for a free connection.",
    )
    slow_ms: int = kit.setting(
        200,
        unit="ms",
        minimum=1,
        maximum=600_000,
        doc="A query that takes longer is logged, without its values, and counted.",
    )

    def __post_init__(self) -> None:
        kit.check(self)
