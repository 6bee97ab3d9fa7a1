"""The journal in memory: the same rules without a disk, for tests and for what need not last."""

import dataclasses
import hashlib
import threading
import uuid
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import islice

from novacore.journal import frame as frames
from novacore.journal import standing as standings
from novacore.journal.copy_plan import CopyPlan
from novacore.journal.errors import Corrupt, EntryErased, SessionUnknown, StoreClosed
from novacore.journal.frame import Frame
from novacore.journal.locks import Lock, MemoryLocks
from novacore.journal.model import Erased, FeedState, Problem, Scope
from novacore.journal.plan import Head, Planner, deliver, plan_all
from novacore.journal.store import Erasure, SessionRow, Snapshot, Submission
from novacore.journal.transcript import Part, Tail
from novacore.journal.value import blob_digests
from novacore.kit import Clock


class MemoryEngine:
    """An engine that keeps everything in this process and forgets it at the end."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._rows: dict[bytes, SessionRow] = {}
        self._stored: dict[bytes, list[bytes]] = {}
        self._ids: dict[tuple[tuple[str, str], bytes], tuple[bytes, int]] = {}
        self._log: list[tuple[int, bytes, int]] = []
        self._blobs: dict[tuple[tuple[str, str], bytes], bytes] = {}
        self._recorded_at_us = 0
        self._generation = 0
        self._journal = uuid.uuid4().bytes
        self._epoch = 1
        self._standing = standings.IN_USE
        self._erasures: list[Erased] = []
        self._locks = MemoryLocks()
        self._is_closed = False

    @contextmanager
    def _access(self) -> Generator[None]:
        with self._lock:
            if self._is_closed:
                raise StoreClosed
            yield

    @contextmanager
    def _changing(self, *, is_copy: bool = False) -> Generator[None]:
        with self._access():
            refusal = standings.find_refusal(self._standing)
            if refusal and not (is_copy and self._standing == standings.COPYING):
                raise refusal
            yield

    def commit(self, batch: Sequence[Submission]) -> Callable[[], None]:
        """See `Engine.commit`."""
        with self._changing():
            self._recorded_at_us = max(self._clock.now_us(), self._recorded_at_us)
            last = self._log[-1][0] if self._log else 0
            planner = Planner(self, last + 1, self._recorded_at_us)
            outcomes = plan_all(planner, batch)
            self._keep(planner)
        return lambda: deliver(batch, outcomes)

    def _keep(self, plan: Planner | CopyPlan) -> None:
        for item in plan.planned:
            head = item.head
            index = len(self._stored[head.session])
            self._stored[head.session].append(item.stored)
            self._ids[head.scope, item.id] = (head.session, index)
            self._log.append((item.sequence, head.session, index))
            for digest, content in item.blobs:
                self._blobs[head.scope, digest] = content
        for head in plan.touched.values():
            self._rows[head.session] = dataclasses.replace(
                self._rows[head.session],
                entries=head.position,
                messages=head.messages,
                updated_at_us=head.updated_at_us,
            )

    def head(self, session: bytes) -> Head:
        """See `LookUp.head`."""
        row = self._rows.get(session)
        if row is None:
            raise SessionUnknown(frames.session_text(session))
        ancestors = self._ancestors(row)
        return Head(
            session=session,
            scope=(row.tenant, row.owner),
            position=row.entries,
            chain=self._chain_before(row, row.entries),
            messages=row.messages,
            ancestors=ancestors,
            is_erased=row.is_erased,
        )

    def find_entry(self, scope: tuple[str, str], entry_id: bytes) -> Frame | None:
        """See `LookUp.find_entry`."""
        place = self._ids.get((scope, entry_id))
        return None if place is None else frames.parse(self._stored[place[0]][place[1]])

    def create_session(self, row: SessionRow) -> SessionRow:
        """See `Engine.create_session`."""
        with self._changing():
            for other in self._rows.values():
                same = (other.tenant, other.owner, other.workspace, other.name)
                if not other.is_erased and same == (row.tenant, row.owner, row.workspace, row.name):
                    return other
            return self._add_session(row)

    def _add_session(self, row: SessionRow) -> SessionRow:
        if row.parent is not None and row.parent not in self._rows:
            raise SessionUnknown(frames.session_text(row.parent))
        self._rows[row.id] = row
        self._stored[row.id] = []
        if row.parent is not None:
            # Counted here: an erase may have come between the caller's look and this.
            parts = MemoryEngine.load(self, row.id).parts
            messages = sum(len(part.messages) for part in parts)
            self._rows[row.id] = dataclasses.replace(row, messages=messages)
        return self._rows[row.id]

    def rows(self) -> list[SessionRow]:
        """See `Engine.rows`."""
        with self._access():
            return list(self._rows.values())

    def standing(self) -> str:
        """See `Engine.standing`."""
        with self._access():
            return self._standing

    def set_standing(self, standing: str) -> None:
        """See `Engine.set_standing`."""
        with self._access():
            self._standing = standing

    def begin_copy(self, journal: bytes) -> None:
        """See `Engine.begin_copy`."""
        with self._access():
            standings.check_begin(
                self._standing, is_empty=not self._rows, is_same=self._journal == journal
            )
            self._journal, self._standing = journal, standings.COPYING

    def add_copied(self, sessions: Sequence[SessionRow], stored: Sequence[bytes]) -> None:
        """See `Engine.add_copied`."""
        with self._access():
            standings.check_copying(self._standing)
            plan = CopyPlan(self, self._log[-1][0] if self._log else 0)
            new = [row for row in sessions if row.id not in self._rows]
            for row in new:
                self._add_session(standings.copied_row(row))
            try:
                plan.add_all(stored)
            except BaseException:
                for row in new:
                    del self._rows[row.id], self._stored[row.id]
                raise
            self._recorded_at_us = max(self._recorded_at_us, plan.recorded_at_us)
            self._keep(plan)

    def end_copy(self, epoch: int) -> None:
        """See `Engine.end_copy`."""
        with self._access():
            self._epoch, self._standing = epoch, standings.IN_USE

    def find_sessions(
        self,
        scope: Scope | None,
        *,
        session: bytes | None = None,
        workspace: str | None = None,
        name: str | None = None,
    ) -> list[SessionRow]:
        """See `Engine.find_sessions`."""
        with self._access():
            rows = list(self._rows.values())
        found = [
            row
            for row in rows
            if (scope is None or (row.tenant, row.owner) == (scope.tenant, scope.owner))
            and (row.id == session if session is not None else not row.is_erased)
            and (workspace is None or row.workspace == workspace)
            and (name is None or row.name == name)
        ]
        return sorted(found, key=lambda row: (row.updated_at_us, row.id), reverse=True)

    def find_place(self, scope: Scope, entry_id: bytes) -> tuple[bytes, int] | None:
        """See `Engine.find_place`."""
        with self._access():
            place = self._ids.get(((scope.tenant, scope.owner), entry_id))
            if place is None:
                return None
            return place[0], self._rows[place[0]].forked_at + place[1]

    def load(self, session: bytes, *, known: Snapshot | None = None) -> Snapshot:
        """See `Engine.load`."""
        with self._access():
            parts: list[Part] = []
            scopes: list[tuple[str, str]] = []
            for row, end in self._line(session):
                stored = self._stored[row.id][: end - row.forked_at]
                tail = Tail(row.id, base=row.forked_at, stored=stored)
                parts.append(Part(tail, take=len(stored)))
                scopes.append((row.tenant, row.owner))
            return Snapshot(
                parts=parts,
                scopes=tuple(scopes),
                generation=self._generation,
                is_erased=self._rows[session].is_erased,
            )

    def mark(self) -> object:
        """See `Engine.mark`."""
        with self._access():
            return len(self._log), len(self._rows), self._generation

    def state(self) -> FeedState:
        """See `Engine.state`."""
        with self._access():
            last = self._log[-1] if self._log else None
            stored = frames.parse(self._stored[last[1]][last[2]]) if last else None
            return FeedState(
                journal=frames.session_text(self._journal),
                epoch=str(self._epoch),
                sequence=stored.sequence if stored else 0,
                recorded_at_us=stored.recorded_at_us if stored else 0,
                erasures=len(self._erasures),
            )

    def erasures(self, after: int, limit: int) -> list[Erased]:
        """See `Engine.erasures`."""
        with self._access():
            return self._erasures[after : after + max(0, limit)]

    def try_lock(self, name: str) -> Lock | None:
        """See `Engine.try_lock`."""
        return self._locks.try_lock(name)

    def feed(self, after: int, limit: int, *, scope: Scope | None) -> list[Frame]:
        """See `Engine.feed`."""
        owner = (scope.tenant, scope.owner) if scope else None
        with self._access():
            start = bisect_right(self._log, after, key=lambda place: place[0])
            mine = (
                place
                for place in self._log[start:]
                if owner is None or self._scope_of(place[1]) == owner
            )
            return [
                frames.parse(self._stored[session][index])
                for _, session, index in islice(mine, max(0, limit))
            ]

    def erase(self, erasures: Iterable[Erasure]) -> int:
        """See `Engine.erase`."""
        count = 0
        with self._changing(is_copy=True):
            for erasure in erasures:
                count += self._erase_one(erasure)
                self._erasures.append(self._noted(erasure))
            self._generation += 1
            self._drop_unreferenced_blobs()
        return count

    def _noted(self, erasure: Erasure) -> Erased:
        positions = erasure.positions
        return Erased(
            number=len(self._erasures) + 1,
            session_id=frames.session_text(erasure.session),
            positions=None if positions is None else tuple(sorted(positions)),
            at_us=self._clock.now_us() if erasure.at_us is None else erasure.at_us,
        )

    def put_blob(self, scope: tuple[str, str], digest: bytes, content: bytes) -> None:
        """See `Engine.put_blob`."""
        with self._access():
            self._blobs[scope, digest] = content

    def read_blob(self, scope: tuple[str, str], digest: bytes) -> bytes:
        """See `Engine.read_blob`."""
        content = self._blobs.get((scope, digest))
        if content is None or hashlib.sha256(content).digest() != digest:
            raise EntryErased
        return content

    def check(self, session: bytes | None = None) -> list[Problem]:
        """See `Engine.check`."""
        with self._access():
            return []

    def close(self) -> None:
        """See `Engine.close`."""
        with self._lock:
            self._is_closed = True

    def _line(self, session: bytes) -> list[tuple[SessionRow, int]]:
        """A session and its ancestors, oldest first, each with the position it counts up to."""
        line: list[tuple[SessionRow, int]] = []
        row = self._rows.get(session)
        if row is None:
            raise SessionUnknown(frames.session_text(session))
        end = row.entries
        while True:
            line.insert(0, (row, end))
            if row.parent is None:
                return line
            end = min(end, row.forked_at)
            row = self._rows[row.parent]
            while row.forked_at >= end and row.parent is not None:
                row = self._rows[row.parent]

    def _ancestors(self, row: SessionRow) -> dict[bytes, int]:
        return {each.id: end for each, end in self._line(row.id)[:-1]}

    def _chain_before(self, row: SessionRow, position: int) -> bytes:
        if position == 0:
            return frames.ROOT_CHAIN
        for each, end in reversed(self._line(row.id)):
            if each.forked_at < position <= end:
                return frames.parse(self._stored[each.id][position - 1 - each.forked_at]).chain
        raise Corrupt("A session's line is broken.", session_id=str(uuid.UUID(bytes=row.id)))

    def _erase_one(self, erasure: Erasure) -> int:
        row = self._rows.get(erasure.session)
        if row is None:
            raise SessionUnknown(frames.session_text(erasure.session))
        stored = self._stored[row.id]
        count = 0
        for index, raw in enumerate(stored):
            frame = frames.parse(raw)
            if frame.is_erased or (
                erasure.positions is not None and frame.position not in erasure.positions
            ):
                continue
            stored[index] = frames.erased(frame)
            count += 1
        if erasure.positions is None:
            self._rows[row.id] = dataclasses.replace(row, name="", workspace="", is_erased=True)
        self._recount()
        return count

    def _recount(self) -> None:
        for row in list(self._rows.values()):
            messages = sum(len(part.messages) for part in self.load(row.id).parts)
            self._rows[row.id] = dataclasses.replace(self._rows[row.id], messages=messages)

    def _drop_unreferenced_blobs(self) -> None:
        used = {
            (self._scope_of(session), digest)
            for session, stored in self._stored.items()
            for raw in stored
            for digest in blob_digests(frames.parse(raw).body)
        }
        self._blobs = {key: value for key, value in self._blobs.items() if key in used}

    def _scope_of(self, session: bytes) -> tuple[str, str]:
        row = self._rows[session]
        return row.tenant, row.owner
