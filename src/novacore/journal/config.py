"""The journal's limits, with their units and defaults."""

from dataclasses import dataclass

from novacore.kit import check, setting

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True)
class Config:
    """How the journal stores and how much it takes at once. Checked when made."""

    body_bytes_max: int = setting(
        1 * MIB,
        unit="bytes",
        minimum=4 * KIB,
        maximum=16 * MIB,
        doc="Largest body of one entry, after long texts have moved into blobs.",
    )
    blob_text_bytes: int = setting(
        256 * KIB,
        unit="bytes",
        minimum=4 * KIB,
        maximum=1 * MIB,
        doc="A text inside a body that is this long or longer is stored as a blob.",
    )
    blob_bytes_max: int = setting(
        256 * MIB,
        unit="bytes",
        minimum=1 * MIB,
        doc="Largest single blob.",
    )
    batch_entries_max: int = setting(
        1_000,
        unit="entries",
        minimum=1,
        maximum=100_000,
        doc="Most entries in one append.",
    )
    nesting_max: int = setting(
        128,
        unit="levels",
        minimum=8,
        maximum=256,
        doc="Deepest nesting of lists and objects inside a body.",
    )
    queue_entries_max: int = setting(
        20_000,
        unit="entries",
        minimum=1,
        doc="Most entries waiting for the writer; more are turned away until it catches up.",
    )
    queue_bytes_max: int = setting(
        64 * MIB,
        unit="bytes",
        minimum=64 * KIB,
        doc="Most bytes waiting for the writer; more are turned away until it catches up.",
    )
    group_entries_max: int = setting(
        512,
        unit="entries",
        minimum=1,
        maximum=10_000,
        doc="Most entries made durable by one commit.",
    )
    seal_entries: int = setting(
        64,
        unit="entries",
        minimum=2,
        maximum=4_096,
        doc="A session's newest entries are sealed into a segment when there are this many.",
    )
    seal_bytes: int = setting(
        256 * KIB,
        unit="bytes",
        minimum=4 * KIB,
        doc="A session's newest entries are sealed into a segment when they reach this size.",
    )
    segment_bytes_max: int = setting(
        2 * MIB,
        unit="bytes",
        minimum=64 * KIB,
        maximum=256 * MIB,
        doc="Segments are merged with their neighbours up to this size.",
    )
    checkpoint_bytes: int = setting(
        8 * MIB,
        unit="bytes",
        minimum=64 * KIB,
        doc="The write-ahead log is folded into the main file when it reaches this size; while few "
        "write, at an eighth of it.",
    )
    lock_timeout_ms: int = setting(
        30_000,
        unit="ms",
        minimum=10,
        doc="Longest wait for other processes' turns before an append gives up.",
    )
    open_transcripts_max: int = setting(
        256,
        unit="sessions",
        minimum=0,
        doc="Open transcripts kept in memory; the least recently used go first. 0 keeps none.",
    )
    list_max: int = setting(
        1_000,
        unit="sessions",
        minimum=1,
        maximum=100_000,
        doc="Most sessions that one listing returns.",
    )
    feed_entries_max: int = setting(
        10_000,
        unit="entries",
        minimum=1,
        maximum=1_000_000,
        doc="Most entries that one read of the feed returns.",
    )

    def __post_init__(self) -> None:
        check(self)
