"""Frames on their way through PostgreSQL: what only the server can say is filled in by the server.

A draft goes there as a frame with zeros for sequence, position, times and chain, and, where a frame
has its checksum, the xxh3 of all that the client did know. The server fills in the rest, the chain
too; it has SHA-256 and no xxh3. Whoever reads the row checks the client's part by that checksum and
the server's by the chain hash, and so has the frame that every other engine stores, with its
checksum. Sealing stores exactly that.
"""

import hashlib

import xxhash

from novacore.journal import frame as frames
from novacore.journal.store import Draft

_PLACES = slice(32, 64)
"""Sequence, position, said_at and recorded_at."""
_CHAIN = slice(128, 160)
_hash = xxhash.xxh3_64_intdigest
_sha256 = hashlib.sha256


def open_frame(session: bytes, draft: Draft) -> bytes:
    """A draft as it is sent to the server."""
    flags = frames.IS_ERASED if draft.is_erased else frames.IS_MESSAGE * (draft.kind == b"message")
    head = frames.HEAD.pack(
        0, session, frames.FORMAT, flags, draft.version, 0, 0, 0, 0, 0, draft.id, draft.salt,
        draft.digest, bytes(32), len(draft.kind), len(draft.actor), len(draft.body),
    )[8:]  # fmt: skip
    rest = b"".join((head, draft.kind, draft.actor, draft.body))
    return _hash(rest).to_bytes(8, "little") + rest


def completed(raw: bytes, before: bytes) -> bytes:
    """The frame that a row holds; what is damaged comes back as it is, and no checksum fits it.

    Args:
        raw: the row's frame; a tombstone is complete already.
        before: the chain hash of the entry before.
    """
    if len(raw) < frames.HEAD_SIZE:
        return raw
    sent = b"".join((raw[8:32], bytes(32), raw[64:128], bytes(32), raw[160:]))
    if _hash(sent).to_bytes(8, "little") != raw[:8]:
        return raw
    chained = (
        before, raw[24:25], raw[26:32], raw[_PLACES], raw[64:80], raw[96:128], raw[8:24],
        raw[160:164],
    )  # fmt: skip
    if _sha256(b"".join(chained)).digest() != raw[_CHAIN]:
        # A frame whose checksum fits no entry: readers find it damaged.
        return bytes(8) + raw[8:]
    rest = raw[8:]
    return _hash(rest).to_bytes(8, "little") + rest
