"""The tiers' settings: which engine serves each tier, where its server is, and the limits."""

from dataclasses import dataclass

from novacore.kit import check, setting


@dataclass(frozen=True, kw_only=True)
class Config:
    """Which engines serve the tiers, and their limits. Checked when made."""

    projector: str = setting(
        "auto",
        choices=("auto", "off"),
        doc="auto: long-lived programs bring the tiers up to date, in a process of their own; off: "
        "nothing does, until `nova tiers` is asked to.",
    )
    hot: str = setting("sqlite", choices=("sqlite", "redis", "off"), doc="Engine of the hot tier.")
    relational: str = setting(
        "sqlite", choices=("sqlite", "postgresql", "off"), doc="Engine of the relational tier."
    )
    vector: str = setting(
        "usearch",
        choices=("usearch", "pgvector", "qdrant", "off"),
        doc="Engine of the vector tier.",
    )
    graph: str = setting(
        "sqlite", choices=("sqlite", "neo4j", "falkordb", "off"), doc="Engine of the graph tier."
    )
    stream: str = setting(
        "sqlite", choices=("sqlite", "redis", "off"), doc="Engine of the stream tier."
    )
    document: str = setting(
        "sqlite", choices=("sqlite", "mongodb", "off"), doc="Engine of the document tier."
    )
    broker: str = setting(
        "sqlite", choices=("sqlite", "nats", "kafka", "off"), doc="Engine of the broker tier."
    )
    redis_url: str = setting(
        "redis://127.0.0.1:6379/0", secret=True, doc="The server of the Redis protocol."
    )
    postgresql_url: str = setting(
        "postgresql://127.0.0.1:5432/nova",
        secret=True,
        doc="The PostgreSQL server of the relational tier and of pgvector.",
    )
    qdrant_url: str = setting(
        "http://127.0.0.1:6333",
        secret=True,
        doc="The Qdrant server; a path instead of an address is a local folder, for tests.",
    )
    neo4j_url: str = setting("bolt://127.0.0.1:7687", secret=True, doc="The Neo4j server.")
    falkordb_url: str = setting("redis://127.0.0.1:6379/0", secret=True, doc="The FalkorDB server.")
    mongodb_url: str = setting(
        "mongodb://127.0.0.1:27017/nova",
        secret=True,
        doc="The server of the MongoDB protocol, with the database.",
    )
    nats_url: str = setting("nats://127.0.0.1:4222", secret=True, doc="The NATS server.")
    kafka_url: str = setting(
        "kafka://127.0.0.1:9092", secret=True, doc="The server of the Kafka protocol."
    )
    prefix: str = setting(
        "nova",
        doc="The first part of every key, table, collection, stream and subject on a server.",
    )
    batch_entries_max: int = setting(
        500, unit="entries", minimum=1, maximum=10_000, doc="Most entries a tier takes at once."
    )
    rush_entries_s: int = setting(
        1_000,
        unit="entries/s",
        minimum=1,
        doc="While more entries a second than this are appended, projectors rest three quarters of "
        "the time, so that appends are hardly slowed; they make up for it afterwards.",
    )
    gather_ms: int = setting(
        2_000,
        unit="ms",
        minimum=0,
        maximum=60_000,
        doc="A tier that stored something waits so long from then, and stores what comes meanwhile "
        "together. Erasures are not waited with.",
    )
    timeout_ms: int = setting(
        10_000, unit="ms", minimum=100, doc="Longest wait for one answer of a tier's server."
    )
    retry_ms_max: int = setting(
        10_000,
        unit="ms",
        minimum=100,
        doc="Longest pause before a tier that was down is tried again.",
    )
    tries_max: int = setting(
        5,
        unit="tries",
        minimum=1,
        maximum=100,
        doc="How often a refused entry is tried before it is set aside.",
    )
    set_aside_max: int = setting(
        1_000,
        unit="entries",
        minimum=1,
        maximum=100_000,
        doc="Most entries that a tier may set aside; with more it stops and says so.",
    )
    hot_window_h: int = setting(
        168, unit="hours", minimum=1, doc="The hot tier holds entries recorded within this time."
    )
    document_entries: int = setting(
        256, unit="entries", minimum=1, maximum=4_096, doc="Entries in one document of a session."
    )
    event_bytes_max: int = setting(
        256 * 1024,
        unit="bytes",
        minimum=1024,
        doc="A broker's event above this size carries a reference instead of the content.",
    )
    text_chars_max: int = setting(
        8_000,
        unit="characters",
        minimum=200,
        doc="A longer text is embedded by its first and last parts of half this length.",
    )

    def __post_init__(self) -> None:
        check(self)
