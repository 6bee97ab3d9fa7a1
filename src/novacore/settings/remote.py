"""The section `remote`: how a NovaCore server is talked to."""

import dataclasses

from novacore import kit


@dataclasses.dataclass(frozen=True, kw_only=True)
class RemoteConfig:
    """The section `remote`: patience with a server, and what is kept while it is away."""

    connect_timeout_ms: int = kit.setting(
        5_000, unit="ms", minimum=10, maximum=600_000, doc="Longest wait for a connection."
    )
    answer_timeout_ms: int = kit.setting(
        60_000, unit="ms", minimum=10, maximum=3_600_000, doc="Longest wait for an answer."
    )
    retry_ms: int = kit.setting(
        5_000,
        unit="ms",
        minimum=0,
        maximum=600_000,
        doc="A server that can't be reached is tried again for so long before it counts as away.",
    )
    connections_max: int = kit.setting(
        8, unit="connections", minimum=1, maximum=1_000, doc="Most connections kept open."
    )
    spool_bytes_max: int = kit.setting(
        256 * 1024 * 1024,
        unit="bytes",
        minimum=64 * 1024,
        doc="Most that is kept in the data directory for a server that is away.",
    )

    def __post_init__(self) -> None:
        kit.check(self)
