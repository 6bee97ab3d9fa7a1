"""The journal's SQLite file: its tables, how it is opened, and what its errors mean to us.

`entry` lists every entry by sequence, `entry_id` by id. Its frame is in `tail` while it is new, and
in the extent of the segment file that a `segment` row names afterwards. Keys of both are the
session's number times 2^32 plus the (first) position, so that a session's rows lie side by side
without another index.
"""

import functools
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import apsw

from novacore.journal.errors import Corrupt, JournalError, StorageFailed, StoreTooNew, StoreUnusable
from novacore.journal.segment_file import SegmentFile

FORMAT = 1
"""What this program writes. An older one may read while `lowest_reader` allows it."""
LOWEST_WRITER = 1
"""The oldest program that may write what this one writes."""
APPLICATION_ID = 0x4E4F5641
"""Stands in the file's header, so that other programs and we know whose it is: "NOVA"."""
PAGE_BYTES = 4096
SQLITE_MIN = (3, 51, 3)
"""Before this version several connections can corrupt a write-ahead log (the WAL-reset bug)."""
KEY_SHIFT = 32
POSITION_MAX = 2**KEY_SHIFT - 1
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs", "9p", "ceph", "glusterfs"}
)


class Cursor(Protocol):
    """The rows of a statement. `get` is the first column of the first row, or None."""

    get: Any

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """As much of `apsw.Connection` as we use; its own types are partly unknown on Python 3.11."""

    in_transaction: bool
    segments: SegmentFile
    """The file of the sealed segments."""
    freed: list[tuple[int, int]]
    """Extents (offset, size) that the open transaction gives up."""
    has_sound_holes: bool | None
    """Whether holes may be used; None: not looked up yet."""

    def execute(self, sql: str, bindings: Sequence[object] | None = None, /) -> Cursor: ...
    def executemany(self, sql: str, rows: Iterable[Sequence[object]], /) -> Cursor: ...
    def set_wal_hook(self, hook: Callable[[Any, str, int], int], /) -> None: ...
    def close(self, force: bool = False, /) -> None: ...


TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE session (
    key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL, owner TEXT NOT NULL,
    workspace TEXT NOT NULL, name TEXT NOT NULL, created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL, entries INTEGER NOT NULL, messages INTEGER NOT NULL,
    sealed INTEGER NOT NULL, tail_bytes INTEGER NOT NULL, chain BLOB NOT NULL,
    parent INTEGER, forked_at INTEGER NOT NULL, is_erased INTEGER NOT NULL DEFAULT 0,
    checksum INTEGER NOT NULL);
CREATE UNIQUE INDEX session_name ON session (tenant, owner, workspace, name) WHERE NOT is_erased;
CREATE INDEX session_parent ON session (parent) WHERE parent IS NOT NULL;
CREATE TABLE entry (
    sequence INTEGER PRIMARY KEY, session INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE TABLE entry_id (
    id BLOB NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (id, sequence)) WITHOUT ROWID;
CREATE TABLE tail (key INTEGER PRIMARY KEY, frame BLOB NOT NULL);
CREATE TABLE segment (
    key INTEGER PRIMARY KEY, count INTEGER NOT NULL, messages INTEGER NOT NULL,
    heads_size INTEGER NOT NULL, offset INTEGER NOT NULL, size INTEGER NOT NULL);
CREATE TABLE hole (offset INTEGER PRIMARY KEY, size INTEGER NOT NULL);
CREATE TABLE blob_ref (
    session INTEGER NOT NULL, position INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (session, position, digest)) WITHOUT ROWID;
"""


def row_key(session: int, position: int) -> int:
    """The key of a tail or segment row."""
    return session << KEY_SHIFT | position


_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid"
_JOURNAL_ID = "SELECT value FROM meta WHERE key='journal'"

# What our own statements meet in a damaged file only: they fit the tables, and the rows fit them.
_DAMAGE = (
    apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.ConstraintError, apsw.MismatchError,
    apsw.TooBigError, apsw.RangeError, UnicodeDecodeError,
)  # fmt: skip


@contextmanager
def translated(doing: str) -> Generator[None]:
    """Turn SQLite's errors into ours, once, here."""
    try:
        yield
    except apsw.FullError as error:
        raise StorageFailed(
            f"The disk is full ({doing}); nothing was acknowledged.",
            hint="Free some space and try again; what was acknowledged before is safe.",
        ) from error
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError) as error:
        raise StorageFailed(
            f"The journal can't be written ({doing}): {error}.",
            hint="Check the data directory's owner, permissions and file system: 'nova doctor'.",
        ) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StorageFailed(
            f"Another program keeps the journal's file locked ({doing}); nothing was acknowledged.",
            hint="Look for a stopped process that uses the same data directory ('nova doctor').",
        ) from error
    except (apsw.IOError, apsw.NoMemError, OSError) as error:
        raise StorageFailed(
            f"The disk failed or is out of room ({doing}): {error}; nothing was acknowledged.",
            hint="Check free space, quotas and the kernel's log, then try again.",
        ) from error
    except _DAMAGE as error:
        raise Corrupt(f"The journal's file is damaged ({doing}): {error}.") from error


