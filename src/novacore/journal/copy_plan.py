"""What a stretch of an exact copy will write: every frame checked, none changed.

The counterpart of `plan.Planner` for entries that have their place already: same ids, sequences,
times, salts, digests and chain as where they come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from novacore.journal import frame as frames
from novacore.journal.errors import Corrupt
from novacore.journal.frame import Frame
from novacore.journal.plan import Head, LookUp, Planned
from novacore.journal.value import blob_digests, may_name_blobs


@dataclass
class CopyPlan:
    """Plans one stretch; the engine writes `planned` and the heads in `touched`."""

    look_up: LookUp
    sequence: int
    """The last one that the copy holds."""
    heads: dict[bytes, Head] = field(default_factory=dict[bytes, Head])
    planned: list[Planned] = field(default_factory=list[Planned])
    touched: dict[bytes, Head] = field(default_factory=dict[bytes, Head])
    blobs: list[tuple[Head, int, bytes]] = field(default_factory=list[tuple[Head, int, bytes]])
    """(head, position, digest) of every blob that an entry names."""
    recorded_at_us: int = 0

    def add_all(self, stored: Sequence[bytes]) -> None:
        """Plan these frames.

        Raises:
            Corrupt: one is damaged, or does not follow what the copy holds.
            SessionUnknown: its session is not there.
        """
        for raw in stored:
            self._add(raw)

    def _add(self, raw: bytes) -> None:
        stored = frames.parse(raw)
        head = self.heads.get(stored.session)
        if head is None:
            head = self.heads[stored.session] = self.look_up.head(stored.session)
        if fault := self._fault(stored, head):
            name = frames.session_text(stored.session)
            raise Corrupt(
                f"Entry {stored.position} of session {name} can't be copied: {fault}.",
                session_id=name,
                position=stored.position,
                sequence=stored.sequence,
            )
        self.planned.append(
            Planned(head, stored.sequence, stored.position, stored.id, bytes(raw), ())
        )
        if not stored.is_erased and may_name_blobs(stored.body):
            named = dict.fromkeys(blob_digests(stored.body))
            self.blobs += [(head, stored.position, digest) for digest in named]
        self._advance(head, stored, size=len(raw))

    def _fault(self, stored: Frame, head: Head) -> str | None:
        if stored.sequence <= self.sequence:
            return f"its sequence {stored.sequence} is not above {self.sequence}"
        if stored.position != head.position:
            return f"the copy expects position {head.position}"
        return frames.find_fault(stored, before=head.chain)

    def _advance(self, head: Head, stored: Frame, *, size: int) -> None:
        head.chain = stored.chain
        head.position += 1
        head.messages += frames.is_message(stored)
        head.tail_bytes += size
        head.updated_at_us = stored.recorded_at_us
        self.touched[head.session] = head
        self.sequence = stored.sequence
        self.recorded_at_us = max(self.recorded_at_us, stored.recorded_at_us)
