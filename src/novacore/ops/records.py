"""What a backup's stream says: sessions, blobs, entries, files, one record after the other.

    record = kind u8 | size u32 | bytes

An entry's record is its frame, byte for byte. A blob stands before the first entry that names it.
The last record counts the others, so that a stream that was written by halves is noticed.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from novacore import journal
from novacore.ops.errors import BackupDamaged

SESSION, ENTRY, BLOB, FILE, END = 1, 2, 3, 4, 5
_HEAD = struct.Struct("<BI")


class Blob(NamedTuple):
    """A blob and whose it is."""

    tenant: str
    owner: str
    digest: bytes
    content: bytes


class File(NamedTuple):
    """A small file of the data directory."""

    name: str
    content: bytes


class _End(NamedTuple):
    entries: int
    sessions: int
    blobs: int


class _Session(NamedTuple):
    id: bytes
    tenant: str
    owner: str
    name: str
    workspace: str
    created_at_us: int
    updated_at_us: int
    parent: bytes | None
    forked_at: int
    has_own: bool
    is_erased: bool


Record = journal.SessionRow | Blob | File | bytes
"""What `read_records` gives; bytes: an entry as it is stored."""

_encode = msgspec.msgpack.Encoder().encode
_session = msgspec.msgpack.Decoder(_Session).decode
_blob = msgspec.msgpack.Decoder(Blob).decode
_file = msgspec.msgpack.Decoder(File).decode
_end = msgspec.msgpack.Decoder(_End).decode


class Recorder:
    """Turns records into bytes and counts them."""

    def __init__(self) -> None:
        self.entries = 0
        self.sessions = 0
        self.blobs = 0

    def session(self, row: journal.SessionRow) -> bytes:
        """A session; its counts follow from its entries."""
        self.sessions += 1
        told = _Session(
            row.id, row.tenant, row.owner, row.name, row.workspace, row.created_at_us,
            row.updated_at_us, row.parent, row.forked_at, row.entries > row.forked_at,
            row.is_erased,
        )  # fmt: skip
        return _record(SESSION, _encode(told))

    def entry(self, stored: bytes) -> bytes:
        """An entry as it is stored."""
        self.entries += 1
        return _record(ENTRY, stored)

    def blob(self, blob: Blob) -> bytes:
        """A blob."""
        self.blobs += 1
        return _record(BLOB, _encode(blob))

    def file(self, file: File) -> bytes:
        """A file of the data directory."""
        return _record(FILE, _encode(file))

    def end(self) -> bytes:
        """The last record."""
        return _record(END, _encode(_End(self.entries, self.sessions, self.blobs)))


def _record(kind: int, data: bytes) -> bytes:
    return _HEAD.pack(kind, len(data)) + data


def read_records(pieces: Iterable[bytes], *, backup: str) -> Iterator[Record]:
    """The records of a stream.

    Raises:
        BackupDamaged: it does not say what a backup's stream says, or lacks its end.
    """
    counts = [0, 0, 0]
    is_ended = False
    for kind, data in _split(pieces):
        if is_ended:
            break
        try:
            if kind == ENTRY:
                counts[0] += 1
                yield data
            elif kind == SESSION:
                counts[1] += 1
                yield _row(_session(data))
            elif kind == BLOB:
                counts[2] += 1
                yield _blob(data)
            elif kind == FILE:
                yield _file(data)
            elif kind == END:
                is_ended = list(_end(data)) == counts
        except msgspec.DecodeError as error:
            raise BackupDamaged(f"a record can't be read: {error}", backup=backup) from error
    if not is_ended:
        raise BackupDamaged("its records are not as many as were written", backup=backup)


def _split(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    held = bytearray()
    for piece in pieces:
        held += piece
        at = 0
        while len(held) - at >= _HEAD.size:
            kind, size = _HEAD.unpack_from(held, at)
            end = at + _HEAD.size + size
            if end > len(held):
                break
            yield kind, bytes(held[at + _HEAD.size : end])
            at = end
        del held[:at]
    if held:
        yield 0, bytes(held)


def _row(told: _Session) -> journal.SessionRow:
    return journal.SessionRow(
        id=told.id,
        tenant=told.tenant,
        owner=told.owner,
        name=told.name,
        workspace=told.workspace,
        created_at_us=told.created_at_us,
        updated_at_us=told.created_at_us if told.has_own else told.updated_at_us,
        entries=told.forked_at,
        messages=0,
        parent=told.parent,
        forked_at=told.forked_at,
        is_erased=told.is_erased,
    )
