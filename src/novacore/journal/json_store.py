"""The `json` session store: every session a plain file that people and other tools can read.

It keeps what the journal keeps and follows the same rules, at the old price: each append writes
the session's whole file anew. A file is replaced at once or not at all, so a kill leaves the one
before. Processes take turns to write, and read again what others wrote. A file that can't be read
is named when its session is asked for; the other sessions are not affected.
"""

import os
import re
import struct
import unicodedata
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from novacore.journal import frame as frames
from novacore.journal import json_file, json_rows, sqlite_file
from novacore.journal.config import Config
from novacore.journal.errors import Corrupt, EntryRefused, StorageFailed, StoreUnusable
from novacore.journal.json_file import Facts, Line
from novacore.journal.model import Problem, Scope
from novacore.journal.plan import Head
from novacore.journal.store import Erasure, SessionRow, Snapshot, Submission
from novacore.journal.store_memory import MemoryEngine
from novacore.journal.transcript import BodyDecoder
from novacore.journal.turns import Turns
from novacore.kit import Clock, parse_id, replaced, sync_folder

_SHORT_ID = 12
_HINT = "Put a copy of it in its place, or move it away; the other sessions are not affected."
_ZEROS = bytes(1 << 20)

Stamp = tuple[int, int, int]
"""What changes with a file: inode, size, time of change."""


@dataclass(slots=True)
class _Kept:
    """What is known of one session's file."""

    path: Path
    parent: bytes | None
    """The parent that the file names, there or not."""
    lines: list[Line] = field(default_factory=list[Line])
    """The lines of its own first entries, made once."""


@dataclass(slots=True)
class _Read:
    """A file as it was just read."""

    facts: Facts
    bodies: list[dict[str, Any]]
    path: Path


class _Broken(NamedTuple):
    """A file that can't be read."""

    reason: str
    workspace: str | None
    """The workspace that it names; None: not even that is readable."""


