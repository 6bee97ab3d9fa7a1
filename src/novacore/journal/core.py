"""What the stores of all owners on one engine share: open transcripts, decoders, entry drafts."""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence

from novacore.journal import frame as frames
from novacore.journal.config import Config
from novacore.journal.errors import (
    Corrupt,
    EntryErased,
    EntryRefused,
    JournalError,
    SessionUnknown,
)
from novacore.journal.model import NewEntry
from novacore.journal.store import Draft, Engine, Snapshot
from novacore.journal.transcript import BodyDecoder, Transcript
from novacore.journal.value import encode_body
from novacore.journal.writer import Writer
from novacore.kit import Clock, new_id, parse_id

KIND_BYTES_MAX = 64
ACTOR_BYTES_MAX = 1_024
NAME_BYTES_MAX = 1_024
_TIME_MAX = 2**63 - 1
_DECODERS_MAX = 1_000


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Core:
    """What the stores of all owners on one engine share."""

    def __init__(self, engine: Engine, *, config: Config, clock: Clock) -> None:
        self.engine = engine
        self.config = config
        self.clock = clock
        self.writer = Writer(engine, config)
        self._opened: OrderedDict[bytes, tuple[object, Snapshot, Transcript]] = OrderedDict()
        self._decoders: dict[tuple[tuple[str, str], ...], BodyDecoder] = {}
        self._lock = threading.Lock()

    def open(self, session: bytes) -> Transcript:
        """The session's transcript; one that nobody added to since is given again."""
        mark = self.engine.mark()
        with self._lock:
            kept = self._opened.get(session)
        if kept is not None and kept[0] == mark:
            return kept[2]
        snapshot = self.engine.load(session, known=kept[1] if kept else None)
        if snapshot.is_erased:
            raise SessionUnknown(frames.session_text(session))
        if kept is not None and snapshot is kept[1]:
            transcript = kept[2]
        else:
            transcript = self.transcript(session, snapshot)
        with self._lock:
            self._opened[session] = (mark, snapshot, transcript)
            self._opened.move_to_end(session)
            while len(self._opened) > self.config.open_transcripts_max:
                self._opened.popitem(last=False)
        return transcript

    def transcript(self, session: bytes, snapshot: Snapshot) -> Transcript:
        """A snapshot as a transcript."""
        scopes = snapshot.scopes
        return Transcript(
            frames.session_text(session),
            snapshot.parts,
            decoder=self.decoder(scopes),
            generation=snapshot.generation,
        )

    def decoder(self, scopes: tuple[tuple[str, str], ...]) -> BodyDecoder:
        """The decoder for entries of these owners; making one costs more than opening a session."""
        known = self._decoders.get(scopes)
        if known is None:
            if len(self._decoders) >= _DECODERS_MAX:
                self._decoders.clear()
            known = self._decoders[scopes] = BodyDecoder(
                lambda digest: self.read_blob(scopes, digest)
            )
        return known

    def read_blob(self, scopes: Sequence[tuple[str, str]], digest: bytes) -> bytes:
        """A blob that an entry of one of these owners names."""
        missing: JournalError = EntryErased()
        for scope in dict.fromkeys(reversed(scopes)):
            try:
                return self.engine.read_blob(scope, digest)
            except (Corrupt, EntryErased) as error:
                if isinstance(missing, EntryErased):
                    missing = error
        raise missing

    def check(self, entry: NewEntry) -> None:
        """Raise `EntryRefused` where `draft` would."""
        kind, actor = _checked(entry)
        if entry.erased_digest is not None:
            self._tombstone(entry, kind, actor)
        else:
            _entry_id(entry.id, self.clock)
            encode_body(entry.body, config=self.config, digest=_sha256)

    def draft(self, entry: NewEntry) -> Draft:
        """An entry encoded, checked and salted, ready for the writer."""
        kind, actor = _checked(entry)
        if entry.erased_digest is not None:
            return self._tombstone(entry, kind, actor)
        body = encode_body(entry.body, config=self.config, digest=_sha256)
        salt = os.urandom(16)
        return Draft(
            id=_entry_id(entry.id, self.clock),
            is_fresh=entry.id is None,
            kind=kind,
            actor=actor,
            version=entry.version,
            said_at_us=entry.said_at_us,
            salt=salt,
            digest=frames.content_digest(
                salt=salt, version=entry.version, kind=kind, actor=actor, body=body.data
            ),
            body=body.data,
            blobs=body.blobs,
        )

    def _tombstone(self, entry: NewEntry, kind: bytes, actor: bytes) -> Draft:
        """An entry that was erased elsewhere: everything but its body and salt."""
        digest = entry.erased_digest or b""
        if len(digest) != len(frames.ROOT_CHAIN):
            raise EntryRefused(
                f"An erased entry's digest has {len(digest)} bytes; expected 32.",
                path="erased_digest",
            )
        return Draft(
            id=_entry_id(entry.id, self.clock),
            is_fresh=entry.id is None,
            kind=kind,
            actor=actor,
            version=entry.version,
            said_at_us=entry.said_at_us,
            salt=frames.NO_SALT,
            digest=digest,
            body=frames.ERASED_BODY,
            blobs=(),
            is_erased=True,
        )

    def close(self) -> None:
        """Wait for what is queued, then release everything."""
        self.writer.close()
        self.engine.close()
        with self._lock:
            self._opened.clear()


def _checked(entry: NewEntry) -> tuple[bytes, bytes]:
    """(kind, actor) of an entry whose facts, its body apart, are within the limits."""
    kind = limited_text("kind", entry.kind, KIND_BYTES_MAX)
    if not kind:
        raise EntryRefused("An entry's kind is empty.", path="kind")
    actor = limited_text("actor", entry.actor, ACTOR_BYTES_MAX)
    _check_number("version", entry.version, 0xFFFF)
    if entry.said_at_us is not None:
        _check_number("said_at_us", entry.said_at_us, _TIME_MAX)
    return kind, actor


def _check_number(name: str, value: object, maximum: int) -> None:
    """Refuse, here, what would fail the whole group of appends later."""
    if type(value) is not int or not 0 <= value <= maximum:
        raise EntryRefused(
            f"An entry's {name} is {value!r}; expected a whole number from 0 to {maximum}.",
            path=name,
        )


def limited_text(name: str, text: object, size_max: int) -> bytes:
    if not isinstance(text, str):
        raise EntryRefused(f"The {name} is a {type(text).__name__}; expected a text.", path=name)
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise EntryRefused(f"The {name} holds a lone surrogate.", path=name) from error
    if len(raw) > size_max:
        raise EntryRefused(f"The {name} has {len(raw)} bytes; at most {size_max}.", path=name)
    return raw


def _entry_id(text: str | None, clock: Clock) -> bytes:
    if text is None:
        return new_id(clock).bytes
    try:
        return parse_id(text).bytes
    except (ValueError, AttributeError) as error:
        raise EntryRefused(
            f"An entry's id is {text!r}; expected a UUID as text.", path="id"
        ) from error
