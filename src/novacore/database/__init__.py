"""The database of accounts, usage and chat metadata: SQLite in the data directory, or PostgreSQL.

Each room owns its tables (`tables.py`) and its migrations; this room opens the database, runs the
migrations, and keeps the outbox of what must follow from a commit. Start with `Database`.
"""

from novacore.database import outbox
from novacore.database.config import Config
from novacore.database.database import Database
from novacore.database.engine import open_engine
from novacore.database.errors import (
    DatabaseError,
    DatabaseTooNew,
    DatabaseUnavailable,
    DatabaseUnusable,
)
from novacore.database.schema import FOLDER, VERSION_TABLE, Upgraded, upgrade
from novacore.database.tables import METADATA, OUTBOX

__all__ = [
    "FOLDER",
    "METADATA",
    "OUTBOX",
    "VERSION_TABLE",
    "Config",
    "Database",
    "DatabaseError",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "DatabaseUnusable",
    "Upgraded",
    "open_database",
    "open_engine",
    "outbox",
    "upgrade",
]

open_database = Database
"""Open a database by the path of its file or its URL."""
