"""Reading a JSON Lines file through, every line checked, before anything of it is used."""

from dataclasses import dataclass, field
from typing import BinaryIO

from novacore.journal import lines
from novacore.journal.errors import EntryRefused, ImportRefused
from novacore.journal.interface import Store
from novacore.journal.lines import Digest, Footer, Header
from novacore.journal.model import NewEntry


@dataclass(kw_only=True, slots=True)
class Block:
    """One session of a file, checked."""

    header: Header
    line: int
    """The number of its header's line."""
    offset: int
    """Where its first entry's line begins, in bytes."""
    ids: list[str] = field(default_factory=list[str])
    messages: list[bool] = field(default_factory=list[bool])


def scan(store: Store, file: BinaryIO, *, label: str) -> list[Block]:
    """The sessions of a file, every line checked.

    Raises:
        ImportRefused: a line is damaged, missing, or more than the store takes; names the line.
    """
    found = _Scan(store)
    number = offset = 0
    try:
        for number, raw in enumerate(file, start=1):
            offset += len(raw)
            found.take(lines.read_line(raw), number=number, end=offset)
        number += 1
        found.finish()
    except (ValueError, EntryRefused) as error:
        reason = error.message if isinstance(error, EntryRefused) else str(error)
        raise ImportRefused(
            f"{label}, line {number}: {reason}. Nothing was imported.",
            path=label,
            hint="Export it again, or copy it again from where it came from.",
        ) from error
    return found.blocks


class _Scan:
    """What has been read of a file so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: Block | None = None
        self._digest = Digest()
        self._seen: set[str] = set()
        self.blocks: list[Block] = []

    def take(self, line: Header | Footer | tuple[int, NewEntry], *, number: int, end: int) -> None:
        """Check one line against those before it; raises ValueError."""
        if isinstance(line, Header):
            self._begin(line, number, end)
        elif self._open is None:
            raise ValueError("it stands in no session")
        elif isinstance(line, Footer):
            self._end(self._open, line)
        else:
            self._add(self._open, *line)

    def finish(self) -> None:
        """Check that nothing is missing at the end."""
        if self._open is not None:
            raise ValueError("the file ends in the middle of a session: it was cut")
        if not self.blocks:
            raise ValueError("the file is empty")
        last = self.blocks[-1].header
        if last.part != last.parts:
            raise ValueError(f"the file ends after part {last.part} of {last.parts}: it was cut")

    def _begin(self, header: Header, number: int, end: int) -> None:
        before = self.blocks[-1].header if self.blocks else None
        expected = before.part % before.parts + 1 if before else 1
        if self._open is not None or header.part != expected:
            raise ValueError("a part of the file is missing before it")
        self._open = Block(header=header, line=number, offset=end)
        self._digest = Digest()
        self._seen = set()

    def _add(self, block: Block, position: int, entry: NewEntry) -> None:
        expected = block.header.first + len(block.ids)
        if position != expected:
            raise ValueError(f"it holds entry {position} where entry {expected} belongs")
        if entry.id is None or entry.id in self._seen:
            raise ValueError(f"the entry id {entry.id} stands twice in the session")
        self._store.check(entry)
        self._digest.add(entry, position=position)
        self._seen.add(entry.id)
        block.ids.append(entry.id)
        block.messages.append(lines.is_message(entry))

    def _end(self, block: Block, footer: Footer) -> None:
        if (footer.entries, footer.messages) != (len(block.ids), sum(block.messages)):
            raise ValueError(
                f"the session has {len(block.ids)} entries and should have {footer.entries}"
            )
        if footer.digest != self._digest.text:
            raise ValueError("the digest does not match the session's entries")
        self.blocks.append(block)
        self._open = None
