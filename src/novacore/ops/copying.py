"""A journal copied into a store: from backups or from another store, up to some moment.

Records come in the order of the journal. What they say is written in stretches; a stretch is there
whole or not at all, so a copy that was killed goes on behind its last one. What was erased comes as
a tombstone.
"""

import dataclasses
import secrets
from collections.abc import Collection, Iterable, Sequence

from novacore import journal, kit
from novacore.ops.errors import PlaceRefused
from novacore.ops.model import Copied, Moment, Progress
from novacore.ops.records import Blob, File, Record

_EPOCH_BITS = 62
_STRETCH_ENTRIES = 2_000
_STRETCH_BYTES = 8 * 1024 * 1024


def new_epoch() -> int:
    """A fresh epoch: what was derived from another one is rebuilt or cut back, never trusted."""
    return secrets.randbits(_EPOCH_BITS) | 1


class Copying:
    """One copy on its way into `target`.

    Args:
        target: a store that `begin_copy` was called on.
        until: how far; both empty: everything that comes.
        erasures: what was erased, now or after the moment: it is not copied.
        owners: owners that were erased: nothing of theirs is copied, listed or not.
        progress: told of entries done, and of how many.
        total: how many entries the source has.
    """

    def __init__(
        self,
        target: journal.Replica,
        *,
        until: Moment,
        erasures: Sequence[journal.Erased],
        progress: Progress,
        total: int,
        owners: Collection[str] = (),
    ) -> None:
        self._target = target
        self._until = until
        self._erasures = list(erasures)
        self._owners = frozenset(owners)
        self._erased = _Erased(erasures)
        self._progress = progress
        self._total = total
        state = target.state()
        self._held_sequence = state.sequence
        self._last_us = state.recorded_at_us
        self._rows: dict[bytes, journal.SessionRow] = {}
        self._ends = {row.id: row.entries for row in target.sessions()}
        self._sessions: list[journal.SessionRow] = []
        self._entries: list[bytes] = []
        self._bytes = 0
        self.entries = 0
        self.is_full = False
        """True: the moment was reached, and nothing more is wanted."""
        self._check_end(state)

    def _check_end(self, state: journal.FeedState) -> None:
        wanted = self._until
        is_past = wanted.sequence is not None and state.sequence > wanted.sequence
        is_past |= wanted.at_us is not None and state.recorded_at_us > wanted.at_us
        if is_past:
            raise PlaceRefused(
                f"The unfinished copy there reaches sequence {state.sequence} already, further "
                "than asked for.",
                hint="Remove it, or choose a new place.",
            )

    def add_all(self, records: Iterable[Record]) -> list[File]:
        """Take records until the moment is reached; gives back the small files among them."""
        files: list[File] = []
        for record in records:
            if isinstance(record, bytes):
                self.add_entry(record)
                if self.is_full:
                    break
            elif isinstance(record, journal.SessionRow):
                self.add_session(record)
            elif isinstance(record, Blob):
                self.add_blob(record)
            else:
                files.append(record)
        return files

    def add_session(self, row: journal.SessionRow) -> None:
        """Learn of a session; it is written when its first entry or the end comes."""
        if row.owner in self._owners and not row.is_erased and self._erased.add(row.id):
            gone = journal.Erased(
                number=0,
                session_id=str(kit.parse_id(row.id.hex())),
                positions=None,
                at_us=max(row.created_at_us, row.updated_at_us),
            )
            self._erasures.append(gone)
        self._rows[row.id] = self._erased.row(row)

    def add_blob(self, blob: Blob) -> None:
        """Store a blob, which entries that come next may name."""
        self._target.put_blob((blob.tenant, blob.owner), blob.digest, content=blob.content)

    def add_entry(self, stored: bytes) -> None:
        """Take the next entry; one that the copy has already is passed over."""
        place = journal.place_of(stored)
        if place.sequence <= self._held_sequence:
            return
        if self._is_beyond(place):
            self.is_full = True
            return
        if place.session not in self._ends:
            self._want(place.session)
        if self._erased.is_hit(place):
            stored = journal.as_erased(stored)
        self._entries.append(stored)
        self._bytes += len(stored)
        self._ends[place.session] = place.position + 1
        self._last_us = place.recorded_at_us
        self.entries += 1
        if len(self._entries) >= _STRETCH_ENTRIES or self._bytes >= _STRETCH_BYTES:
            self.flush()

    def _is_beyond(self, place: journal.StoredPlace) -> bool:
        until = self._until
        if until.sequence is not None and place.sequence > until.sequence:
            return True
        return until.at_us is not None and place.recorded_at_us > until.at_us

    def _want(self, session: bytes) -> None:
        """Have a session written before the entries that follow, and its parents before it."""
        row = self._rows.get(session)
        if row is None:
            name = str(kit.parse_id(session.hex()))
            raise journal.Corrupt(f"Session {name} has entries, but is not listed.")
        if row.parent is not None and row.parent not in self._ends:
            self._want(row.parent)
        if row.parent is not None:
            # What it shares must be there first.
            self.flush()
        self._sessions.append(row)
        self._ends[session] = row.forked_at

    def flush(self) -> None:
        """Write what is held, durably."""
        if self._sessions or self._entries:
            self._target.add_copied(self._sessions, self._entries)
            self._sessions, self._entries, self._bytes = [], [], 0
            self._progress(self._target.state().sequence, self._total)

    def finish(self) -> Copied:
        """Write the sessions without entries of their own, and note what was erased."""
        self.flush()
        for row in self._rows.values():
            if row.id not in self._ends and self._was_there(row):
                self._want(row.id)
        self.flush()
        self._target.erase_again(self._erasures)
        state = self._target.state()
        return Copied(
            entries=self.entries,
            sequence=state.sequence,
            sessions=len(self._target.sessions()),
            erasures=state.erasures,
            epoch=state.epoch,
        )

    def _was_there(self, row: journal.SessionRow) -> bool:
        """Whether a session without entries in the copy existed at the moment."""
        until = self._until
        limit_us = until.at_us if until.at_us is not None else self._last_us
        if (until.sequence, until.at_us) != (None, None) and row.created_at_us > limit_us:
            return False
        if row.parent is None:
            return True
        if row.parent in self._ends:
            return self._ends[row.parent] >= row.forked_at
        parent = self._rows.get(row.parent)
        return parent is not None and parent.forked_at >= row.forked_at and self._was_there(parent)


class _Erased:
    """What was erased, by session."""

    def __init__(self, erasures: Sequence[journal.Erased]) -> None:
        self._whole: set[bytes] = set()
        self._parts: set[tuple[bytes, int]] = set()
        for each in erasures:
            session = kit.parse_id(each.session_id).bytes
            if each.positions is None:
                self._whole.add(session)
            else:
                self._parts |= {(session, position) for position in each.positions}

    def add(self, session: bytes) -> bool:
        """Take a whole session for erased; False: it was already."""
        if session in self._whole:
            return False
        self._whole.add(session)
        return True

    def is_hit(self, place: journal.StoredPlace) -> bool:
        return place.session in self._whole or (place.session, place.position) in self._parts

    def row(self, row: journal.SessionRow) -> journal.SessionRow:
        if row.id not in self._whole:
            return row
        return dataclasses.replace(row, name="", workspace="", is_erased=True)
