"""Import of other agents' session files: overlapping snapshots of one conversation become one.

Other agents write the whole history anew at each save. So a file is compared with every session of
its workspace, messages by messages, system prompts left aside. It continues the session that is a
beginning of it, adds nothing where it is a beginning itself, branches off where both go on in
different ways after at least four common messages, and else becomes a session of its own. Files
are taken in the order of their times, so importing them at once or one by one gives the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from novacore.journal import exact_json
from novacore.journal.bulk import append_all
from novacore.journal.errors import (
    Corrupt,
    EntryRefused,
    ImportRefused,
    NameTaken,
    PositionConflict,
    SessionUnknown,
)
from novacore.journal.import_plan import Action, ImportPlan, ImportReport, ImportStep
from novacore.journal.interface import Store
from novacore.journal.model import MESSAGE, NewEntry, SessionInfo
from novacore.journal.predecessor import (
    SYSTEM,
    SessionFile,
    compared_key,
    files_in,
    is_export,
    label_of,
    read_file,
    system_body,
)
from novacore.journal.transfer import import_lines, plan_lines
from novacore.kit import derived_id

SHARED_MIN = 4
"""So many common messages make a branch; fewer are a coincidence."""
_STATE = "state"


def plan_import(
    store: Store, paths: Sequence[str | Path], *, workspace: str | None = None
) -> ImportPlan:
    """What importing these files would do; writes nothing.

    Args:
        store: where to.
        paths: session files of other agents, our own JSON Lines, and folders of these.
        workspace: where sessions belong whose file names no workspace.
    """
    files: dict[str, Path] = {}
    refused: list[ImportStep] = []
    for path in map(Path, paths):
        try:
            files |= {str(each.resolve()): each for each in files_in(path)}
        except ImportRefused as error:
            refused.append(_refusal(error.path, error))
    default = workspace or ""
    ordered = _in_order(files.values(), default)
    folding = _Folding(store, default, writes=False)
    steps = [step for path in ordered for step in folding.take(path)]
    return ImportPlan(
        files=[str(path) for path in ordered], workspace=default, steps=[*refused, *steps]
    )


def run_import(store: Store, plan: ImportPlan) -> ImportReport:
    """Carry out a plan. What changed since is taken as it is now.

    Each file stands by itself: one that can't be imported is reported, the others go on. Entry ids
    follow from session, position and content, so that importing again adds only what is new.

    Raises:
        StorageFailed: the disk is full or failing; importing again adds the rest.
    """
    folding = _Folding(store, plan.workspace, writes=True)
    missing = [step for step in plan.refused if step.source not in plan.files]
    steps = [step for path in plan.files for step in folding.take(Path(path))]
    return ImportReport(steps=[*missing, *steps])


def _in_order(files: Iterable[Path], workspace: str) -> list[Path]:
    """By the time that the files give, then by length, then by name."""

    def place(path: Path) -> tuple[int, int, str]:
        if is_export(path):
            return 0, 0, str(path)
        try:
            found = read_file(path, workspace=workspace)
        except ImportRefused:
            return 0, 0, str(path)
        return found.said_at_us, len(found.messages), str(path)

    return sorted(files, key=place)


def _refusal(label: str, error: Exception) -> ImportStep:
    message = error.message if isinstance(error, EntryRefused | ImportRefused) else str(error)
    return ImportStep(source=label, action="refuse", note=message)


@dataclass(slots=True)
class _Line:
    """A session that files are compared with: in the store, or planned."""

    info: SessionInfo
    is_imported: bool = False
    is_read: bool = False
    """True: what follows is all of it."""
    keys: list[bytes | None] = field(default_factory=list[bytes | None])
    """Per message what is compared; None: it was erased or damaged, and anything is equal to it."""
    ends: list[int] = field(default_factory=list[int])
    """Per message the position behind it."""
    position: int = 0
    states: set[bytes] = field(default_factory=set[bytes])
    """The state entries that it has."""

    def clear(self) -> None:
        """Forget what was read."""
        self.is_imported = False
        self.position = 0
        self.keys, self.ends, self.states = [], [], set()

    def note(self, entry: NewEntry, *, is_erased: bool = False) -> None:
        """Take in the next entry."""
        self.position += 1
        if entry.kind == MESSAGE:
            self.keys.append(None if is_erased else compared_key(entry.body))
            self.ends.append(self.position)
        elif entry.kind == _STATE and not is_erased:
            self.is_imported = self.is_imported or "imported_from" in entry.body
            self.states.add(_state_key(entry))

    def first(self, count: int) -> "_Line":
        """What a fork after `count` messages begins with."""
        at = self.ends[count - 1]
        return _Line(
            self.info, True, True, self.keys[:count], self.ends[:count], at, set(self.states)
        )


def _state_key(entry: NewEntry) -> bytes:
    if SYSTEM in entry.body:
        return exact_json.encode(entry.body[SYSTEM])[0].encode()
    return exact_json.encode(dict(entry.body))[0].encode()


def _shared(line: _Line, keys: Sequence[bytes]) -> int:
    pairs = zip(line.keys, keys, strict=False)
    differing = (at for at, (a, b) in enumerate(pairs) if a is not None and a != b)
    return next(differing, min(len(line.keys), len(keys)))


class _Folding:
    """Takes one file after the other and remembers what became of it."""

    def __init__(self, store: Store, workspace: str, *, writes: bool) -> None:
        self._store = store
        self._workspace = workspace
        self._writes = writes
        self._lines: dict[str, list[_Line]] = {}
        self._names = {(info.workspace, info.name) for info in store.all_sessions()}

    def take(self, path: Path) -> list[ImportStep]:
        """Import one file, or say what would happen."""
        try:
            if is_export(path):
                if self._writes:
                    return list(import_lines(self._store, path, label=label_of(path)).steps)
                return plan_lines(self._store, path)
            return [self._fold(read_file(path, workspace=self._workspace))]
        except (ImportRefused, EntryRefused, PositionConflict, NameTaken, SessionUnknown) as error:
            return [_refusal(label_of(path), error)]

    def _fold(self, file: SessionFile) -> ImportStep:
        keys = [compared_key(m) for m in file.messages if m["role"] != SYSTEM]
        if not keys:
            return ImportStep(source=file.label, action="skip", note="it holds no messages")
        line, shared = self._nearest(file.workspace, keys)
        if line is None:
            return self._begin(file, keys, None, 0)
        if shared < min(len(line.keys), len(keys)):
            return self._begin(file, keys, line, shared)
        return self._add(file, line, shared, "extend" if shared < len(keys) else "known")

    def _nearest(self, workspace: str, keys: Sequence[bytes]) -> tuple[_Line | None, int]:
        """(the session that shares most with a file, how many messages they share)."""
        best: tuple[tuple[int, bool, bool], _Line] | None = None
        for line in self._candidates(workspace, keys[0]):
            shared = _shared(line, keys)
            is_prefix = shared == min(len(line.keys), len(keys))
            if shared < SHARED_MIN and not (line.is_imported and is_prefix):
                continue
            rank = (shared, is_prefix, line.info.parent_id is None)
            if best is None or rank > best[0]:
                best = rank, line
        return (best[1], best[0][0]) if best else (None, 0)

    def _candidates(self, workspace: str, key: bytes) -> list[_Line]:
        """The sessions of a workspace that begin with the same message, the oldest first."""
        found: list[_Line] = []
        for line in self._lines_of(workspace):
            if not line.keys and not line.is_read:
                self._read(line, until=1)
            if line.keys and line.keys[0] in (None, key):
                if not line.is_read:
                    self._read(line)
                found.append(line)
        return found

    def _lines_of(self, workspace: str) -> list[_Line]:
        if workspace not in self._lines:
            infos = [info for info in self._store.all_sessions() if info.workspace == workspace]
            infos.sort(key=lambda info: (info.created_at_us, info.id))
            self._lines[workspace] = [_Line(info) for info in infos]
        return self._lines[workspace]

    def _read(self, line: _Line, *, until: int | None = None) -> None:
        """Read a session, up to so many messages."""
        line.clear()
        session = self._store.find_session(line.info.id)
        entries = session.open().entries if session else ()
        for position in range(len(entries)):
            try:
                entry = entries[position]
                body = NewEntry(body=dict(entry.body), kind=entry.kind)
                line.note(body, is_erased=entry.is_erased)
            except Corrupt:
                line.note(NewEntry(body={}), is_erased=True)
            if until is not None and len(line.keys) >= until:
                return
        line.is_read = True

    def _begin(
        self, file: SessionFile, keys: Sequence[bytes], parent: _Line | None, shared: int
    ) -> ImportStep:
        """A new session, or a fork that shares its first messages with `parent`."""
        seed = (parent.info.id, str(shared)) if parent else (file.workspace, file.names[0])
        session_id, line = self._free_place(file.workspace, *seed, keys[shared])
        if self._store.is_erased(session_id):
            note = "it was erased here, and stays so"
            return ImportStep(source=file.label, action="skip", note=note)
        if line is not None:
            return self._add(file, line, 0, "create")
        info = _info(file, session_id, self._free_name(file))
        line = _Line(info, is_imported=True, is_read=True)
        if parent:
            line = parent.first(shared)
            line.info = replace(info, parent_id=parent.info.id, forked_at=line.position)
        step = self._add(file, line, shared, "fork" if parent else "create")
        self._names.add((file.workspace, info.name))
        self._lines_of(file.workspace).append(line)
        if parent:
            step = replace(step, forked_from=parent.info.name, forked_at=parent.ends[shared - 1])
        return step

    def _add(self, file: SessionFile, line: _Line, shared: int, action: Action) -> ImportStep:
        """Append what a session lacks of a file."""
        new = _entries(file, line, shared)
        for number, entry in enumerate(new):
            self._check(entry, number)
        added = [
            replace(entry, id=_entry_id(line.info.id, line.position + at, entry))
            for at, entry in enumerate(new)
        ]
        if self._writes and (added or action == "create"):
            session = self._store.restore_session(line.info)
            line.info = replace(line.info, id=session.id)
            append_all(session, added, position=line.position)
        for entry in added:
            line.note(entry)
        messages = sum(entry.kind == MESSAGE for entry in added)
        return ImportStep(
            source=file.label, action=action, session=line.info.name, session_id=line.info.id,
            workspace=file.workspace, messages=messages, entries=len(added), known=shared,
            note="" if line.info.name in file.names else f"the name {file.names[0]} was taken",
        )  # fmt: skip

    def _check(self, entry: NewEntry, number: int) -> None:
        try:
            self._store.check(entry)
        except EntryRefused as error:
            raise ImportRefused(f"its new entry {number}: {error.message}", path="") from error

    def _free_name(self, file: SessionFile) -> str:
        for name in file.names:
            if (file.workspace, name) not in self._names:
                return name
        number = 2
        while (file.workspace, f"{file.names[0]}-{number}") in self._names:
            number += 1
        return f"{file.names[0]}-{number}"

    def _free_place(self, workspace: str, *seed: str | bytes) -> tuple[str, _Line | None]:
        """(the id that follows from where a session comes from, what is there of it without words).

        The next id where that one is in use.
        """
        number = 0
        while True:
            session_id = str(derived_id("imported session", *seed, str(number)))
            there = self._store.find_session(session_id)
            wanted = there.id if there else session_id
            lines = (line for line in self._lines_of(workspace) if line.info.id == wanted)
            line = next(lines, None)
            if line is None:
                return session_id, None
            if not line.is_read:
                self._read(line)
            if not line.keys:
                return session_id, line
            number += 1


def _info(file: SessionFile, session_id: str, name: str) -> SessionInfo:
    return SessionInfo(
        id=session_id, name=name, workspace=file.workspace, created_at_us=file.said_at_us,
        updated_at_us=file.said_at_us, entries=0, messages=0,
    )  # fmt: skip


def _entries(file: SessionFile, line: _Line, shared: int) -> list[NewEntry]:
    """What a file adds to a session that has its first `shared` messages."""
    states = set(line.states)
    found: list[NewEntry] = []

    def add(entry: NewEntry) -> None:
        if entry.kind == _STATE:
            if _state_key(entry) in states:
                return
            states.add(_state_key(entry))
        found.append(entry)

    seen = 0
    for message in file.messages:
        if message["role"] == SYSTEM:
            add(_entry(file, system_body(message), _STATE))
            continue
        seen += 1
        if seen > shared:
            add(_entry(file, message, MESSAGE))
    if found:
        source = {"file": file.label.rpartition("/")[2], "facts": file.facts}
        origin = _entry(file, {"imported_from": source}, _STATE)
        if _state_key(origin) not in line.states:
            found.insert(0, origin)
    return found


def _entry(file: SessionFile, body: dict[str, object], kind: str) -> NewEntry:
    return NewEntry(body=body, kind=kind, said_at_us=file.said_at_us)


def _entry_id(session_id: str, position: int, entry: NewEntry) -> str:
    text = exact_json.encode(dict(entry.body))[0]
    return str(derived_id("imported entry", session_id, str(position), entry.kind, text))
