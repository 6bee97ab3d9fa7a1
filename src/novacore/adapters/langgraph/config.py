"""The limits of the LangGraph adapter, with their units and defaults."""

from dataclasses import dataclass

from novacore.kit import check, setting

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True)
class Config:
    """How much the adapter keeps in memory and how it packs values. Checked when made."""

    threads_max: int = setting(
        256,
        unit="threads",
        minimum=1,
        maximum=1_000_000,
        doc="Threads, or namespaces, whose index is kept in memory; the least used go first.",
    )
    cache_bytes_max: int = setting(
        64 * MIB,
        unit="bytes",
        minimum=0,
        doc="Serialised values kept in memory, so that the next version is told from the last.",
    )
    delta_bytes_min: int = setting(
        512,
        unit="bytes",
        minimum=32,
        doc="A value below this size is stored whole; a larger one as what changed.",
    )
    delta_depth_max: int = setting(
        1_024,
        unit="versions",
        minimum=1,
        maximum=100_000,
        doc="Most versions that are told one from another before one is stored whole.",
    )
    index_entries: int = setting(
        128,
        unit="entries",
        minimum=2,
        maximum=100_000,
        doc="A thread's entries are summed up when there are this many since the last time, so "
        "that opening it reads few.",
    )
    batch_entries: int = setting(
        200,
        unit="entries",
        minimum=1,
        maximum=1_000,
        doc="Entries that a copy or a pruning appends at once.",
    )
    attempts_max: int = setting(
        8,
        unit="attempts",
        minimum=1,
        maximum=1_000,
        doc="How often a write is tried while other processes write to the same thread.",
    )

    def __post_init__(self) -> None:
        check(self)
