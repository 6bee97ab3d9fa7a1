"""The memory room's settings: how long memories live, and how much is kept and shown."""

from dataclasses import dataclass

from novacore.kit import check, setting

KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Config:
    """How memories live. Checked when made."""

    learn: bool = setting(
        True, doc="After each turn, what you stated in it is remembered as facts, by rules."
    )
    working_turns: int = setting(
        20,
        unit="turns",
        minimum=1,
        maximum=1_000,
        doc="Working memory: a session's newest turns.",
    )
    short_minutes: int = setting(
        60,
        unit="minutes",
        minimum=1,
        maximum=525_600,
        doc="A short-term memory, and working memory, fade when unused for so long.",
    )
    intermediate_days: int = setting(
        7,
        unit="days",
        minimum=1,
        maximum=3_650,
        doc="An intermediate memory fades when unused for so long.",
    )
    intermediate_max: int = setting(
        100,
        unit="memories",
        minimum=1,
        maximum=100_000,
        doc="Intermediate memories of one owner; those least used fade first.",
    )
    promote_uses: int = setting(
        3,
        unit="turns",
        minimum=1,
        maximum=1_000,
        doc="A memory used in so many turns since it came to its term is promoted.",
    )
    promote_confidence: float = setting(
        0.7, minimum=0, maximum=1, doc="Confidence above which a memory is promoted."
    )
    promote_emotion: float = setting(
        0.3,
        minimum=0,
        maximum=1,
        doc="Emotional weight, without its sign, above which a memory is promoted.",
    )
    context_memories: int = setting(
        5,
        unit="memories",
        minimum=0,
        maximum=100,
        doc="Memories of each term that a context begins with.",
    )
    context_confidence: float = setting(
        0.7,
        minimum=0,
        maximum=1,
        doc="Long-term memories must be more confident than this to stand in a context.",
    )
    text_bytes_max: int = setting(
        16 * KIB,
        unit="bytes",
        minimum=256,
        maximum=128 * KIB,
        doc="Longest text of one memory.",
    )
    tags_max: int = setting(
        32, unit="tags", minimum=1, maximum=1_000, doc="Most tags on one memory."
    )
    sources_max: int = setting(
        64,
        unit="sources",
        minimum=1,
        maximum=1_000,
        doc="Most entries that one memory names as its sources.",
    )
    fact_sources_max: int = setting(
        8,
        unit="sources",
        minimum=1,
        maximum=64,
        doc="A fact that is stated again and again names so many of the places.",
    )
    page_max: int = setting(
        1_000, unit="memories", minimum=1, maximum=10_000, doc="Most memories on one page."
    )
    access_ids_max: int = setting(
        1_000,
        unit="memories",
        minimum=1,
        maximum=10_000,
        doc="Most memories whose use one turn notes.",
    )
    import_bytes_max: int = setting(
        256 * KIB * KIB,
        unit="bytes",
        minimum=KIB,
        doc="Largest file of memories that is imported.",
    )

    def __post_init__(self) -> None:
        check(self)
