"""Verifying: every checksum, digest, chain hash and blob of a session, recomputed."""

from collections.abc import Iterator, Sequence

from novacore.journal import frame as frames
from novacore.journal.core import Core
from novacore.journal.errors import Corrupt, EntryErased, SessionUnknown
from novacore.journal.model import Problem, VerifyReport
from novacore.journal.store import SessionRow, Snapshot
from novacore.journal.transcript import Part
from novacore.journal.value import blob_digests, may_name_blobs


class Verification:
    """One run over some sessions; collects what it looked at and what it found."""

    def __init__(self, core: Core, *, known: Sequence[Problem] = ()) -> None:
        self._core = core
        self._problems = list(known)
        self._entries = 0
        self._sessions = 0
        self._blobs: dict[tuple[tuple[tuple[str, str], ...], bytes], str] = {}

    def add(self, row: SessionRow) -> None:
        """Recompute all that one session holds, the entries shared with its parents included."""
        self._sessions += 1
        session = frames.session_text(row.id)
        try:
            loaded = self._core.engine.load(row.id)
        except Corrupt as error:
            problem = Problem(what=error.message, session_id=session, position=error.position)
            self._problems.append(problem)
            return
        except SessionUnknown:
            what = f"Session {session} is not listed by its id, or one that it was forked from."
            self._problems.append(Problem(what=what, session_id=session))
            return
        for position, fault in self._faults(loaded):
            what = f"Entry {position} of session {session}: {fault}."
            self._problems.append(Problem(what=what, session_id=session, position=position))

    def report(self) -> VerifyReport:
        """What was looked at and found, each problem once."""
        return VerifyReport(
            sessions=self._sessions,
            entries=self._entries,
            blobs=len(self._blobs),
            problems=list(dict.fromkeys(self._problems)),
        )

    def _faults(self, loaded: Snapshot) -> Iterator[tuple[int, str]]:
        before: bytes | None = frames.ROOT_CHAIN
        for part in loaded.parts:
            for index in range(part.take):
                position = part.run.base + index
                self._entries += 1
                fault, before = _fault(part, index, before)
                if fault:
                    yield position, fault
                if before is not None:
                    for blob_fault in self._blob_faults(loaded, part, index):
                        yield position, blob_fault

    def _blob_faults(self, loaded: Snapshot, part: Part, index: int) -> Iterator[str]:
        body = part.run.body_of(index)
        if not may_name_blobs(body):
            return
        for digest in blob_digests(bytes(body)):
            key = (loaded.scopes, digest)
            if key not in self._blobs:
                self._blobs[key] = self._blob_fault(*key)
            if self._blobs[key]:
                yield self._blobs[key]

    def _blob_fault(self, scopes: tuple[tuple[str, str], ...], digest: bytes) -> str:
        try:
            self._core.read_blob(scopes, digest)
        except Corrupt as error:
            return error.message.rstrip(".")
        except EntryErased:
            return ""
        return ""


def _fault(part: Part, index: int, before: bytes | None) -> tuple[str | None, bytes | None]:
    """(what is wrong with an entry, the chain hash that the next one must follow)."""
    if index in part.run.damaged:
        return "its bytes are missing or not what was written", None
    stored = part.run.frame(index)
    if before is None:
        return frames.find_content_fault(stored), stored.chain
    return frames.find_fault(stored, before=before), stored.chain