class JSONEngine(MemoryEngine):
    """An engine on a folder of JSON files: what is in memory is read from them and saved to them.

    Args:
        folder: where the files are; created, mode 0700, when missing.
        config: the journal's limits.
        clock: the time.

    Raises:
        StoreUnusable: the folder can't hold a store; says why.
    """

    def __init__(self, folder: Path, *, config: Config, clock: Clock) -> None:
        super().__init__(clock=clock)
        sqlite_file.prepare_folder(folder)
        self._folder = folder
        # What is stored was within the limits of its day.
        self._limits = replace(config, body_bytes_max=16 * 1024 * 1024, nesting_max=256)
        self._turns = Turns(folder, timeout_ms=config.lock_timeout_ms)
        self._kept: dict[bytes, _Kept] = {}
        self._stamps: dict[str, Stamp] = {}
        self._broken: dict[Path, _Broken] = {}
        self._version = 0
        self._depth = 0

    @contextmanager
    def _access(self) -> Generator[None]:
        with super()._access():
            if not self._depth:
                self._refresh()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    @contextmanager
    def _writing(self) -> Generator[None]:
        """This process's turn to write, with everything read that others wrote before."""
        with self._lock:
            self._turns.take()
            try:
                with self._access():
                    yield
            finally:
                self._turns.give_back()

    def commit(self, batch: Sequence[Submission]) -> Callable[[], None]:
        """See `Engine.commit`. Each session's appends stand or fall by its own file."""
        groups: dict[bytes, list[Submission]] = {}
        for submission in batch:
            groups.setdefault(submission.session, []).append(submission)
        resolvers: list[Callable[[], None]] = []
        with self._writing():
            newest = max((row.updated_at_us for row in self._rows.values()), default=0)
            self._recorded_at_us = max(self._recorded_at_us, newest)
            for session, group in groups.items():
                resolvers.append(self._commit_one(session, group))
            try:
                sync_folder(self._folder)
            except OSError as error:
                return _refusal(batch, _failed(error))

        def resolve() -> None:
            for each in resolvers:
                each()

        return resolve

    def _commit_one(self, session: bytes, group: list[Submission]) -> Callable[[], None]:
        before = len(self._stored.get(session, ()))
        resolve = super().commit(group)
        if len(self._stored.get(session, ())) == before:
            return resolve
        try:
            self._save(session, syncs_folder=False)
        except OSError as error:
            self._read_again({session})
            return _refusal(group, _failed(error))
        return resolve

    def head(self, session: bytes) -> Head:
        """See `LookUp.head`."""
        self._raise_if_broken(session=session)
        return super().head(session)

    def create_session(self, row: SessionRow) -> SessionRow:
        """See `Engine.create_session`."""
        with self._writing():
            self._raise_if_broken(name=row.name, workspace=row.workspace)
            made = super().create_session(row)
            if made.id == row.id:
                self._kept[row.id] = _Kept(self._path_of(row), row.parent)
                self._save_or_fail(row.id)
            return made

    def find_sessions(
        self,
        scope: Scope | None,
        *,
        session: bytes | None = None,
        workspace: str | None = None,
        name: str | None = None,
    ) -> list[SessionRow]:
        """See `Engine.find_sessions`. Raises `Corrupt` where the file of the one is unreadable."""
        with self._access():
            found = super().find_sessions(scope, session=session, workspace=workspace, name=name)
            if not found and (session is not None or name is not None):
                self._raise_if_broken(session=session, name=name, workspace=workspace)
            return found

    def load(self, session: bytes, *, known: Snapshot | None = None) -> Snapshot:
        """See `Engine.load`."""
        with self._access():
            self._raise_if_broken(session=session)
            return super().load(session, known=known)

    def mark(self) -> object:
        """See `Engine.mark`. Costs a look at the folder."""
        with self._access():
            return self._version

    def erase(self, erasures: Iterable[Erasure]) -> int:
        """See `Engine.erase`. What the files held before is overwritten."""
        wanted = list(erasures)
        with self._writing():
            count = super().erase(wanted)
            hit = {each.session for each in wanted}
            for session in self._with_forks(hit):
                self._kept[session].lines.clear()
                self._save_or_fail(session, is_final=True)
            for partial in self._folder.glob(".*.json.*"):
                partial.unlink(missing_ok=True)
        return count

    def set_standing(self, standing: str) -> None:
        """See `Engine.set_standing`. Plain files stay open to whoever writes them."""
        raise _uncopied()

    def begin_copy(self, journal: bytes) -> None:
        """See `Engine.begin_copy`."""
        raise _uncopied()

    def check(self, session: bytes | None = None) -> list[Problem]:
        """See `Engine.check`: every file is read again."""
        with self._access():
            self._stamps.clear()
            self._refresh()
            return [
                Problem(what=f"Session file {path} can't be read: {broken.reason}.")
                for path, broken in sorted(self._broken.items())
            ]

    def close(self) -> None:
        """See `Engine.close`."""
        with self._lock:
            if not self._is_closed:
                self._turns.close()
        super().close()

    def _save_or_fail(self, session: bytes, *, is_final: bool = False) -> None:
        try:
            self._save(session, is_final=is_final)
        except OSError as error:
            self._read_again({session})
            raise _failed(error) from error

    def _save(self, session: bytes, *, is_final: bool = False, syncs_folder: bool = True) -> None:
        """Write a session's file anew; raises OSError and leaves the old one where that fails.

        Args:
            session: its id.
            is_final: overwrite what the file held before; an erased name goes from the file's too.
            syncs_folder: False: the caller does it.
        """
        row, kept = self._rows[session], self._kept[session]
        path = self._path_of(row)
        old = os.open(kept.path, os.O_RDWR) if is_final and kept.path.exists() else None
        try:
            with replaced(path, syncs_folder=syncs_folder) as file:
                file.write(json_file.render(json_rows.facts_of(row), self._whole_line(row)))
            if old is not None:
                _overwrite(old)
            if path != kept.path:
                kept.path.unlink(missing_ok=True)
                self._stamps.pop(kept.path.name, None)
                sync_folder(self._folder)
        finally:
            if old is not None:
                os.close(old)
        kept.path = path
        self._stamps[path.name] = _stamp(path.stat())
        self._version += 1

    def _whole_line(self, row: SessionRow) -> list[Line]:
        """The lines of a session's entries, those that it shares with its parents first."""
        lines: list[Line] = []
        for each, end in self._line(row.id):
            self._make_lines(each, sum(line.message is not None for line in lines))
            lines += self._kept[each.id].lines[: end - each.forked_at]
        return lines

    def _make_lines(self, row: SessionRow, index: int) -> None:
        """Make the lines that a session's own entries lack; `index` messages come before."""
        kept, stored = self._kept[row.id], self._stored[row.id]
        scope = (row.tenant, row.owner)
        decoder = BodyDecoder(lambda digest: self.read_blob(scope, digest))
        index += sum(line.message is not None for line in kept.lines)
        for raw in stored[len(kept.lines) :]:
            frame = frames.parse(raw)
            body = decoder.one(frame.body).fields
            line = json_file.entry_line(json_rows.entry_of(frame), body, index=index)
            index += line.message is not None
            kept.lines.append(line)

    def _path_of(self, row: SessionRow) -> Path:
        return self._folder / _file_name(row.name, row.id)

    def _with_forks(self, sessions: Iterable[bytes]) -> list[bytes]:
        """These sessions and all that were forked from them, directly or not."""
        found = dict.fromkeys(sessions)
        waiting = list(found)
        while waiting:
            parent = waiting.pop()
            children = [key for key, kept in self._kept.items() if kept.parent == parent]
            waiting += [key for key in children if key not in found]
            found |= dict.fromkeys(children)
        return list(found)

    def _raise_if_broken(
        self,
        *,
        session: bytes | None = None,
        name: str | None = None,
        workspace: str | None = None,
    ) -> None:
        """Refuse to take a session for missing when its file is there and can't be read."""
        if session in self._rows:
            return
        for path, broken in self._broken.items():
            slug, _, short = path.stem.rpartition(".")
            is_it = session is not None and session.hex()[-_SHORT_ID:] == short
            is_elsewhere = None not in (workspace, broken.workspace)
            is_elsewhere = is_elsewhere and workspace != broken.workspace
            if is_it or (name is not None and _slug(name) == slug and not is_elsewhere):
                raise Corrupt(f"Session file {path} can't be read: {broken.reason}.", hint=_HINT)

    def _refresh(self) -> None:
        """Read the files that changed since they were read last, and forget those that are gone."""
        seen = {
            entry.name: _stamp(entry.stat())
            for entry in os.scandir(self._folder)
            if entry.name.endswith(".json") and not entry.name.startswith(".")
        }
        if seen == self._stamps:
            return
        changed = {name for name, stamp in seen.items() if self._stamps.get(name) != stamp}
        gone = self._stamps.keys() - seen.keys()
        self._stamps = seen
        hit = {key for key, kept in self._kept.items() if kept.path.name in changed | gone}
        for name in gone:
            self._broken.pop(self._folder / name, None)
        self._read_again(hit, new=[self._folder / name for name in changed])

    def _read_again(self, sessions: set[bytes], *, new: Iterable[Path] = ()) -> None:
        """Read the files of some sessions, new files, and the files of all forks of these."""
        hit: set[bytes] = set()
        waiting: dict[bytes, _Read] = {}
        paths = set(new)
        wanted = set(sessions)
        while wanted or paths:
            wanted = {key for key in self._with_forks(wanted) if key in self._kept} - hit
            hit |= wanted
            paths |= {self._kept[key].path for key in wanted}
            waiting |= self._read_all(paths)
            paths = set[Path]()
            forks = set(self._with_forks(waiting)) & self._kept.keys()
            wanted = forks - hit
        self._forget(hit)
        while waiting:
            self._install(next(iter(waiting)), waiting)
        self._log.sort()
        self._version += 1
        self._generation += 1

    def _read_all(self, paths: Iterable[Path]) -> dict[bytes, _Read]:
        """The files among these that are there and can be read, by session."""
        found: dict[bytes, _Read] = {}
        for path in sorted(paths):
            self._broken.pop(path, None)
            read = self._read(path) if path.name in self._stamps else None
            if read is not None:
                found[parse_id(read.facts.session_id).bytes] = read
        return found

    def _read(self, path: Path) -> _Read | None:
        data = b""
        try:
            data = path.read_bytes()
            facts, bodies = json_file.read(data)
            name = _file_name(facts.name, parse_id(facts.session_id).bytes)
            if unicodedata.normalize("NFC", path.name) != name:
                raise ValueError(f"it is a copy, or was renamed: its session belongs into {name}")
            return _Read(facts, bodies, path)
        except (ValueError, OSError) as error:
            self._broken[path] = _Broken(str(error), json_file.find_workspace(data))
            return None

    def _forget(self, sessions: Iterable[bytes]) -> None:
        gone = set(sessions)
        for session in gone:
            del self._kept[session], self._rows[session], self._stored[session]
        self._ids = {key: place for key, place in self._ids.items() if place[0] not in gone}
        self._log = [place for place in self._log if place[1] not in gone]

    def _install(self, session: bytes, waiting: dict[bytes, _Read]) -> None:
        """Take in a file that was read, its parent's first."""
        found = waiting.pop(session)
        facts = found.facts
        named = parse_id(facts.parent_id).bytes if facts.parent_id else None
        if named in waiting:
            self._install(named, waiting)
        parent = self._rows.get(named) if named else None
        is_fork = parent is not None and parent.entries >= facts.forked_at
        row = json_rows.row_of(facts, session, parent=named if is_fork else None)
        try:
            chain = frames.ROOT_CHAIN
            if parent is not None and is_fork:
                chain = self._chain_before(parent, facts.forked_at)
            stored = json_rows.frames_of(
                row, found.facts.entries[row.forked_at :], found.bodies[row.forked_at :],
                chain=chain, config=self._limits,
            )  # fmt: skip
        except (ValueError, struct.error, EntryRefused, Corrupt) as error:
            self._broken[found.path] = _Broken(str(error), facts.workspace)
            return
        self._rows[session], self._stored[session] = row, [each.frame for each in stored]
        self._kept[session] = _Kept(found.path, named)
        scope = (row.tenant, row.owner)
        for index, each in enumerate(stored):
            self._ids[scope, each.id] = (session, index)
            self._log.append((each.sequence, session, index))
            self._blobs |= {(scope, digest): content for digest, content in each.blobs}


