"""What a journal on PostgreSQL stands on: the server, and how much it can be trusted."""

from dataclasses import dataclass

from novacore.journal.postgres_connect import connect, translated

_FACTS = """
SELECT current_setting('server_version'), current_setting('fsync'),
    current_setting('full_page_writes'), current_setting('data_checksums'),
    current_setting('synchronous_standby_names'), pg_is_in_recovery(),
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    current_setting('max_connections')::bigint, current_schema()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresSurroundings:
    """What `describe_postgres` found."""

    server_version: str
    """As the server says it."""
    unsafe_settings: tuple[str, ...]
    """Settings that may cost acknowledged entries when the server's machine fails; best: none."""
    has_checksums: bool
    """True: the server notices a damaged page."""
    standbys: str
    """Its synchronous standbys, as it names them; empty: there are none."""
    is_standby: bool
    """True: it takes no writes."""
    connections: int
    """How many clients are connected."""
    connections_max: int
    """How many may be."""
    schema: str
    """Where the journal's tables are, or would be; empty: nowhere."""


def describe_postgres(url: str) -> PostgresSurroundings:
    """Look at the server that a journal is on, and change nothing there.

    Args:
        url: as `open_postgres` takes it.

    Raises:
        StoreUnusable: the driver is missing, or the server is too old.
        StorageFailed: the server can't be reached.
    """
    database = connect(url, lock_timeout_ms=1_000)
    try:
        with translated("looking at the server"):
            version, fsync, pages, checksums, standbys, is_standby, count, most, schema = (
                database.rows(_FACTS)[0]
            )
    finally:
        database.close()
    unsafe = {"fsync": fsync, "full_page_writes": pages}
    return PostgresSurroundings(
        server_version=version,
        unsafe_settings=tuple(name for name, value in unsafe.items() if value != "on"),
        has_checksums=checksums == "on",
        standbys=standbys,
        is_standby=is_standby,
        connections=count,
        connections_max=most,
        schema=schema or "",
    )
