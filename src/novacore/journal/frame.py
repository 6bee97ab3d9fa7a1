"""One entry as bytes: a frame, its checksum, its digest and its place in the chain.

    frame = checksum u64 | head (fixed) | kind | actor | body
    checksum = xxh3-64 of all that follows it
    digest   = SHA-256(salt | version | kind | actor | body): survives the erasing of salt and body
    chain    = SHA-256(chain before | header, digest included, checksum, salt and body not)

Integers are little-endian. A frame says its own format and encryption key id (0: none).
"""

import hashlib
import struct
from typing import NamedTuple

import xxhash

from novacore.journal.errors import Corrupt
from novacore.journal.model import MESSAGE

FORMAT = 1
IS_MESSAGE, IS_ERASED = 1, 2
ERASED_BODY = b"\x91\x80"
"""An empty object: what an erased entry's body decodes to."""
NO_SALT = bytes(16)
ROOT_CHAIN = bytes(32)

# checksum, session, format, flags, version, key id, sequence, position, said_at, recorded_at, id,
# salt, digest, chain, kind bytes, actor bytes, body bytes
HEAD = struct.Struct("<Q16sBBHIqqqq16s16s32s32sHHI")
FLAGS_AT = 25
HEAD_SIZE = HEAD.size
_POSITION_AT = 40
_CHAINED = struct.Struct("<BHIqqqq16s32s16sHH")

_hash = xxhash.xxh3_64_intdigest
_sha256 = hashlib.sha256


class Frame(NamedTuple):
    """The fields of a frame, in the order of the head."""

    checksum: int
    session: bytes
    format: int
    flags: int
    version: int
    key_id: int
    sequence: int
    position: int
    said_at_us: int
    recorded_at_us: int
    id: bytes
    salt: bytes
    digest: bytes
    chain: bytes
    kind: str
    actor: str
    body: bytes

    @property
    def is_erased(self) -> bool:
        """True: body and salt were destroyed."""
        return bool(self.flags & IS_ERASED)


def content_digest(*, salt: bytes, version: int, kind: bytes, actor: bytes, body: bytes) -> bytes:
    """The salted digest of what an entry says. Field lengths keep the parts apart."""
    lengths = b"%d,%d,%d;" % (version, len(kind), len(actor))
    return _sha256(b"".join((salt, lengths, kind, actor, body))).digest()


def chain_hash(before: bytes, frame_fields: tuple[object, ...]) -> bytes:
    """The chain hash of an entry after one whose chain hash is `before`.

    `frame_fields` are format, version, key id, sequence, position, said_at, recorded_at, id,
    digest, session, and the sizes of kind and actor (both are covered by the digest).
    """
    return _sha256(before + _CHAINED.pack(*frame_fields)).digest()


def build(
    *,
    before: bytes,
    sequence: int,
    position: int,
    said_at_us: int,
    recorded_at_us: int,
    entry_id: bytes,
    session: bytes,
    salt: bytes,
    digest: bytes,
    version: int,
    kind: bytes,
    actor: bytes,
    body: bytes,
    is_erased: bool = False,
    key_id: int = 0,
) -> tuple[bytes, bytes]:
    """(frame, chain hash) of a new entry that follows the entry with chain hash `before`."""
    flags = IS_ERASED if is_erased else IS_MESSAGE * (kind == b"message")
    kind_size, actor_size = len(kind), len(actor)
    chain = _sha256(
        before
        + _CHAINED.pack(
            FORMAT, version, key_id, sequence, position, said_at_us, recorded_at_us,
            entry_id, digest, session, kind_size, actor_size,
        )
    ).digest()  # fmt: skip
    head = HEAD.pack(
        0, session, FORMAT, flags, version, key_id, sequence, position, said_at_us,
        recorded_at_us, entry_id, salt, digest, chain, kind_size, actor_size, len(body),
    )[8:]  # fmt: skip
    rest = b"".join((head, kind, actor, body))
    return _hash(rest).to_bytes(8, "little") + rest, chain


def parse(frame: bytes | memoryview) -> Frame:
    """The fields of a whole frame.

    Raises:
        Corrupt: it is too short for its own lengths, or its checksum does not match.
    """
    if not is_intact(frame):
        raise Corrupt("A stored entry's checksum does not match its bytes.")
    return parse_unchecked(frame)


