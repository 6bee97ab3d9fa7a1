"""Between a session's JSON file and what an engine keeps of it: its row and its frames."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from novacore.journal import frame as frames
from novacore.journal import json_file
from novacore.journal.config import Config
from novacore.journal.frame import Frame
from novacore.journal.json_file import Facts, StoredEntry
from novacore.journal.model import MESSAGE
from novacore.journal.store import SessionRow
from novacore.journal.value import encode_body
from novacore.kit import parse_id


class Built(NamedTuple):
    """One entry of a file as an engine keeps it."""

    sequence: int
    id: bytes
    frame: bytes
    blobs: tuple[tuple[bytes, bytes], ...]
    """(digest, content) of the texts that its body names."""


def frames_of(
    row: SessionRow,
    entries: Sequence[StoredEntry],
    bodies: Sequence[Mapping[str, Any]],
    *,
    chain: bytes,
    config: Config,
) -> list[Built]:
    """The frames of a session's own entries, which follow the chain hash `chain`.

    Raises:
        ValueError: an entry's fields are not what they should be.
        EntryRefused: a body is over the limits of `config`.
    """
    built: list[Built] = []
    for entry, fields in zip(entries, bodies, strict=True):
        one, chain = _build(row, entry, fields, chain, config)
        built.append(one)
    return built


def _build(
    row: SessionRow, entry: StoredEntry, fields: Mapping[str, Any], chain: bytes, config: Config
) -> tuple[Built, bytes]:
    body = encode_body(fields, config=config, digest=_sha256)
    kind, actor = entry.kind.encode(), entry.actor.encode()
    salt, digest, data = frames.NO_SALT, b"", frames.ERASED_BODY
    if entry.erased is not None:
        digest = bytes.fromhex(entry.erased)
    else:
        salt, data = bytes.fromhex(entry.salt), body.data
        digest = frames.content_digest(
            salt=salt, version=entry.version, kind=kind, actor=actor, body=data
        )
    if len(salt) != len(frames.NO_SALT) or len(digest) != len(frames.ROOT_CHAIN):
        raise ValueError(f"the salt or digest of its entry {entry.position} has a wrong length")
    entry_id = parse_id(entry.id).bytes
    raw, chain = frames.build(
        before=chain, sequence=entry.sequence, position=entry.position,
        said_at_us=entry.said_at_us, recorded_at_us=entry.recorded_at_us, entry_id=entry_id,
        session=row.id, salt=salt, digest=digest, version=entry.version, kind=kind, actor=actor,
        body=data, is_erased=entry.erased is not None,
    )  # fmt: skip
    return Built(entry.sequence, entry_id, raw, body.blobs), chain


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def facts_of(row: SessionRow) -> Facts:
    """What a file says of a session, its entries apart."""
    return Facts(
        format=json_file.FORMAT, session_id=frames.session_text(row.id), tenant=row.tenant,
        owner=row.owner, name=row.name, workspace=row.workspace, created_at_us=row.created_at_us,
        updated_at_us=row.updated_at_us,
        parent_id=frames.session_text(row.parent) if row.parent else None,
        forked_at=row.forked_at, is_erased=row.is_erased, entries=[],
    )  # fmt: skip


def row_of(facts: Facts, session: bytes, *, parent: bytes | None) -> SessionRow:
    """The row of a session that a file describes; `parent` is None where that is not there."""
    messages = sum(entry.kind == MESSAGE and entry.erased is None for entry in facts.entries)
    return SessionRow(
        id=session, tenant=facts.tenant, owner=facts.owner, name=facts.name,
        workspace=facts.workspace, created_at_us=facts.created_at_us,
        updated_at_us=facts.updated_at_us, entries=len(facts.entries), messages=messages,
        parent=parent, forked_at=facts.forked_at if parent else 0, is_erased=facts.is_erased,
    )  # fmt: skip


def entry_of(frame: Frame) -> StoredEntry:
    """A frame as a file describes it, its body apart."""
    return StoredEntry(
        position=frame.position, sequence=frame.sequence, id=frames.session_text(frame.id),
        kind=frame.kind, actor=frame.actor, version=frame.version, said_at_us=frame.said_at_us,
        recorded_at_us=frame.recorded_at_us, salt=frame.salt.hex(),
        erased=frame.digest.hex() if frame.is_erased else None,
    )  # fmt: skip
