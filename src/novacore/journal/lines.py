"""The JSON Lines form of sessions, as `nova export` writes it.

Per session a header line, a line per entry, a footer line. Every line but the footer ends with a
checksum of what stands before it, so that a changed byte is found with its line. The footer holds
counts and a digest of what the entries say, so that a cut file is noticed. Sessions of one file
follow one another and count themselves: part 1 of 3, 2 of 3, 3 of 3; parents before their forks.

    {"type":"session","format":"novacore-journal","version":1,"part":1,"parts":1,"session_id":…,
     "name":…,"workspace":…,"created_at_us":…,"parent_id":…,"forked_at":…,"first":0,"sum":…}
    {"type":"entry","position":0,"id":…,"kind":"message","version":1,"said_at_us":…,"actor":"",
     "body":{…},"sequence":…,"recorded_at_us":…,"sum":…}
    {"type":"end","entries":1,"messages":1,"digest":"sha256:…"}

An erased entry has "erased" (the digest of what it said) in place of its body. A body that needs
one has a "mark" (see `exact_json`). A fork whose parent is in the file holds only what is its own:
"first" is the position of its first line.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any, TypeVar, cast

import msgspec
import xxhash

from novacore.journal import exact_json
from novacore.journal.model import MESSAGE, Entry, NewEntry, SessionInfo
from novacore.journal.transcript import Transcript

FORMAT = "novacore-journal"
VERSION = 1
START = b'{"type":"session","format":"novacore-journal",'
"""How a file of this form begins."""
_SUM = re.compile(rb',"sum":"([0-9a-f]{16})"\}\s*\Z')


class Header(msgspec.Struct, kw_only=True, frozen=True):
    """The first line of a session."""

    session_id: str
    name: str
    workspace: str
    created_at_us: int
    parent_id: str | None
    forked_at: int | None
    first: int
    part: int
    parts: int
    version: int


class Footer(msgspec.Struct, kw_only=True, frozen=True):
    """The last line of a session."""

    entries: int
    messages: int
    digest: str


class _EntryLine(msgspec.Struct, kw_only=True, frozen=True):
    position: int
    id: str
    kind: str
    version: int
    said_at_us: int
    actor: str
    body: Any = None
    mark: str = ""
    erased: str | None = None


class Digest:
    """What entries say, as one SHA-256: free of salts, times of recording and sequences.

    Equal digests mean equal ids, kinds, versions, times said, actors and bodies at equal positions.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, entry: Entry | NewEntry, *, position: int) -> str:
        """Take in one entry; returns the part of its line that was hashed."""
        content = _content(entry, position)
        self._hash.update(content.encode() + b"\n")
        return content

    @property
    def text(self) -> str:
        """The digest of all that was added."""
        return f"sha256:{self._hash.hexdigest()}"


def _content(entry: Entry | NewEntry, position: int) -> str:
    if isinstance(entry, NewEntry):
        erased = entry.erased_digest
    else:
        erased = entry.digest if entry.is_erased else None
    fields: dict[str, Any] = {
        "type": "entry", "position": position, "id": entry.id, "kind": entry.kind,
        "version": entry.version, "said_at_us": entry.said_at_us, "actor": entry.actor,
    }  # fmt: skip
    if erased is None:
        fields["body"] = dict(entry.body)
    else:
        fields["erased"] = erased.hex()
    text, mark = exact_json.encode(fields)
    return f'{text[:-1]},"mark":"{mark}"' if mark else text[:-1]


def transcript_digest(transcript: Transcript, *, first: int = 0) -> str:
    """A digest of what a transcript's entries say, the same in every store that holds them.

    Ids, kinds, versions, times said, actors, bodies and order count; salts, sequences and times of
    recording don't. An erased entry counts with the digest of what it said.

    Args:
        transcript: the entries.
        first: the position to begin at.

    Raises:
        Corrupt: an entry is damaged.
    """
    return digest_of(transcript, range(first, transcript.position))


def digest_of(transcript: Transcript, positions: Iterable[int]) -> str:
    """The digest of some of a transcript's entries."""
    digest = Digest()
    entries = transcript.entries
    for position in positions:
        digest.add(entries[position], position=position)
    return digest.text


def header_line(info: SessionInfo, *, first: int, part: int, parts: int) -> bytes:
    """The first line of a session."""
    return _summed(
        exact_json.encode(
            {
                "type": "session", "format": FORMAT, "version": VERSION, "part": part,
                "parts": parts, "session_id": info.id, "name": info.name,
                "workspace": info.workspace, "created_at_us": info.created_at_us,
                "parent_id": info.parent_id, "forked_at": info.forked_at, "first": first,
            }
        )[0][:-1]
    )  # fmt: skip


def entry_line(entry: Entry, *, digest: Digest) -> bytes:
    """The line of one entry; `digest` takes it in."""
    content = digest.add(entry, position=entry.position)
    return _summed(f'{content},"sequence":{entry.sequence},"recorded_at_us":{entry.recorded_at_us}')


def footer_line(*, entries: int, messages: int, digest: Digest) -> bytes:
    """The last line of a session."""
    text, _ = exact_json.encode(
        {"type": "end", "entries": entries, "messages": messages, "digest": digest.text}
    )
    return text.encode() + b"\n"


def _summed(content: str) -> bytes:
    raw = content.encode()
    return b'%s,"sum":"%016x"}\n' % (raw, xxhash.xxh3_64_intdigest(raw))


def read_line(raw: bytes) -> Header | Footer | tuple[int, NewEntry]:
    """What one line says: a header, a footer, or an entry with its position.

    Raises:
        ValueError: it is none of these, or was changed; says why.
    """
    if not raw.endswith(b"\n"):
        raise ValueError("it is cut short")
    value: object = exact_json.decode(raw)
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    kind = fields.get("type")
    if kind == "end":
        return _converted(fields, Footer)
    if kind not in ("session", "entry"):
        raise ValueError("it is no line of an export")
    found = _SUM.search(raw)
    if found is None or xxhash.xxh3_64_intdigest(raw[: found.start()]) != int(found[1], 16):
        raise ValueError("its checksum does not match: it was changed or damaged")
    if kind == "session":
        header = _converted(fields, Header)
        if fields.get("format") != FORMAT or header.version > VERSION:
            raise ValueError("it was written by a newer NovaCore")
        return header
    return _entry(fields)


def _entry(fields: dict[str, Any]) -> tuple[int, NewEntry]:
    line = _converted(fields, _EntryLine)
    body: object = line.body
    if line.mark:
        body = exact_json.decode(exact_json.encode(body)[0], mark=line.mark)
    if line.erased is None and not isinstance(body, dict):
        raise ValueError("its body is no object")
    entry = NewEntry(
        body=cast("dict[str, Any]", body) if line.erased is None else {},
        kind=line.kind,
        actor=line.actor,
        said_at_us=line.said_at_us,
        id=line.id,
        version=line.version,
        erased_digest=None if line.erased is None else bytes.fromhex(line.erased),
    )
    return line.position, entry


_Line = TypeVar("_Line", Header, Footer, _EntryLine)


def _converted(fields: object, kind: type[_Line]) -> _Line:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"it is not as an export writes it: {error}") from error


def is_message(entry: NewEntry) -> bool:
    """True for an entry that counts as one of the conversation's messages."""
    return entry.kind == MESSAGE and entry.erased_digest is None
