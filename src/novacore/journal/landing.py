"""Where each session of a JSON Lines file goes: into one that is here, a fork, or a new one.

It is decided by ids alone. An id belongs to one entry of an owner, so the known ids of a session
are a beginning of it, and what follows is new.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from novacore.journal import frame as frames
from novacore.journal.errors import ImportRefused
from novacore.journal.import_plan import Action, ImportStep
from novacore.journal.interface import Session, Store
from novacore.journal.lines import Header
from novacore.journal.lines_scan import Block
from novacore.journal.model import SessionInfo
from novacore.kit import derived_id


@dataclass(kw_only=True, slots=True)
class Landing:
    """Where a session of a file goes."""

    block: Block
    step: ImportStep
    info: SessionInfo
    ids: list[str]
    """The ids of its whole line, what it shares with its parent included."""
    start: int
    """The position of the first entry to append."""
    parent: "Landing | None" = None
    """The session of the same file that it is a fork of."""


class Planner:
    """Decides where each session of a file goes, parents before their forks."""

    def __init__(self, store: Store, blocks: Sequence[Block], *, label: str) -> None:
        self._store = store
        self._label = label
        self._landed: dict[str, Landing] = {}
        self._coming: dict[str, Landing] = {}
        """Per entry that is not here yet the session of this file that brings it."""
        self._names = {(info.workspace, info.name) for info in store.all_sessions()}
        self._wanted = {(block.header.workspace, block.header.name) for block in blocks}

    def land(self, block: Block) -> Landing:
        """Where one session goes."""
        landing = self._decide(block)
        self._landed[block.header.session_id] = landing
        if landing.step.action != "skip":
            self._coming |= dict.fromkeys(landing.ids[landing.start :], landing)
        return landing

    def _decide(self, block: Block) -> Landing:
        header = block.header
        ids = self._whole_line(block)
        session_id, parted = header.session_id, None
        session = self._store.find_session(session_id)
        at = 0
        while session is not None:
            there = _ids_of(session)
            at = _shared(there, ids)
            if at in (len(ids), len(there)):
                action: Action = "known" if at == len(ids) else "extend"
                return self._landing(block, ids, session.info, action=action, start=at)
            session_id = str(derived_id("grown apart", session_id, ids[at]))
            parted = session.info if at else None
            session = self._store.find_session(session_id)
        parent = None
        if session_id == header.session_id:
            parted, at, parent = self._parent(header, ids)
        is_gone = parted is not None and self._is_gone(parted.id, parent)
        if is_gone or self._store.is_erased(session_id):
            info = self._new_info(header, session_id, name=header.name)
            note = "it was erased here, and stays so"
            return self._landing(block, ids, info, action="skip", start=len(ids), note=note)
        return self._new(block, ids, session_id=session_id, branch=(parted, at, parent))

    def _new(
        self,
        block: Block,
        ids: list[str],
        *,
        session_id: str,
        branch: tuple[SessionInfo | None, int, Landing | None],
    ) -> Landing:
        """A session that is not here yet, forked from `branch` where that names one.

        A fork may share nothing with its parent, and is still its fork.
        """
        parted, at, parent = branch
        header = block.header
        name = self._free_name(header.workspace, header.name)
        info = self._new_info(header, session_id, name=name)
        action: Action = "create"
        if parted is not None:
            action, info = "fork", replace(info, parent_id=parted.id, forked_at=at)
        note = "" if name == header.name else f"the name {header.name} was taken"
        landing = self._landing(block, ids, info, action=action, start=at, note=note)
        landing.parent = parent
        if parted is not None:
            landing.step = replace(landing.step, forked_from=parted.name, forked_at=at)
        return landing

    def _whole_line(self, block: Block) -> list[str]:
        """The ids of a session's entries from its beginning."""
        header = block.header
        if not header.first:
            return block.ids
        before: list[str] = []
        if header.parent_id in self._landed:
            before = self._landed[header.parent_id].ids
        elif header.parent_id is not None:
            parent = self._store.find_session(header.parent_id)
            before = _ids_of(parent) if parent else []
        if len(before) < header.first:
            raise ImportRefused(
                f"{self._label}, line {block.line}: the session is a fork of {header.parent_id},"
                " which is neither in the file before it nor here. Nothing was imported.",
                path=self._label,
                hint="Import the session that it was forked from first.",
            )
        return before[: header.first] + block.ids

    def _parent(
        self, header: Header, ids: list[str]
    ) -> tuple[SessionInfo | None, int, Landing | None]:
        """(what a new session branches off, after how many entries, its landing in this file)."""
        at = header.forked_at or 0
        if at < len(ids) and self._is_known(ids[at]):
            return self._holder(ids)
        parent = self._landed.get(header.parent_id or "")
        if parent is not None and parent.ids[:at] == ids[:at]:
            return parent.info, at, parent
        there = self._store.find_session(header.parent_id) if header.parent_id else None
        if there is not None and _ids_of(there)[:at] == ids[:at]:
            return there.info, at, None
        return self._holder(ids)

    def _is_known(self, entry_id: str) -> bool:
        return entry_id in self._coming or self._store.find_place(entry_id) is not None

    def _holder(self, ids: list[str]) -> tuple[SessionInfo | None, int, Landing | None]:
        """The session that holds the last of the known entries: ids belong to one line only."""
        known = bisect_left(ids, True, key=lambda each: not self._is_known(each))
        coming = self._coming.get(ids[known - 1]) if known else None
        if coming is not None and coming.ids[:known] == ids[:known]:
            return coming.info, known, coming
        place = self._store.find_place(ids[known - 1]) if known else None
        if place is None:
            return None, 0, None
        holder = self._store.find_session(place[0])
        if holder is None:
            return _erased_info(place[0]), known, None
        if _ids_of(holder)[:known] != ids[:known]:
            raise ImportRefused(
                f"{self._label}: entries of it are in session {holder.name}, in another order."
                " Nothing was imported.",
                path=self._label,
            )
        return holder.info, known, None

    def _is_gone(self, session_id: str, landed: Landing | None) -> bool:
        if landed is not None:
            return landed.step.action == "skip"
        return self._store.is_erased(session_id)

    def _free_name(self, workspace: str, name: str) -> str:
        found, number = name, 2
        if (workspace, name) in self._names:
            while (workspace, found) in self._names | self._wanted:
                found, number = f"{name}-{number}", number + 1
        self._names.add((workspace, found))
        return found

    @staticmethod
    def _new_info(header: Header, session_id: str, *, name: str) -> SessionInfo:
        return SessionInfo(
            id=session_id, name=name, workspace=header.workspace,
            created_at_us=header.created_at_us, updated_at_us=header.created_at_us,
            entries=0, messages=0,
        )  # fmt: skip

    def _landing(
        self,
        block: Block,
        ids: list[str],
        info: SessionInfo,
        *,
        action: Action,
        start: int,
        note: str = "",
    ) -> Landing:
        cut = max(0, start - block.header.first)
        step = ImportStep(
            source=self._label,
            action=action,
            session=info.name,
            session_id=info.id,
            workspace=info.workspace,
            entries=len(block.ids) - cut,
            messages=sum(block.messages[cut:]),
            known=sum(block.messages[:cut]),
            note=note,
        )
        return Landing(block=block, step=step, info=info, ids=ids, start=start)


def _erased_info(session_id: str) -> SessionInfo:
    return SessionInfo(
        id=session_id, name="", workspace="", created_at_us=0, updated_at_us=0, entries=0,
        messages=0,
    )  # fmt: skip


def _ids_of(session: Session) -> list[str]:
    """The ids of a session's entries, bodies left alone."""
    entries = session.open().entries
    return [frames.session_text(entries.frame(at).id) for at in range(len(entries))]


def _shared(left: Sequence[str], right: Sequence[str]) -> int:
    """How many ids two lines have in common at their beginning."""
    pairs = zip(left, right, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))
