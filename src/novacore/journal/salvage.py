"""Recovering every readable entry of a damaged data directory into a new one.

The damaged one is only read. Its main file is tried through SQLite, then page by page together with
every frame of the write-ahead log, then the segments; an entry counts when its own checksum holds.
What was erased stays erased. The new directory appears when it is whole.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any, cast

from novacore.journal import erasure_list, salvage_scan, segment_file, store_sqlite, witness
from novacore.journal.blobs import read_blob
from novacore.journal.config import Config
from novacore.journal.core import Core
from novacore.journal.errors import Corrupt, StorageFailed, StoreUnusable
from novacore.journal.journal import JournalStore
from novacore.journal.model import Scope
from novacore.journal.salvage_finds import Finds
from novacore.journal.salvage_rebuild import Erasures, Rebuild
from novacore.journal.salvage_report import SalvageReport
from novacore.journal.store_sqlite import SQLiteEngine
from novacore.kit import Clock, SystemClock, parse_id, sync_folder

# What is recovered was within the limits of its day.
_LIMITS = Config(body_bytes_max=16 * 1024 * 1024, nesting_max=256, queue_entries_max=1_000)


def salvage(source: str | Path, target: str | Path, *, clock: Clock | None = None) -> SalvageReport:
    """Recover every readable entry of a damaged data directory into a new one.

    Nothing may write to the damaged directory meanwhile. Sessions come back with their ids, names,
    owners and forks, entries with their ids, positions, times said and bodies; in the place of each
    lost entry stands one of kind `state` that says so. Sequences and times of recording are new.

    Args:
        source: the damaged data directory; it is only read.
        target: the new one; it must not exist, or be empty.
        clock: the time; None: the machine's.

    Raises:
        StoreUnusable: the source holds no journal, or the target is in use or can't be made.
        StorageFailed: the disk is full or failing; nothing was left behind.

    Cost: reads all of the source, and writes about as much again.
    """
    source, target = Path(source).expanduser(), Path(target).expanduser()
    _check_places(source, target)
    partial = target.parent / f".{target.name}.{os.getpid()}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "work").mkdir(mode=0o700, parents=True)
        report = _recover(source, target, partial, clock or SystemClock())
        if target.exists():
            target.rmdir()
        (partial / "store").rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise StorageFailed(
            f"{target} could not be written: {error.strerror}.",
            hint="Free some space, or choose another place.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return report


def _check_places(source: Path, target: Path) -> None:
    names = (store_sqlite.FILE_NAME, f"{store_sqlite.FILE_NAME}-wal", segment_file.FILE_NAME)
    if not any((source / name).is_file() for name in names):
        raise StoreUnusable(
            f"{source} holds no journal.", hint="Name the data directory with --data-dir."
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreUnusable(
            f"{target} is in use.", hint="Name a folder that does not exist yet, or is empty."
        )
    if target.resolve().is_relative_to(source.resolve()):
        raise StoreUnusable(
            f"{target} lies inside the damaged directory, which must stay as it is.",
            hint="Name a folder beside it.",
        )


def _recover(source: Path, target: Path, partial: Path, clock: Clock) -> SalvageReport:
    problems: list[str] = []
    finds = Finds(partial / "work")
    try:
        _scan(source, partial / "work", finds, problems)
        erasures = _erasures(source / erasure_list.FILE_NAME, problems)
        seen = witness.peek(source / "witness")
        if seen is None:
            problems.append("The witness file is lost: what is missing at the end is not known.")
        last = max(seen.sequence if seen else 0, finds.last_sequence())
        listed = finds.last_listed()
        if listed <= last + finds.count():
            last = max(last, listed)
        missing = finds.missing(last)
        engine = SQLiteEngine(partial / "store", config=_LIMITS, clock=clock)
        with JournalStore(Core(engine, config=_LIMITS, clock=clock), Scope()) as store:
            rebuild = Rebuild(
                store.for_owner, finds, erasures=erasures, read_blob=_Blobs(source / "blobs").read,
                missing=missing,
            )  # fmt: skip
            rebuild.run()
    finally:
        finds.close()
    _carry_erasures(source / erasure_list.FILE_NAME, partial / "store" / erasure_list.FILE_NAME)
    return SalvageReport(
        source=str(source), target=str(target), sessions=rebuild.sessions,
        unnamed=rebuild.unnamed, entries=rebuild.entries, erased=rebuild.erased,
        gaps=rebuild.gaps, texts=rebuild.texts, unplaced=max(0, missing - rebuild.placed),
        problems=[*problems, *rebuild.problems],
    )  # fmt: skip


def _scan(source: Path, work: Path, finds: Finds, problems: list[str]) -> None:
    """Look everywhere for entries."""
    main = source / store_sqlite.FILE_NAME
    log = source / f"{store_sqlite.FILE_NAME}-wal"
    extents: list[salvage_scan.Extent] = []
    if main.is_file():
        shutil.copyfile(main, work / main.name)
        if log.is_file():
            shutil.copyfile(log, work / log.name)
        extents, complaint = salvage_scan.scan_sql(work / main.name, finds)
        if complaint is not None:
            problems.append(f"SQLite could not read all of {main.name}: {complaint}.")
    else:
        problems.append(f"The main file {main.name} is missing.")
    extents += salvage_scan.scan_pages(main, log, finds)
    segments = source / segment_file.FILE_NAME
    if not segments.is_file():
        problems.append(f"The segment file {segments.name} is missing.")
    salvage_scan.scan_segments(segments, extents, finds)


def _erasures(path: Path, problems: list[str]) -> Erasures:
    """What the list of erasures names, by session."""
    found: dict[bytes, frozenset[int] | None] = {}
    for number, line in enumerate(_lines(path), start=1):
        try:
            fields = cast("dict[str, Any]", json.loads(line))
            session = parse_id(fields["session"]).bytes
            positions: list[int] | None = fields["positions"]
            before = found.get(session, frozenset())
            found[session] = (
                None if positions is None or before is None else before | frozenset(positions)
            )
        except (ValueError, KeyError, TypeError):
            problems.append(f"Line {number} of {path.name} can't be read; see what it erased.")
    return found


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError:
        return []


def _carry_erasures(source: Path, target: Path) -> None:
    """What was erased must be known to the new directory too."""
    lines = _lines(source)
    if lines:
        with target.open("ab") as file:
            file.write(b"\n".join(lines) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        target.chmod(0o600)


class _Blobs:
    """The blobs of a damaged directory, of all its owners."""

    def __init__(self, folder: Path) -> None:
        self._paths: dict[str, list[Path]] = {}
        for path in folder.glob("*/*/*"):
            self._paths.setdefault(path.name, []).append(path)

    def read(self, digest: bytes) -> bytes:
        """A blob's content; raises `Corrupt` where no owner's copy is right."""
        for path in self._paths.get(digest.hex(), []):
            try:
                return read_blob(path, digest)
            except Corrupt:
                continue
        raise Corrupt(f"Blob sha256:{digest.hex()} is lost.")
