"""What a client and a server say to each other about sessions: rows, stored entries, appends.

Stored entries go as the bytes that the journal keeps, checksum included. What is appended goes as
exact JSON: a server makes its own bytes of it and trusts nobody else's.

    parcel = size of the note u32 | note (JSON) | size of the bits u32 | bits | (size u32 | entry)*

Integers are big-endian.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from novacore.journal import errors, exact_json
from novacore.journal import frame as frames
from novacore.journal.errors import Corrupt, EntryRefused
from novacore.journal.model import ANY, NewEntry, Problem
from novacore.journal.store import Draft, SessionRow
from novacore.journal.transcript import BodyDecoder
from novacore.kit import ErrorKind, NovaError, parse_id

FORMAT = 1
"""The version of what is said; a server that says another number is not understood."""
PARCEL_BYTES = 1024 * 1024
"""A parcel holds entries up to about this size, and at least one where there is one."""
_SIZE = struct.Struct(">I")
_Note = TypeVar("_Note")


class Row(msgspec.Struct, kw_only=True, frozen=True):
    """A session as it goes over the wire."""

    id: str
    name: str
    workspace: str
    created_at_us: int
    updated_at_us: int
    entries: int = 0
    messages: int = 0
    parent_id: str | None = None
    forked_at: int = 0
    is_erased: bool = False
    is_foreign: bool = False
    """True: the id is in use, by somebody else; the rest says nothing."""


class Line(msgspec.Struct, kw_only=True, frozen=True):
    """A stretch of a session's entries that were appended to one session."""

    session_id: str
    base: int
    """The position of the first."""
    count: int


class Opened(msgspec.Struct, kw_only=True, frozen=True):
    """What a session holds: the note of the parcel that opens it.

    Its bits say which entries from `after` on are messages; its entries are the newest ones.
    """

    journal: str
    epoch: str
    generation: int
    position: int
    after: int
    """What is before this position the client knows; 0 where what it knows is void."""
    first: int
    """The position of the parcel's first entry."""
    lines: tuple[Line, ...] = ()
    damaged: tuple[int, ...] = ()
    """Positions from `after` on."""


class Page(msgspec.Struct, kw_only=True, frozen=True):
    """The note of a parcel of entries."""

    first: int = 0
    has_more: bool = False


