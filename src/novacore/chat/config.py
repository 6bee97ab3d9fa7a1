"""The chat room's settings: how long a message may be, what is recalled, how streams are kept."""

from dataclasses import dataclass

from novacore.kit import check, setting

KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Config:
    """How chat behaves. Checked when made."""

    message_characters_max: int = setting(
        10_000,
        unit="characters",
        minimum=1,
        maximum=1_000_000,
        doc="The longest message of a person in chat.",
    )
    output_tokens_min: int = setting(
        64,
        unit="tokens",
        minimum=1,
        maximum=100_000,
        doc="The shortest answer that is worth asking for; with less left a turn is refused.",
    )
    recall_hits: int = setting(
        5,
        unit="hits",
        minimum=0,
        maximum=100,
        doc="Things said earlier that a turn is reminded of, where it asks for memory.",
    )
    recall_tokens_max: int = setting(
        600,
        unit="tokens",
        minimum=0,
        maximum=100_000,
        doc="How much room those may take in a request.",
    )
    recall_score_min: float = setting(
        0.3, minimum=0, maximum=1, doc="How well something must fit to be recalled."
    )
    memory_process: bool = setting(
        True,
        doc="A server recalls and learns in a process of its own, with an interpreter of its own: "
        "answers begin sooner where many people talk at once, for about 110 MB of memory. Off: in "
        "threads of the server.",
    )
    titles: bool = setting(True, doc="A new session is named by the model, after its first answer.")
    tools: str = setting(
        "off",
        choices=("off", "workspace"),
        doc="Tools on the server: off, or those for files in a folder of each account's own, as "
        "far as agent.permissions_allow lets them without asking. Commands are never run.",
    )
    system_prompt: str = setting(
        "", doc="What the assistant is told first; empty: that it is Nova, a helpful assistant."
    )
    open_sessions_max: int = setting(
        128,
        unit="sessions",
        minimum=1,
        maximum=100_000,
        doc="Conversations that are kept ready in memory; others are opened again when needed.",
    )
    turns_max: int = setting(
        512,
        unit="turns",
        minimum=1,
        maximum=100_000,
        doc="Most turns that one process runs at once; more are turned away.",
    )
    stream_minutes: int = setting(
        10,
        unit="minutes",
        minimum=1,
        maximum=1_440,
        doc="How long a stream can be resumed after its last event.",
    )
    stream_bytes_max: int = setting(
        8 * KIB * KIB,
        unit="bytes",
        minimum=64 * KIB,
        doc="The largest log of one stream; what is beyond it is in the session only.",
    )
    heartbeat_s: int = setting(
        10,
        unit="s",
        minimum=1,
        maximum=14,
        doc="A stream that has nothing to say sends a comment so often, to keep proxies patient.",
    )

    def __post_init__(self) -> None:
        check(self)
