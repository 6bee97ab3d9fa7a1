"""Bringing a database to the schema of this release, each room's part by its own migrations."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from novacore.database.database import Database
from novacore.database.errors import DatabaseTooNew

FOLDER: Final = Path(__file__).parent / "migrations"
"""The migrations of the outbox; every database has it."""
VERSION_TABLE: Final = "business_version"
"""Where a database says which migrations it has had."""

_LOCK: Final = 0x6E6F7661
"""The key of PostgreSQL's advisory lock for migrations: one process migrates, the others wait."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Upgraded:
    """What `upgrade` did."""

    before: tuple[str, ...]
    """The newest migrations that the database had had; empty: it was new."""
    after: tuple[str, ...]
    """The newest migrations that it has had now."""

    @property
    def is_changed(self) -> bool:
        """Whether anything was done."""
        return self.before != self.after


def upgrade(
    database: Database,
    folders: Sequence[Path],
    *,
    before_change: Callable[[], None] | None = None,
    to: Sequence[str] = (),
) -> Upgraded:
    """Run the migrations that the database has not had, all or none, in one process at a time.

    Args:
        database: the database.
        folders: each room's `migrations`.
        before_change: called before an existing database is changed, to back it up.
        to: bring a new database to these older migrations instead, to take up older rows.

    Raises:
        DatabaseTooNew: it has had a migration that this release does not know.
    """
    scripts = _scripts(folders)
    if to:
        _refuse_unknown(to, scripts)
    wanted = tuple(sorted(to or scripts.get_heads()))
    with database.read() as connection:
        found = _heads(connection, scripts)
    if found == wanted:
        return Upgraded(before=found, after=found)
    if found and before_change is not None:
        before_change()
    with database.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        # Another process may have done it while this one waited.
        found = _heads(connection, scripts)
        if found != wanted:
            _run(connection, scripts, to=to)
    return Upgraded(before=found, after=wanted)


def find_heads(connection: sqlalchemy.Connection, folders: Sequence[Path]) -> tuple[str, ...]:
    """The newest migrations that a database has had; empty: none.

    Raises:
        DatabaseTooNew: it has had a migration that this release does not know.
    """
    return _heads(connection, _scripts(folders))


def labels_of(folders: Sequence[Path]) -> frozenset[str]:
    """The names of the rooms whose migrations these are; their tables begin with them."""
    return frozenset(
        label for each in _scripts(folders).walk_revisions() for label in each.branch_labels
    )


def _scripts(folders: Sequence[Path]) -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER), *map(str, folders)])


def _heads(connection: sqlalchemy.Connection, scripts: ScriptDirectory) -> tuple[str, ...]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    heads = tuple(sorted(context.get_current_heads()))
    _refuse_unknown(heads, scripts)
    return heads


def _refuse_unknown(heads: Sequence[str], scripts: ScriptDirectory) -> None:
    known = {each.revision for each in scripts.walk_revisions()}
    unknown = [each for each in heads if each not in known]
    if unknown:
        raise DatabaseTooNew(
            f"A newer NovaCore wrote the database of accounts and usage ({', '.join(unknown)}).",
            hint="Install that release or a later one; this one leaves the data as it is.",
        )


def _run(connection: sqlalchemy.Connection, scripts: ScriptDirectory, *, to: Sequence[str]) -> None:
    def steps(heads: Any, _context: Any) -> Any:
        wanted: Any = tuple(to) or "heads"
        return scripts._upgrade_revs(wanted, heads)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - Alembic's own way without an env.py

    context = MigrationContext.configure(
        connection,
        opts={"version_table": VERSION_TABLE, "transactional_ddl": True, "fn": steps},
    )
    with Operations.context(context):
        context.run_migrations()