def raw(frame: Frame) -> bytes:
    """The bytes that `parse` read it from."""
    kind, actor = frame.kind.encode(), frame.actor.encode()
    head = HEAD.pack(*frame[:14], len(kind), len(actor), len(frame.body))
    return b"".join((head, kind, actor, frame.body))


def parse_unchecked(frame: bytes | memoryview) -> Frame:
    """The fields of a whole frame whose checksum is known to be good, or of no interest."""
    head, kind, actor, at = split_head(frame)
    if at + head[16] != len(frame):
        raise Corrupt("A stored entry's length does not match its frame.")
    return Frame._make((*head[:14], kind, actor, bytes(frame[at:])))


def split_head(data: bytes | memoryview, at: int = 0) -> tuple[tuple[int, ...], str, str, int]:
    """(head fields, kind, actor, where these end) of a frame or a segment's head at `at`."""
    if at + HEAD_SIZE > len(data):
        raise Corrupt("A stored entry is cut short.")
    head = HEAD.unpack_from(data, at)
    kind_at = at + HEAD_SIZE
    actor_at = kind_at + head[14]
    end = actor_at + head[15]
    if end > len(data):
        raise Corrupt("A stored entry is cut short.")
    try:
        kind, actor = str(data[kind_at:actor_at], "utf-8"), str(data[actor_at:end], "utf-8")
    except UnicodeDecodeError as error:
        raise Corrupt("A stored entry's kind or actor is not text.") from error
    return head, kind, actor, end


def head_size(data: bytes | memoryview, at: int = 0) -> int:
    """The bytes of head, kind and actor of the frame that begins at `at`."""
    kind_size, actor_size = struct.unpack_from("<HH", data, at + HEAD_SIZE - 8)
    return HEAD_SIZE + kind_size + actor_size


def is_entry(frame: bytes, *, session: bytes, position: int) -> bool:
    """True when it is intact and the entry of that place, not another one that came there."""
    return (
        is_intact(frame)
        and frame[8:24] == session
        and int.from_bytes(frame[_POSITION_AT : _POSITION_AT + 8], "little") == position
    )


def is_intact(frame: bytes | memoryview) -> bool:
    """True when the checksum matches the bytes."""
    if len(frame) < HEAD_SIZE:
        return False
    return _hash(memoryview(frame)[8:]) == int.from_bytes(frame[:8], "little")


def chained_fields(frame: Frame) -> tuple[object, ...]:
    """The fields of a stored frame that its chain hash covers."""
    return (
        frame.format, frame.version, frame.key_id, frame.sequence, frame.position,
        frame.said_at_us, frame.recorded_at_us, frame.id, frame.digest, frame.session,
        len(frame.kind.encode()), len(frame.actor.encode()),
    )  # fmt: skip


def find_fault(frame: Frame, *, before: bytes) -> str | None:
    """What is wrong with a frame that follows chain hash `before`; None: nothing."""
    if chain_hash(before, chained_fields(frame)) != frame.chain:
        return "its chain hash does not follow from the entry before"
    return find_content_fault(frame)


def find_content_fault(frame: Frame) -> str | None:
    """What is wrong with a frame's content by itself; None: nothing, or it was erased."""
    if frame.is_erased:
        return None
    expected = content_digest(
        salt=frame.salt,
        version=frame.version,
        kind=frame.kind.encode(),
        actor=frame.actor.encode(),
        body=frame.body,
    )
    return None if expected == frame.digest else "its digest does not match its content"


def erased(frame: Frame) -> bytes:
    """The tombstone of a frame: same header, digest and chain; body and salt gone."""
    kind, actor = frame.kind.encode(), frame.actor.encode()
    head = HEAD.pack(
        0, frame.session, frame.format, IS_ERASED, frame.version, frame.key_id, frame.sequence,
        frame.position, frame.said_at_us, frame.recorded_at_us, frame.id, NO_SALT, frame.digest,
        frame.chain, len(kind), len(actor), len(ERASED_BODY),
    )[8:]  # fmt: skip
    rest = b"".join((head, kind, actor, ERASED_BODY))
    return _hash(rest).to_bytes(8, "little") + rest


def is_message(frame: Frame) -> bool:
    """True for an entry that counts as one of the conversation's messages."""
    return frame.kind == MESSAGE and not frame.is_erased


def session_text(session: bytes) -> str:
    """A session's id as users see it."""
    text = session.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
