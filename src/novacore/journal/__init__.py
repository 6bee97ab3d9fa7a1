"""The journal: the lossless, ordered, durable record of everything said. All else follows from it.

A store holds sessions, a session is a list of entries, a message is an entry of kind `message`.
It derives nothing and interprets nothing. Start with `open_store`, then `JournalSession.append`.
"""

from pathlib import Path

from novacore.journal.config import Config
from novacore.journal.core import Core
from novacore.journal.errors import (
    Corrupt,
    EntryErased,
    EntryRefused,
    IdConflict,
    ImportRefused,
    JournalError,
    NameTaken,
    PositionConflict,
    QueueFull,
    SessionUnknown,
    StorageFailed,
    StoreClosed,
    StoreMoved,
    StoreTooNew,
    StoreUnfinished,
    StoreUnusable,
)
from novacore.journal.exact_json import decode as decode_exact
from novacore.journal.exact_json import encode as encode_exact
from novacore.journal.feed import Feed
from novacore.journal.folding import plan_import, run_import
from novacore.journal.import_plan import ImportPlan, ImportReport, ImportStep
from novacore.journal.interface import Session, Store
from novacore.journal.journal import JournalSession, JournalStore
from novacore.journal.json_store import JSONEngine
from novacore.journal.lines import transcript_digest
from novacore.journal.locks import Lock
from novacore.journal.model import (
    ANY,
    MESSAGE,
    Appended,
    Entry,
    Erased,
    FeedState,
    Message,
    NewEntry,
    Owned,
    Problem,
    Scope,
    SessionInfo,
    VerifyReport,
)
from novacore.journal.postgres_surroundings import PostgresSurroundings, describe_postgres
from novacore.journal.replica import (
    Replica,
    StoredPlace,
    as_erased,
    blobs_named,
    place_of,
    read_erasures,
)
from novacore.journal.salvage import salvage
from novacore.journal.salvage_report import Gap, LostText, SalvageReport
from novacore.journal.serving import Served
from novacore.journal.spool_file import SpoolFile
from novacore.journal.standing import COPYING
from novacore.journal.store import Engine, SessionRow
from novacore.journal.store_memory import MemoryEngine
from novacore.journal.store_postgres import PostgresEngine
from novacore.journal.store_remote import Channel, RemoteEngine
from novacore.journal.store_spooling import SpoolingEngine
from novacore.journal.store_sqlite import SQLiteEngine
from novacore.journal.surroundings import Surroundings, describe_surroundings
from novacore.journal.transcript import Entries, Transcript
from novacore.journal.transfer import export_session, export_store, import_lines
from novacore.journal.wire import (
    Outcome,
    Row,
    Told,
    Written,
    entry_from,
    error_from,
    tell,
)
from novacore.kit import Clock, SystemClock

__all__ = [
    "ANY",
    "COPYING",
    "MESSAGE",
    "Appended",
    "Channel",
    "Config",
    "Core",
    "Corrupt",
    "Entries",
    "Entry",
    "EntryErased",
    "EntryRefused",
    "Erased",
    "Feed",
    "FeedState",
    "Gap",
    "IdConflict",
    "ImportPlan",
    "ImportRefused",
    "ImportReport",
    "ImportStep",
    "JournalError",
    "JournalSession",
    "JournalStore",
    "Lock",
    "LostText",
    "Message",
    "NameTaken",
    "NewEntry",
    "Outcome",
    "Owned",
    "PositionConflict",
    "PostgresSurroundings",
    "Problem",
    "QueueFull",
    "RemoteEngine",
    "Replica",
    "Row",
    "SalvageReport",
    "Scope",
    "Served",
    "Session",
    "SessionInfo",
    "SessionRow",
    "SessionUnknown",
    "SpoolFile",
    "SpoolingEngine",
    "StorageFailed",
    "Store",
    "StoreClosed",
    "StoreMoved",
    "StoreTooNew",
    "StoreUnfinished",
    "StoreUnusable",
    "StoredPlace",
    "Surroundings",
    "Told",
    "Transcript",
    "VerifyReport",
    "Written",
    "as_erased",
    "blobs_named",
    "decode_exact",
    "describe_postgres",
    "describe_surroundings",
    "encode_exact",
    "entry_from",
    "error_from",
    "export_session",
    "export_store",
    "import_lines",
    "is_url",
    "open_json",
    "open_memory",
    "open_postgres",
    "open_postgres_replica",
    "open_replica",
    "open_store",
    "place_of",
    "plan_import",
    "read_erasures",
    "run_import",
    "salvage",
    "tell",
    "transcript_digest",
]


def open_store(
    path: str | Path,
    *,
    config: Config | None = None,
    clock: Clock | None = None,
    scope: Scope | None = None,
) -> JournalStore:
    """The journal in a data directory, created when missing. Several processes may share it.

    Args:
        path: the data directory.
        config: limits; None: the defaults.
        clock: the time; None: the machine's.
        scope: whose sessions; None: tenant and owner `local`.

    Raises:
        StoreUnusable: the directory can't hold a journal; says why.
        StoreTooNew: a newer NovaCore wrote it.
        StoreUnfinished: a restore or migration into it is not complete.
        Corrupt: the file is damaged, or ends before what was acknowledged.
    """
    config, clock = config or Config(), clock or SystemClock()
    engine = SQLiteEngine(Path(path).expanduser(), config=config, clock=clock)
    return JournalStore(Core(_complete(engine), config=config, clock=clock), scope or Scope())


