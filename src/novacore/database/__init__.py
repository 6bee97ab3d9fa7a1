"""The database of accounts, usage and chat metadata: SQLite in the data directory, or PostgreSQL.

Each room owns its tables (`tables.py`) and its migrations; this room opens the database, runs the
migrations, and keeps the outbox of what must follow from a commit. Start with `Database`.
"""

from typing import TYPE_CHECKING

from novacore import kit

if TYPE_CHECKING:
    from novacore.database.config import Config
    from novacore.database.database import Database
    from novacore.database.engine import is_postgres, open_own_engine
    from novacore.database.errors import (
        DatabaseError,
        DatabaseTooNew,
        DatabaseUnavailable,
        DatabaseUnusable,
    )
    from novacore.database.outbox import CORRELATION, put
    from novacore.database.rows import Sums, dump, load, sums_of
    from novacore.database.schema import FOLDER, VERSION_TABLE, Upgraded, find_heads, upgrade
    from novacore.database.tables import EXECUTORS, LEASES, METADATA, OUTBOX, RUNS

__all__ = [
    "CORRELATION",
    "EXECUTORS",
    "FOLDER",
    "LEASES",
    "METADATA",
    "OUTBOX",
    "RUNS",
    "VERSION_TABLE",
    "Config",
    "Database",
    "DatabaseError",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "DatabaseUnusable",
    "Sums",
    "Upgraded",
    "dump",
    "find_heads",
    "is_postgres",
    "load",
    "open_own_engine",
    "put",
    "sums_of",
    "upgrade",
]

__getattr__ = kit.late_names(
    __name__,
    {
        "config": ["Config"],
        "database": ["Database"],
        "engine": ["is_postgres", "open_own_engine"],
        "errors": ["DatabaseError", "DatabaseTooNew", "DatabaseUnavailable", "DatabaseUnusable"],
        "outbox": ["CORRELATION", "put"],
        "rows": ["Sums", "dump", "load", "sums_of"],
        "schema": ["FOLDER", "VERSION_TABLE", "Upgraded", "find_heads", "upgrade"],
        "tables": ["EXECUTORS", "LEASES", "METADATA", "OUTBOX", "RUNS"],
    },
)
