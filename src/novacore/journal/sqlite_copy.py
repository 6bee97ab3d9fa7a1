"""An exact copy made in a SQLite file: its standing, its sessions, what its entries name.

Every function works inside the caller's transaction. The standing is a fact in `meta`; while it is
no empty one, the lowest format that may write is one that no program knows, so that older programs,
which do not look at the standing, append nothing either.
"""

from collections.abc import Sequence

from novacore.journal import sqlite_read
from novacore.journal import standing as standings
from novacore.journal.copy_plan import CopyPlan
from novacore.journal.sqlite_file import LOWEST_WRITER, Connection
from novacore.journal.store import SessionRow

_NOBODY = 1_000_000
"""No program knows this format."""


def standing(connection: Connection) -> str:
    """The store's standing, see `standing.py`."""
    found = connection.execute("SELECT value FROM meta WHERE key='standing'").get
    return found if isinstance(found, str) else standings.IN_USE


def set_standing(connection: Connection, new: str) -> None:
    """Change it, and with it who may write."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('standing', ?)", (new,))
    lowest = _NOBODY if new else LOWEST_WRITER
    connection.execute("UPDATE meta SET value=? WHERE key='lowest_writer'", (lowest,))


def begin(connection: Connection, journal: bytes, *, standing: str) -> None:
    """See `Engine.begin_copy`."""
    standings.check_begin(
        standing,
        is_empty=not connection.execute("SELECT count(*) FROM session").get,
        is_same=connection.execute("SELECT value FROM meta WHERE key='journal'").get == journal,
    )
    connection.execute("UPDATE meta SET value=? WHERE key='journal'", (journal,))
    set_standing(connection, standings.COPYING)


def set_epoch(connection: Connection, epoch: int) -> None:
    """Open a new epoch."""
    connection.execute("UPDATE meta SET value=? WHERE key='epoch'", (epoch,))


def add_sessions(connection: Connection, sessions: Sequence[SessionRow]) -> None:
    """Add those that are not there, each at the end of what it shares with its parent."""
    for row in sessions:
        if not sqlite_read.find_sessions(connection, None, session=row.id):
            sqlite_read.insert_session(connection, standings.copied_row(row))


def name_blobs(connection: Connection, plan: CopyPlan) -> None:
    """Note which blobs the entries name, so that they are kept."""
    connection.executemany(
        "INSERT INTO blob_ref VALUES (?, ?, ?)",
        [(head.key, position, digest) for head, position, digest in plan.blobs],
    )
