"""Building a new store from what was found: same ids, same positions, in the order of old.

Nothing moves up into a gap: a `state` entry stands in the place of each lost one, so that whatever
refers to a position still refers to the right entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from novacore.journal import frame as frames
from novacore.journal.bulk import Appender
from novacore.journal.errors import Corrupt, NameTaken
from novacore.journal.frame import Frame
from novacore.journal.interface import Session, Store
from novacore.journal.model import NewEntry, Scope, SessionInfo
from novacore.journal.salvage_finds import Finds, FoundSession
from novacore.journal.salvage_report import Gap, LostText
from novacore.journal.transcript import BodyDecoder
from novacore.kit import derived_id

Erasures = Mapping[bytes, frozenset[int] | None]
"""Per session which positions were erased; None: all of it."""


@dataclass(slots=True)
class _Rebuilt:
    """A session of the new store, and how far it is."""

    session: Session
    store: Store
    next: int
    is_erased: bool


class Rebuild:
    """One new store in the making.

    Args:
        store_for: the new store, seen by an owner.
        finds: what was found.
        erasures: what must not come back.
        read_blob: a blob's content, or raises `Corrupt`.
        missing: how many entries are known to be missing in all.
    """

    def __init__(
        self,
        store_for: Callable[[Scope], Store],
        finds: Finds,
        *,
        erasures: Erasures,
        read_blob: Callable[[bytes], bytes],
        missing: int,
    ) -> None:
        self._store_for = store_for
        self._finds = finds
        self._erasures = erasures
        self._read_blob = read_blob
        self._missing = missing
        self._rebuilt: dict[bytes, _Rebuilt] = {}
        self._appender = Appender()
        self._decoder = BodyDecoder(self._blob)
        self._lost_blobs: list[bytes] = []
        self._ids: set[tuple[str, str, bytes]] = set()
        self.entries = 0
        self.erased = 0
        self.unnamed = 0
        self.gaps: list[Gap] = []
        self.texts: list[LostText] = []
        self.problems: list[str] = []

    @property
    def sessions(self) -> int:
        """How many sessions there are now."""
        return len(self._rebuilt)

    @property
    def placed(self) -> int:
        """How many lost entries have a known place."""
        return sum(gap.entries for gap in self.gaps)

    def run(self) -> None:
        """Append everything, and wait until it is durable."""
        for frame in self._finds.in_order():
            self._append(frame)
        for session in self._finds.session_ids():
            self._fill(session, self._end_of(session))
        self._appender.close()
        for rebuilt in self._rebuilt.values():
            if rebuilt.is_erased:
                rebuilt.store.erase(rebuilt.session.id)

    def _append(self, frame: Frame) -> None:
        rebuilt = self._session(frame.session)
        scope = self._scope_of(frame.session)
        identity = (scope.tenant, scope.owner, frame.id)
        if frame.position < rebuilt.next or identity in self._ids:
            self.problems.append(
                f"Session {rebuilt.session.name}: entry {frame.position} was found twice."
            )
            return
        self._fill(frame.session, frame.position)
        entry = self._entry(frame, rebuilt)
        if entry is None:
            self._fill(frame.session, frame.position + 1)
            return
        self._ids.add(identity)
        self._appender.append(rebuilt.session, entry, position=frame.position)
        rebuilt.next += 1
        self.entries += 1
        self.erased += entry.erased_digest is not None

    def _entry(self, frame: Frame, rebuilt: _Rebuilt) -> NewEntry | None:
        """The entry that a frame is; None: its body can't be decoded."""
        positions = self._erasures.get(frame.session, frozenset())
        is_erased = rebuilt.is_erased or positions is None or frame.position in positions
        digest = frame.digest if frame.is_erased or is_erased else None
        body: Mapping[str, object] = {}
        self._lost_blobs.clear()
        if digest is None:
            try:
                body = self._decoder.one(frame.body).fields
            except (msgspec.DecodeError, ValueError, Corrupt) as error:
                self.problems.append(
                    f"Session {rebuilt.session.name}: entry {frame.position} can't be decoded:"
                    f" {error}."
                )
                return None
        for blob in self._lost_blobs:
            self.texts.append(
                LostText(
                    session_id=rebuilt.session.id, session=rebuilt.session.name,
                    position=frame.position, blob=f"sha256:{blob.hex()}",
                )
            )  # fmt: skip
        return NewEntry(
            body=body, kind=frame.kind, actor=frame.actor, said_at_us=frame.said_at_us,
            id=frames.session_text(frame.id), version=frame.version, erased_digest=digest,
        )  # fmt: skip

    def _blob(self, digest: bytes) -> bytes:
        try:
            return self._read_blob(digest)
        except Corrupt:
            self._lost_blobs.append(digest)
            return f"[lost: a long text, sha256:{digest.hex()}]".encode()

    def _fill(self, session: bytes, position: int) -> None:
        """Put a note in the place of every entry that a session lacks below a position."""
        rebuilt = self._session(session)
        first = rebuilt.next
        if first >= position:
            return
        while rebuilt.next < position:
            at = rebuilt.next
            note = NewEntry(
                kind="state",
                body={"lost": {"session": rebuilt.session.id, "position": at}},
                id=str(derived_id("lost entry", session, str(at))),
            )
            self._appender.append(rebuilt.session, note, position=at)
            rebuilt.next += 1
        self.gaps.append(
            Gap(
                session_id=rebuilt.session.id, session=rebuilt.session.name, first=first,
                last=position - 1,
            )
        )  # fmt: skip

    def _end_of(self, session: bytes) -> int:
        """Where a session ended, as far as that can be believed."""
        row = self._finds.sessions.get(session)
        rebuilt = self._session(session)
        if row is None:
            return rebuilt.next
        ends = (row.entries, self._finds.listed_end(row.key))
        left = self._missing - self.placed
        return max((end for end in ends if end - rebuilt.next <= left), default=rebuilt.next)

    def _session(self, session: bytes) -> _Rebuilt:
        """The session in the new store, made with its parent where it is not there yet."""
        known = self._rebuilt.get(session)
        if known is not None:
            return known
        row = self._finds.sessions.get(session)
        parent, forked_at = self._parent_of(session, row)
        if parent is not None:
            self._fill(parent, forked_at)
            self._appender.close()
        is_erased = self._erasures.get(session, frozenset()) is None or bool(row and row.is_erased)
        store = self._store_for(self._scope_of(session))
        made = self._restore(
            store,
            SessionInfo(
                id=frames.session_text(session), name=self._name(session, row, is_erased),
                workspace=row.workspace if row else "", entries=0, messages=0,
                created_at_us=row.created_at_us if row else 0, updated_at_us=0,
                parent_id=self._rebuilt[parent].session.id if parent is not None else None,
                forked_at=forked_at if parent is not None else None,
            ),
        )  # fmt: skip
        start = forked_at if parent is not None else 0
        rebuilt = _Rebuilt(made, store, start, is_erased)
        self._rebuilt[session] = rebuilt
        self.unnamed += row is None
        return rebuilt

    def _restore(self, store: Store, info: SessionInfo) -> Session:
        name, number = info.name, 2
        while True:
            try:
                return store.restore_session(info)
            except NameTaken:
                info = _renamed(info, f"{name}-{number}")
                number += 1

    @staticmethod
    def _name(session: bytes, row: FoundSession | None, is_erased: bool) -> str:
        short = session.hex()[-12:]
        if is_erased:
            return f"erased-{short}"
        return row.name if row is not None and row.name else f"recovered-{short}"

    def _scope_of(self, session: bytes) -> Scope:
        row = self._finds.sessions.get(session)
        return Scope(tenant=row.tenant, owner=row.owner) if row else Scope()

    def _parent_of(self, session: bytes, row: FoundSession | None) -> tuple[bytes | None, int]:
        """(the session that this one was forked from, after how many entries)."""
        if row is not None and row.parent is None:
            return None, 0
        if row is not None and row.parent in self._finds.keys:
            return self._finds.keys[row.parent], row.forked_at
        first, end = self._finds.bounds(session)
        frame = self._finds.get(session, first) if end else None
        if frame is None or not first:
            return None, 0
        # Without its row, the chain tells: it goes on from the parent's last shared entry.
        for before in self._finds.at(first - 1):
            follows = frames.chain_hash(before.chain, frames.chained_fields(frame)) == frame.chain
            if follows and before.session != session:
                return before.session, first
        return None, 0


def _renamed(info: SessionInfo, name: str) -> SessionInfo:
    return SessionInfo(
        id=info.id, name=name, workspace=info.workspace, created_at_us=info.created_at_us,
        updated_at_us=info.updated_at_us, entries=0, messages=0, parent_id=info.parent_id,
        forked_at=info.forked_at,
    )  # fmt: skip