class Written(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """An entry to be appended."""

    id: str
    body: str
    """The JSON object, as text."""
    mark: str = ""
    """See `exact_json`."""
    kind: str = "message"
    actor: str = ""
    version: int = 1
    said_at_us: int | None = None
    erased_digest: str | None = None
    """Hexadecimal."""


class Append(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One append: all of it, or nothing."""

    session_id: str
    entries: tuple[Written, ...]
    expected: int = ANY


class Told(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """An error as it goes over the wire."""

    type: str
    kind: str
    message: str
    hint: str = ""
    facts: dict[str, Any] = {}


class Outcome(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What became of one append."""

    positions: tuple[int, ...] = ()
    sequences: tuple[int, ...] = ()
    is_retry: bool = False
    error: Told | None = None


def row_of(row: SessionRow) -> Row:
    """A session's row for the wire; whose it is stays out of it."""
    return Row(
        id=frames.session_text(row.id),
        name=row.name,
        workspace=row.workspace,
        created_at_us=row.created_at_us,
        updated_at_us=row.updated_at_us,
        entries=row.entries,
        messages=row.messages,
        parent_id=None if row.parent is None else frames.session_text(row.parent),
        forked_at=row.forked_at,
        is_erased=row.is_erased,
    )


def row_from(row: Row, *, scope: tuple[str, str]) -> SessionRow:
    """The row that came over the wire, as this owner's; raises `ValueError` where an id is none."""
    tenant, owner = scope
    return SessionRow(
        id=parse_id(row.id).bytes,
        tenant=tenant,
        owner=f"not {owner}" if row.is_foreign else owner,
        name=row.name,
        workspace=row.workspace,
        created_at_us=row.created_at_us,
        updated_at_us=row.updated_at_us,
        entries=row.entries,
        messages=row.messages,
        parent=None if row.parent_id is None else parse_id(row.parent_id).bytes,
        forked_at=row.forked_at,
        is_erased=row.is_erased,
    )


def written(draft: Draft) -> Written:
    """An entry as a client sends it."""
    blobs = dict(draft.blobs)
    text, mark = "{}", ""
    if not draft.is_erased:
        text, mark = exact_json.encode(BodyDecoder(blobs.__getitem__).one(draft.body).fields)
    return Written(
        id=frames.session_text(draft.id),
        body=text,
        mark=mark,
        kind=draft.kind.decode(),
        actor=draft.actor.decode(),
        version=draft.version,
        said_at_us=draft.said_at_us,
        erased_digest=draft.digest.hex() if draft.is_erased else None,
    )


def entry_from(each: Written) -> NewEntry:
    """The entry that a client sent.

    Raises:
        EntryRefused: its body is no JSON object, or its digest no hexadecimal number.
    """
    try:
        body: object = exact_json.decode(each.body, mark=each.mark)
        digest = None if each.erased_digest is None else bytes.fromhex(each.erased_digest)
    except ValueError as error:
        raise EntryRefused(f"An entry's body can't be read: {error}.", path="body") from error
    if not isinstance(body, dict):
        raise EntryRefused("An entry's body is no JSON object.", path="body")
    return NewEntry(
        body=cast("dict[str, Any]", body),
        kind=each.kind,
        actor=each.actor,
        said_at_us=each.said_at_us,
        id=each.id,
        version=each.version,
        erased_digest=digest,
    )


def pack(note: msgspec.Struct, stored: Iterable[bytes], *, bits: bytes = b"") -> bytes:
    """A parcel."""
    told = msgspec.json.encode(note)
    parts = [_SIZE.pack(len(told)), told, _SIZE.pack(len(bits)), bits]
    for raw in stored:
        parts += (_SIZE.pack(len(raw)), raw)
    return b"".join(parts)


def unpack(data: bytes, kind: type[_Note]) -> tuple[_Note, bytes, list[bytes]]:
    """(note, bits, entries) of a parcel.

    Raises:
        Corrupt: it was cut short or changed on its way.
    """
    try:
        told, at = _piece(data, 0)
        note = msgspec.json.decode(told, type=kind)
        bits, at = _piece(data, at)
        stored: list[bytes] = []
        while at < len(data):
            raw, at = _piece(data, at)
            stored.append(raw)
    except (ValueError, struct.error, msgspec.DecodeError) as error:
        raise Corrupt("What the server sent was cut short, or is not of its kind.") from error
    return note, bits, stored


def _piece(data: bytes, at: int) -> tuple[bytes, int]:
    (size,) = _SIZE.unpack_from(data, at)
    end = at + _SIZE.size + size
    if end > len(data):
        raise ValueError("cut short")
    return data[at + _SIZE.size : end], end


def as_bits(numbers: Iterable[int], *, count: int) -> bytes:
    """A bit for each number from 0 to below `count`: whether it is among these."""
    bits = bytearray((count + 7) // 8)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return bytes(bits)


def from_bits(bits: bytes) -> list[int]:
    """The numbers whose bits are set, rising."""
    return [
        (at << 3) + bit
        for at, byte in enumerate(bits)
        if byte
        for bit in range(8)
        if byte >> bit & 1
    ]


def tell(error: NovaError) -> Told:
    """An error for the wire, with the facts that it carries."""
    facts = {
        name: _sayable(value) if isinstance(value, str) else value
        for name, value in vars(error).items()
        if _is_plain(value)
    }
    facts.pop("message", None)
    facts.pop("hint", None)
    return Told(
        type=type(error).__name__,
        kind=error.kind.value,
        message=_sayable(error.message),
        hint=_sayable(error.hint),
        facts=facts,
    )


def _sayable(text: str) -> str:
    """A text that may quote anything, without the lone surrogates that UTF-8 does not know."""
    return text.encode("utf-8", "replace").decode()


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def error_from(told: Told, *, known: Mapping[str, type[NovaError]] | None = None) -> NovaError:
    """The error that was told, of the class that it had; of one that is unknown here by its kind.

    Args:
        told: what came over the wire.
        known: classes by name, beside the journal's own.
    """
    found = (known or {}).get(told.type) or journal_errors().get(told.type)
    if found is None:
        found = _BY_KIND.get(told.kind, errors.JournalError)
    # Their constructors make the message of the facts; both are given here.
    made = found.__new__(found)
    NovaError.__init__(made, told.message, hint=told.hint)
    vars(made).update(told.facts)
    return made


_BY_KIND: dict[str, type[NovaError]] = {
    ErrorKind.UNAVAILABLE.value: errors.StorageFailed,
    ErrorKind.CORRUPT.value: Corrupt,
}


def journal_errors() -> dict[str, type[NovaError]]:
    """The journal's error classes by name."""
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.JournalError)
    }


def problem_json(problems: Sequence[Problem]) -> list[dict[str, object]]:
    """Problems that verify found, for the wire."""
    return [
        {"what": each.what, "session_id": each.session_id, "position": each.position}
        for each in problems
    ]
