"""Export of sessions as JSON Lines, and import that gives back equal ones.

Equal: the same session ids, names, workspaces and forks, and the same entries at the same
positions (id, kind, version, time said, actor, body). Sequences, times of recording, salts and
hashes are the new store's own.
"""

import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from novacore.journal import lines
from novacore.journal.bulk import append_all
from novacore.journal.errors import Corrupt, ImportRefused, StorageFailed
from novacore.journal.import_plan import ImportReport, ImportStep
from novacore.journal.interface import Session, Store
from novacore.journal.landing import Landing, Planner
from novacore.journal.lines import Digest
from novacore.journal.lines_scan import Block, scan
from novacore.journal.model import NewEntry, SessionInfo
from novacore.kit import replaced

_SPOOL_BYTES = 8 * 1024 * 1024


def export_session(session: Session, out: BinaryIO | Path) -> int:
    """Write one session, whole: what a fork shares with its parent is written too.

    Args:
        session: which.
        out: a file to write to; as a path it is replaced at the end, durably, or left as it was.

    Returns:
        How many entries were written.

    Raises:
        Corrupt: an entry is damaged; `nova salvage` saves the rest.
        StorageFailed: the file can't be written.
    """
    with _writing(out) as file:
        return _write(file, session, first=0, part=1, parts=1)


def export_store(store: Store, out: BinaryIO | Path) -> int:
    """Write every session of the store's owner, parents before their forks.

    What a fork shares with a parent that is in the file is written once. See `export_session`.
    """
    infos = _parents_first(store.all_sessions())
    known = {info.id for info in infos}
    written = 0
    with _writing(out) as file:
        for part, info in enumerate(infos, start=1):
            session = store.get_session(info.id)
            first = info.forked_at or 0 if info.parent_id in known else 0
            written += _write(file, session, first=first, part=part, parts=len(infos))
    return written


@contextmanager
def _writing(out: BinaryIO | Path) -> Generator[BinaryIO]:
    if not isinstance(out, Path):
        yield out
        out.flush()
        return
    try:
        with replaced(out) as file:
            yield file
    except OSError as error:
        raise StorageFailed(
            f"{out} could not be written: {error.strerror}.",
            hint="Choose another place, or free some space.",
        ) from error


def _write(file: BinaryIO, session: Session, *, first: int, part: int, parts: int) -> int:
    transcript = session.open()
    file.write(lines.header_line(session.info, first=first, part=part, parts=parts))
    digest = Digest()
    entries = transcript.entries
    file.writelines(
        lines.entry_line(entries[position], digest=digest)
        for position in range(first, transcript.position)
    )
    count = transcript.position - first
    messages = sum(position >= first for position in transcript.message_positions)
    file.write(lines.footer_line(entries=count, messages=messages, digest=digest))
    return count


def _parents_first(infos: Sequence[SessionInfo]) -> list[SessionInfo]:
    """Oldest activity first, so that the last one imported is the last one used here."""
    by_id = {info.id: info for info in infos}
    ordered: dict[str, SessionInfo] = {}

    def add(info: SessionInfo) -> None:
        line = [info]
        while (parent := by_id.get(line[-1].parent_id or "")) is not None:
            line.append(parent)
        for each in reversed(line):
            ordered.setdefault(each.id, each)

    for info in infos:
        add(info)
    return list(ordered.values())


def import_lines(store: Store, source: BinaryIO | Path, *, label: str = "") -> ImportReport:
    """Bring in what `export_session` or `export_store` wrote.

    The whole file is checked first; where anything in it is damaged or missing, nothing is written.
    A second import adds nothing, and one of a grown file only what is new. A session that grew
    apart from the one here becomes a fork at the point where they part. A name that another
    session has is given a number. What was erased here stays erased.

    Args:
        store: where to.
        source: the file; a stream is copied to a temporary file first.
        label: what the report calls it; empty: its path.

    Raises:
        ImportRefused: the file is cut, damaged or no export; names the line. Nothing was written.
        PositionConflict: a session was written to by others meanwhile; import again.
        StorageFailed: what was appended until then stays, and importing again adds the rest.
    """
    with _reading(source) as file:
        label = label or (str(source) if isinstance(source, Path) else "input")
        steps: list[ImportStep] = []
        for landing in _plan(store, file, label):
            if landing.step.action in ("create", "fork", "extend"):
                _carry_out(store, file, landing)
            steps.append(landing.step)
        return ImportReport(steps=steps)


def plan_lines(store: Store, source: Path) -> list[ImportStep]:
    """What `import_lines` would do; writes nothing. Raises `ImportRefused` as it does."""
    with _reading(source) as file:
        return [landing.step for landing in _plan(store, file, str(source))]


@contextmanager
def _reading(source: BinaryIO | Path) -> Generator[BinaryIO]:
    if isinstance(source, Path):
        try:
            file = source.open("rb")
        except OSError as error:
            raise ImportRefused(
                f"{source} can't be read: {error.strerror}.", path=str(source)
            ) from error
        with file:
            yield file
        return
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        shutil.copyfileobj(source, spool)
        spool.seek(0)
        yield cast("BinaryIO", spool)


def _plan(store: Store, file: BinaryIO, label: str) -> list[Landing]:
    blocks = scan(store, file, label=label)
    planner = Planner(store, blocks, label=label)
    return [planner.land(block) for block in blocks]


def _carry_out(store: Store, file: BinaryIO, landing: Landing) -> None:
    """Append what a session lacks, and read it back."""
    info = landing.info
    if landing.parent is not None:
        info = replace(info, parent_id=landing.parent.info.id)
    session = store.restore_session(info)
    landing.info = replace(info, id=session.id)
    digest = Digest()

    def entries() -> Iterator[NewEntry]:
        for position, entry in _entries_of(file, landing.block):
            if position >= landing.start:
                digest.add(entry, position=position)
                yield entry

    end = append_all(session, entries(), position=landing.start)
    if lines.digest_of(session.open(end), range(landing.start, end)) != digest.text:
        raise Corrupt(
            f"Session {session.name} does not read back as it was imported.", session_id=session.id
        )


def _entries_of(file: BinaryIO, block: Block) -> Iterator[tuple[int, NewEntry]]:
    file.seek(block.offset)
    for _ in block.ids:
        line = lines.read_line(file.readline())
        if isinstance(line, tuple):
            yield line
