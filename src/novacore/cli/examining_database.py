"""What `nova doctor` says of a journal's database: its server, and whether it keeps its word."""

from collections.abc import Iterator

from novacore import journal, kit, settings
from novacore.cli.examining import Finding, State

_NAME = "database"
_FEW_CONNECTIONS = 16


def examine_database(chosen: settings.Settings) -> Iterator[Finding]:
    """The PostgreSQL server that holds the journal; nothing where there is none."""
    if chosen.store != "journal" or not chosen.database_url:
        return
    try:
        facts = journal.describe_postgres(chosen.database_url)
    except kit.NovaError as error:
        yield Finding(name=_NAME, state=State.WRONG, what=error.message, mend=error.hint)
        return
    standbys = f", synchronous with {facts.standbys}" if facts.standbys else ""
    what = f"PostgreSQL {facts.server_version}, schema {facts.schema or 'missing'}{standbys}."
    yield Finding(name=_NAME, state=State.OK, what=what)
    yield from _examine_trust(facts)


def _examine_trust(facts: journal.PostgresSurroundings) -> Iterator[Finding]:
    if facts.is_standby:
        yield Finding(
            name=_NAME,
            state=State.WRONG,
            what="The server is a standby and takes no writes.",
            mend="Point database_url at the primary server.",
        )
    for name in facts.unsafe_settings:
        yield Finding(
            name=_NAME,
            state=State.WRONG,
            what=f"{name} is off: acknowledged entries are lost when the server's machine fails.",
            mend=f"Set {name} = on in postgresql.conf and restart the server.",
        )
    if not facts.has_checksums:
        yield Finding(
            name=_NAME,
            state=State.WARNING,
            what="The server's pages have no checksums. The journal's entries have their own.",
            mend="Stop the server and run: pg_checksums --enable",
        )
    if facts.connections + _FEW_CONNECTIONS > facts.connections_max:
        yield Finding(
            name=_NAME,
            state=State.WARNING,
            what=f"{facts.connections} of {facts.connections_max} connections are in use.",
            mend="Raise max_connections, or put fewer processes on this server.",
        )