def _complete(engine: Engine) -> Engine:
    """An engine that holds a whole journal; closed again where it holds half a copy."""
    if engine.standing() == COPYING:
        engine.close()
        raise StoreUnfinished
    return engine


def open_replica(
    place: str | Path,
    *,
    config: Config | None = None,
    clock: Clock | None = None,
    folder: str | Path | None = None,
) -> Replica:
    """A journal as exact bytes, also one that is no complete copy yet.

    Args:
        place: a data directory, created when missing, or the `postgresql://` URL of a database.
        config: limits; None: the defaults.
        clock: the time; None: the machine's, or the server's.
        folder: for a database, as in `open_postgres`.

    Raises:
        StoreUnusable: the place can't hold a journal; says why.
        StoreTooNew: a newer NovaCore wrote it.
        Corrupt: the file is damaged, or ends before what was acknowledged.
    """
    config, clock = config or Config(), clock or SystemClock()
    if is_url(place):
        return open_postgres_replica(str(place), config=config, clock=clock, folder=folder)
    engine = SQLiteEngine(Path(place).expanduser(), config=config, clock=clock)
    return Replica(Core(engine, config=config, clock=clock))


def is_url(place: str | Path) -> bool:
    """True: it names a PostgreSQL database, not a folder."""
    return str(place).startswith(("postgresql://", "postgres://"))


def open_json(
    path: str | Path,
    *,
    config: Config | None = None,
    clock: Clock | None = None,
    scope: Scope | None = None,
) -> JournalStore:
    """Sessions as plain JSON files, in the folder `sessions` of a data directory.

    The same rules as the journal's; each append writes the session's file anew.

    Args:
        path: the data directory.
        config: limits; None: the defaults.
        clock: the time; None: the machine's.
        scope: whose sessions; None: tenant and owner `local`.

    Raises:
        StoreUnusable: the directory can't hold a store; says why.
    """
    config, clock = config or Config(), clock or SystemClock()
    engine = JSONEngine(Path(path).expanduser() / "sessions", config=config, clock=clock)
    return JournalStore(Core(engine, config=config, clock=clock), scope or Scope())


def open_postgres(
    url: str,
    *,
    config: Config | None = None,
    clock: Clock | None = None,
    scope: Scope | None = None,
    folder: str | Path | None = None,
) -> JournalStore:
    """The journal in a PostgreSQL database, created when missing. Many processes may share it.

    Its tables stand in the first schema of the search path. An append returns when the server has
    it on its disk, and on its synchronous standby if it has one; `recorded_at` is the server's
    time. Where the connection is lost in mid-append, the append fails as `StorageFailed`, and
    whether it was stored is open: the same entries with the same ids are stored once.

    Args:
        url: `postgresql://user:password@host:port/database`, as libpq takes it.
        config: limits; None: the defaults.
        clock: the time; None: the server's.
        scope: whose sessions; None: tenant and owner `local`.
        folder: keeps the list of erasures, and a witness of how far the journal had come, outside
            the database and its backups; None: neither is kept outside.

    Raises:
        StoreUnusable: the driver is missing, or the database can't hold a journal; says why.
        StoreTooNew: a newer NovaCore wrote it.
        StoreUnfinished: a restore or migration into it is not complete.
        StorageFailed: the server can't be reached.
        Corrupt: the journal ends before what the witness saw.
    """
    config, clock = config or Config(), clock or SystemClock()
    place = None if folder is None else Path(folder).expanduser()
    engine = PostgresEngine(url, config=config, clock=clock, folder=place)
    return JournalStore(Core(_complete(engine), config=config, clock=clock), scope or Scope())


def open_postgres_replica(
    url: str,
    *,
    config: Config | None = None,
    clock: Clock | None = None,
    folder: str | Path | None = None,
) -> Replica:
    """The journal in a PostgreSQL database as exact bytes, also one that is no complete copy yet.

    Args:
        url: as `open_postgres` takes it.
        config: limits; None: the defaults.
        clock: the time; None: the server's.
        folder: as `open_postgres` takes it.

    Raises:
        JournalError: as `open_postgres` does.
    """
    config, clock = config or Config(), clock or SystemClock()
    place = None if folder is None else Path(folder).expanduser()
    engine = PostgresEngine(url, config=config, clock=clock, folder=place)
    return Replica(Core(engine, config=config, clock=clock))


def open_memory(
    *, config: Config | None = None, clock: Clock | None = None, scope: Scope | None = None
) -> JournalStore:
    """A journal that keeps everything in this process and forgets it at the end."""
    config, clock = config or Config(), clock or SystemClock()
    core = Core(MemoryEngine(clock=clock), config=config, clock=clock)
    return JournalStore(core, scope or Scope())
