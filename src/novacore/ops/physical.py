"""Physical backups of PostgreSQL: the server's files, and its write-ahead log since.

A full one is what `pg_basebackup` gives, an incremental one the log that `pg_receivewal` brings;
both are sealed into a part like any other. A replication slot has the server keep the log until it
is backed up. They hold all databases of the server; the journal is brought back out of them by
recovering a server (`recovery.py`) and copying it exactly, so moments and erasures are as exact as
in any restore.
"""

from collections.abc import Iterable, Iterator

from novacore import journal
from novacore.kit import Clock
from novacore.ops.backup import after_all, digest_of, is_old, new_id
from novacore.ops.catalog import Catalog
from novacore.ops.erasures import note_erasures
from novacore.ops.errors import KeyUnusable
from novacore.ops.model import PHYSICAL, Backup, Progress, unseen
from novacore.ops.postgres_tools import Server, lsn_number
from novacore.ops.records import File, Recorder
from novacore.ops.scratch import own_folder

BASE, WAL = "base.tar", "wal/"
_SLOT = "novacore_backup_"


def make_physical(
    source: journal.Replica,
    catalog: Catalog,
    *,
    server: Server,
    clock: Clock,
    full_days: int = 7,
    is_full: bool = False,
    files: Iterable[File] = (),
    progress: Progress = unseen,
) -> Backup:
    """Back up the server's files, or its log since the last physical backup.

    It counts once `verify_backup` recovered a server from it. Everything acknowledged before it
    began is in it.

    Args:
        source: the journal on that server.
        catalog: where to; its key is used.
        server: the server.
        clock: the time.
        full_days: how long a line may continue one full backup.
        is_full: True: begin a new line.
        files: files to keep with it, taken before this is called; gone through once or twice.
        progress: told of MiB done; their number is not known before.

    Raises:
        BackupBusy, BackupUnwritten: not now; nothing was added.
        OpsError: the server or one of its programs refused.
    """
    key = catalog.key
    if key is None:
        raise KeyUnusable("Without a key no backup can be made.")
    with catalog.locked():
        created_at_us = after_all(catalog, clock.now_us())
        state, rows = source.state(), source.sessions()
        note_erasures(catalog.folder, source.erasures())
        slot = _SLOT + state.journal.replace("-", "")
        previous = None if is_full else _continued(catalog, server, slot, state)
        if previous is not None and is_old(catalog, previous, created_at_us, full_days):
            previous = None
        name, recorder = new_id(created_at_us), Recorder()
        with catalog.new_part(name) as writer:
            for file in files:
                writer.write(recorder.file(file))
            wal = _begin(server, slot) if previous is None else _log_end(server)
            for piece in _base(server) if previous is None else _log(server, previous.wal, wal):
                writer.write(recorder.file(piece))
                progress(writer.raw_bytes >> 20, max(1, writer.raw_bytes >> 20))
            writer.write(recorder.end())
            sha256 = writer.close()
        made = Backup(
            id=name, kind=PHYSICAL, journal=state.journal, epoch=state.epoch,
            previous=previous.id if previous else "", full=previous.full if previous else name,
            after=previous.sequence if previous else 0, sequence=state.sequence, chain="",
            recorded_at_us=state.recorded_at_us, created_at_us=created_at_us,
            entries=state.sequence - (previous.sequence if previous else 0),
            sessions=len(rows), sessions_digest=digest_of(rows), erasures=state.erasures,
            raw_bytes=writer.raw_bytes, size_bytes=writer.size_bytes, sha256=sha256,
            key_id=key.id, wal=wal,
        )  # fmt: skip
        catalog.publish(made)
        server.ask("SELECT pg_replication_slot_advance(%s, %s::pg_lsn)", slot, wal)
    return made


def _continued(
    catalog: Catalog, server: Server, slot: str, state: journal.FeedState
) -> Backup | None:
    """The backup whose log goes on; None: the server has not kept all that came since."""
    found = catalog.newest(journal_id=state.journal, epoch=state.epoch, kind=PHYSICAL)
    if found is None or catalog.key is None or found.key_id != catalog.key.id:
        return None
    kept = server.ask(
        "SELECT restart_lsn::text FROM pg_replication_slots"
        " WHERE slot_name = %s AND restart_lsn IS NOT NULL",
        slot,
    )
    if not kept or lsn_number(kept[0][0]) > lsn_number(found.wal):
        return None
    end = server.ask("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    return found if lsn_number(found.wal) <= lsn_number(end) else None


def _begin(server: Server, slot: str) -> str:
    """Have the server keep its log from now on; returns where a new line's log begins."""
    server.ask(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name=%s",
        slot,
    )
    made = server.ask("SELECT lsn::text FROM pg_create_physical_replication_slot(%s, true)", slot)
    return str(made[0][0])


def _log_end(server: Server) -> str:
    """Where the log ends now; the server begins a new file of it, so that this one can be sent."""
    end = str(server.ask("SELECT pg_current_wal_flush_lsn()::text")[0][0])
    server.ask("SELECT pg_switch_wal()")
    return end


def _base(server: Server) -> Iterator[File]:
    """The server's files with the log that they need, as one archive."""
    arguments = ("--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast")
    for piece in server.run("pg_basebackup", *arguments, "--label=novacore"):
        yield File(BASE, piece)


def _log(server: Server, start: str, end: str) -> Iterator[File]:
    """The files of the log from the one that holds `start` to the one that holds `end`."""
    with own_folder(server.scratch) as place:
        folder = place / "wal"
        folder.mkdir()
        first = server.ask("SELECT pg_walfile_name(%s::pg_lsn)", start)[0][0]
        # An empty file of that name: pg_receivewal goes on with the newest one that it finds.
        (folder / f"{first}.partial").touch()
        arguments = (f"--directory={folder}", f"--endpos={end}", "--no-loop", "--no-sync")
        for _ in server.run("pg_receivewal", *arguments):
            pass
        for path in sorted(folder.iterdir()):
            yield File(WAL + path.name.removesuffix(".partial"), path.read_bytes())