def prepare_folder(folder: Path) -> None:
    """Make the data directory, private to its owner.

    Raises:
        StoreUnusable: it is not a folder, can't be written, or lies on a network file system.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(
            f"{folder} can't be used as a data directory: {error.strerror}.",
            hint="Choose another with --data-dir or NOVA_DATA_DIR.",
        ) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK) or _is_read_only(folder):
        raise StoreUnusable(
            f"The data directory {folder} can't be written.",
            hint="Make it writable, or choose another with --data-dir or NOVA_DATA_DIR.",
        )
    kind = file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreUnusable(
            f"The data directory {folder} lies on a network file system ({kind}), whose locks "
            "can't be trusted with a journal.",
            hint="Choose a local directory with --data-dir or NOVA_DATA_DIR.",
        )


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def file_system(folder: Path) -> str:
    """The type of the file system that holds a folder; empty where the system doesn't say."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    path = f"{folder.resolve()}/"
    best, kind = -1, ""
    for line in lines:
        fields = line.split(" ")
        mount = fields[1].replace("\\040", " ").rstrip("/") + "/"
        if path.startswith(mount) and len(mount) >= best:
            best, kind = len(mount), fields[2]
    return kind


class _Database(apsw.Connection):
    """A connection that knows the segment file beside it."""

    segments: SegmentFile
    freed: list[tuple[int, int]]
    has_sound_holes: bool | None


def connect(
    path: Path, *, segments: SegmentFile, cache_kib: int, lock_timeout_ms: int
) -> Connection:
    """A connection with our settings. Raises `StoreUnusable` for an affected SQLite."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_MIN:
        raise StoreUnusable(
            f"SQLite {apsw.sqlite_lib_version()} can corrupt a journal that several processes use.",
            hint="Install a current apsw: pip install --upgrade apsw.",
        )
    with translated("opening"):
        opened = _Database(str(path))
        opened.segments = segments
        opened.freed = []
        opened.has_sound_holes = None
        opened.set_busy_timeout(lock_timeout_ms)
        opened.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection = cast("Connection", opened)
        for pragma in (
            f"page_size={PAGE_BYTES}",
            "synchronous=FULL",
            "fullfsync=ON",
            "checkpoint_fullfsync=ON",
            "secure_delete=ON",
            "mmap_size=0",
            "temp_store=MEMORY",
            f"cache_size=-{cache_kib}",
            "wal_autocheckpoint=0",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _keep_private(path)
    return connection


def _keep_private(path: Path) -> None:
    """Let only the owner read the file; SQLite gives its log the same mode.

    By name, not by an open file: closing one would drop the locks of this process's connections.
    """
    facts = path.stat()
    if facts.st_mode & 0o077 and facts.st_uid == os.geteuid():
        path.chmod(0o600)


def fold_at_close(connection: Connection) -> None:
    """Let this connection, when it is the last one, fold the log into the file and remove it.

    Not before the file is known to be sound: what a refused file's log still holds is for salvage.
    """
    cast("_Database", connection).config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def create_or_check(connection: Connection, *, journal: bytes) -> None:
    """Make the tables in a new file; in an old one, check that this program may use it.

    Raises:
        StoreTooNew: a newer program wrote it, and this one may not.
        StoreUnusable: it is a database of something else; it was not touched.
        Corrupt: it is a journal, but its tables are not what we made.
    """
    with translated("opening"):
        names = connection.execute("SELECT count(*) FROM sqlite_schema").get
        if names and not _is_ours(connection):
            raise StoreUnusable(
                "The file journal.db holds a database of something else.",
                hint="Choose another data directory with --data-dir or NOVA_DATA_DIR.",
            )
        if not names:
            # Only here: on a file that has tables this pragma writes, whoever opens it.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL").fetchall()
        mode = connection.execute("PRAGMA journal_mode=WAL").get
        if mode != "wal":
            raise StoreUnusable(f"SQLite gives journal mode {mode} here instead of wal.")
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
                _create(connection, journal=journal)
            needed = format_needed(connection, key="lowest_reader")
            if needed > FORMAT:
                raise StoreTooNew(needed=needed, ours=FORMAT, doing="reading")
            _check_tables(connection)
            connection.execute("COMMIT")
        except (apsw.Error, JournalError):
            connection.execute("ROLLBACK")
            raise


def _is_ours(connection: Connection) -> bool:
    """True for a journal, also where a byte of its header or of one name has changed."""
    if connection.execute("PRAGMA application_id").get == APPLICATION_ID:
        return True
    try:
        return isinstance(connection.execute(_JOURNAL_ID).get, bytes)
    except apsw.SQLError:
        return False


def _create(connection: Connection, *, journal: bytes) -> None:
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}").fetchall()
    connection.execute(TABLES)
    facts = (
        ("format", FORMAT), ("lowest_reader", 1), ("lowest_writer", LOWEST_WRITER),
        ("journal", journal),
        ("epoch", 1), ("generation", 0), ("segments_end", 0), ("must_scrub", 0),
    )  # fmt: skip
    connection.executemany("INSERT INTO meta VALUES (?, ?)", facts)


def _check_tables(connection: Connection) -> None:
    """A flipped byte in a table's definition would make every statement mean something else."""
    if connection.execute("SELECT value FROM meta WHERE key='format'").get != FORMAT:
        return
    if connection.execute(_SCHEMA).fetchall() != _expected_schema():
        raise Corrupt("The journal's file is damaged: its tables are not those that we made.")


@functools.cache
def _expected_schema() -> list[Any]:
    empty = cast("Connection", apsw.Connection(":memory:"))
    empty.execute(TABLES)
    found = empty.execute(_SCHEMA).fetchall()
    empty.close()
    return found


def format_needed(connection: Connection, *, key: str) -> int:
    """The format that a program must know to read (`lowest_reader`) or to write."""
    needed = connection.execute("SELECT value FROM meta WHERE key=?", (key,)).get
    if not isinstance(needed, int):
        raise Corrupt(f"The journal's file does not say its {key}.")
    return needed
