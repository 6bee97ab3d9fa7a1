"""The journal's tables on PostgreSQL: numbered migrations, forward only, one process at a time.

Processes of the release before may still be at work while one migrates. So a migration that changes
a call's parameters, or what must be written, raises `lowest_writer`: the older ones then stop
writing with an error that says so; what they may not even read raises `lowest_reader`.
"""

from pathlib import Path

from novacore.journal import frame as frames
from novacore.journal.errors import StoreTooNew, StoreUnusable
from novacore.journal.postgres_connect import FORMAT, Database

_FOLDER = Path(__file__).with_name("postgres_migrations")
_LOCK = "SELECT pg_advisory_lock(1313822273, hashtext(current_schema()))"
_UNLOCK = "SELECT pg_advisory_unlock(1313822273, hashtext(current_schema()))"
_IS_THERE = "SELECT to_regclass('journal_head') IS NOT NULL"
_NOTED = "INSERT INTO journal_migration (number) VALUES (%d);"
_FIRST = """
INSERT INTO journal_head (id, epoch, lowest_reader, lowest_writer, sequence, chain, recorded_us,
    generation, changes) VALUES ('\\x%s', 1, 1, 1, 0, '\\x%s', 0, 0, 0);
"""


def prepare(database: Database, *, journal: bytes) -> None:
    """Make the tables in a database that has none; bring older ones up to date.

    Args:
        database: the connection.
        journal: the id of the journal, should it be made now.

    Raises:
        StoreTooNew: a newer program wrote it, and this one may not read it.
        StoreUnusable: the user may not create tables, or there is no schema to put them in.
    """
    if _is_current(database):
        return
    if database.rows("SELECT current_schema()") == [(None,)]:
        raise StoreUnusable(
            "The database has no schema for the journal: search_path names none that exists.",
            hint="Create it, or add ?options=-csearch_path%3DSCHEMA to database_url.",
        )
    database.rows(_LOCK)
    _migrate(database, journal)
    # After a failure the caller closes the connection, and the lock goes with it.
    database.rows(_UNLOCK)


def _is_current(database: Database) -> bool:
    """True when there is nothing to do; raises for a journal that this program must not read."""
    if database.rows(_IS_THERE) != [(True,)]:
        return False
    needed, number = database.rows(
        "SELECT lowest_reader, (SELECT max(number) FROM journal_migration) FROM journal_head"
    )[0]
    if needed > FORMAT:
        raise StoreTooNew(needed=needed, ours=FORMAT, doing="reading")
    return number is not None and number >= FORMAT


def _migrate(database: Database, journal: bytes) -> None:
    """Run what was not run yet, each migration in a transaction of its own."""
    if _is_current(database):
        return
    is_there = database.rows(_IS_THERE) == [(True,)]
    done: set[int] = set()
    if is_there:
        done = {number for (number,) in database.rows("SELECT number FROM journal_migration")}
    for number, text in list_migrations():
        if number not in done:
            database.script(_as_one_step(number, text, journal))


def list_migrations() -> list[tuple[int, str]]:
    """(number, SQL) of each migration, in order."""
    found = [(int(path.name[:4]), path.read_text()) for path in sorted(_FOLDER.glob("*.sql"))]
    return [each for each in found if each[0] <= FORMAT]


def _as_one_step(number: int, text: str, journal: bytes) -> str:
    """A migration with the row that says that it was run, as one transaction."""
    steps = ["BEGIN;", text]
    if number == 1:
        # A server does not take parameters for several statements at once; these are digests.
        steps.append(_FIRST % (journal.hex(), frames.ROOT_CHAIN.hex()))
    steps += [_NOTED % number, "COMMIT;"]
    return "\n".join(steps)
