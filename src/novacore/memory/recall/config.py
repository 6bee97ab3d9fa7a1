"""Settings of recall; section `[recall]` of nova.toml."""

from dataclasses import dataclass

from novacore.kit import check, setting


@dataclass(frozen=True, kw_only=True)
class RecallConfig:
    """How recall searches and what it may cost. Checked when made."""

    ranker: str = setting(
        "logistic",
        choices=("logistic", "fusion"),
        doc="How scores become one: logistic, with the trained weights; fusion: by their ranges.",
    )
    limit_max: int = setting(
        1_000, unit="hits", minimum=1, maximum=100_000, doc="Most hits of one question."
    )
    open_owners_max: int = setting(
        256,
        unit="owners",
        minimum=1,
        maximum=1_000_000,
        doc="Owners whose index and memories one process keeps ready; others are read from their "
        "files when they are next asked for.",
    )
    candidates: int = setting(
        150,
        unit="entries",
        minimum=10,
        maximum=10_000,
        doc="Entries that are ranked closely, chosen by their words; more by their vectors.",
    )
    neighbours: int = setting(
        1, unit="turns", minimum=0, maximum=16, doc="Turns before and after a hit that come along."
    )
    diversity: float = setting(
        0.3,
        minimum=0,
        maximum=1,
        doc="How far an entry that repeats a better one is moved down; 0: not at all.",
    )
    text_chars_max: int = setting(
        65_536,
        unit="characters",
        minimum=256,
        maximum=1_048_576,
        doc="Of one entry's text, how much is indexed.",
    )
    vector_chars_max: int = setting(
        4_000,
        unit="characters",
        minimum=64,
        maximum=65_536,
        doc="A longer text's vector is made of its first and last parts of half this length.",
    )
    catch_up_ms: int = setting(
        60_000,
        unit="ms",
        minimum=1,
        maximum=3_600_000,
        doc="How long a question may wait for new entries to be indexed; then it says what lags.",
    )
    vectors_ms: int = setting(
        1_000,
        unit="ms",
        minimum=0,
        maximum=3_600_000,
        doc="How long a question may wait for vectors of new entries, where a slow model or an API "
        "makes them; what is left is made with later questions.",
    )
    embedder_rest_ms: int = setting(
        60_000,
        unit="ms",
        minimum=0,
        maximum=3_600_000,
        doc="How long an embedder that failed is left alone; until then only words are compared.",
    )
    publish_entries: int = setting(
        1_024,
        unit="entries",
        minimum=1,
        maximum=1_000_000,
        doc="After so many new entries the index is written for other processes.",
    )
    exact_entries_max: int = setting(
        16_384,
        unit="entries",
        minimum=0,
        maximum=10_000_000,
        doc="The vectors of so many of the newest entries are compared one by one; those of older "
        "ones through an approximate index.",
    )

    def __post_init__(self) -> None:
        check(self)