def _refusal(group: Sequence[Submission], error: StorageFailed) -> Callable[[], None]:
    def refuse() -> None:
        for submission in group:
            if not submission.future.done():
                submission.future.set_exception(error)

    return refuse


def _file_name(name: str, session: bytes) -> str:
    return f"{_slug(name)}.{session.hex()[-_SHORT_ID:]}.json"


def _slug(name: str) -> str:
    """A session's name as part of a file's."""
    plain = re.sub(r"[^\w-]+", "-", unicodedata.normalize("NFC", name))
    return plain[:60].strip("-") or "session"


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _overwrite(file: int) -> None:
    """Fill a file with zeros, durably."""
    left, at = os.fstat(file).st_size, 0
    while left > 0:
        done = os.pwrite(file, _ZEROS[: min(left, len(_ZEROS))], at)
        left, at = left - done, at + done
    os.fsync(file)


def _uncopied() -> StoreUnusable:
    return StoreUnusable(
        "The plain JSON store can't be an exact copy of a journal.",
        hint="Its files can be copied as they are; 'nova export --all' and 'nova import' move it.",
    )


def _failed(error: OSError) -> StorageFailed:
    return StorageFailed(
        f"A session file could not be written: {error.strerror}; nothing was acknowledged.",
        hint="Free some disk space, check the folder's permissions, and try again.",
    )
