"""Keeps one owner's index at the head of the journal: reads on, forgets what was erased, publishes.

What is in memory is always as new as the last catch-up; what is published may be older, and serves
the next process as its start. One process at a time publishes, whoever gets the lock.
"""

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from novacore import journal, kit, llm
from novacore.memory.recall import files
from novacore.memory.recall.config import RecallConfig
from novacore.memory.recall.documents import Document, read_document, read_spoken
from novacore.memory.recall.errors import IndexCorrupt
from novacore.memory.recall.files import Position
from novacore.memory.recall.index import Index
from novacore.memory.recall.segment import Ints
from novacore.memory.recall.vectors import Vectors

_READ = 1_000
_OPENINGS = 2
_WITHOUT_VECTORS = "Without vectors"
_EMBEDDED = 64
"""Texts that a slow embedder gets at once: between two batches the deadline is looked at."""
_WOVEN_PER_NEW = 2
"""So many old vectors at most go into the graph with each new entry: no entry waits for many."""
_LOCK = "recall"
_LOOK_S = 0.01


class Follower:
    """The index of one owner, and where in the journal it is. Not safe between threads.

    Args:
        store: the owner's journal.
        folder: where the index is published; None: nowhere.
        embedder: makes the vectors; None: there are none.
        config: its limits.
        clock: for deadlines.
    """

    def __init__(
        self,
        store: journal.JournalStore,
        *,
        folder: Path | None,
        embedder: llm.Embedder | None,
        config: RecallConfig,
        clock: kit.Clock,
    ) -> None:
        self._store = store
        self._feed = store.feed()
        self._folder = files.folder_of(folder, store.scope) if folder else None
        self._publisher = files.Publisher(self._folder) if self._folder else None
        self._embedder = embedder
        self._config = config
        self._clock = clock
        self._mark: object = None
        self._workspaces: dict[str, str] = {}
        self._unpublished = 0
        self._must_publish = False
        self._rests_until_s = 0.0
        self.version = 0
        """Rises with every change of the index."""
        self.is_current = False
        self.problems: tuple[str, ...] = ()
        self.index = Index()
        self.vectors = self._new_vectors()
        self.position = Position(journal="", epoch="", sequence=0, erasures=0)
        self._open()

    def catch_up(self, deadline_ms: float, *, vectors_ms: float | None = None) -> bool:
        """Index what is new; returns whether the head was reached within the time.

        Args:
            deadline_ms: for all of it.
            vectors_ms: how much of it a slow embedder may take; None: all.
        """
        mark = self._feed.mark()
        has_more = self._must_publish or self._lacks_vectors()
        if mark == self._mark and self.is_current and not has_more:
            return True
        ends_s = self._clock.monotonic_s() + deadline_ms / 1_000
        state = self._feed.state()
        if (state.journal, state.epoch) != (self.position.journal, self.position.epoch):
            self._start_anew(state)
        erased = self._forget_erased(state)
        self.is_current = self._read_on(ends_s)
        if vectors_ms is not None:
            ends_s = min(ends_s, self._clock.monotonic_s() + vectors_ms / 1_000)
        self._embed_missing(ends_s)
        if self.is_current:
            self._mark = mark
        self._must_publish = self._must_publish or erased
        is_due = self._unpublished >= self._config.publish_entries
        # Where another process wrote just then, the erased words are still in its files.
        if erased or is_due or (self._must_publish and self.is_current):
            self.publish()
        return self.is_current

    def covers(self, state: journal.FeedState) -> bool:
        """Whether everything up to this state of the journal is indexed, and its vectors are."""
        ours = self.position
        return (
            (ours.journal, ours.epoch) == (state.journal, state.epoch)
            and ours.sequence >= state.sequence
            and ours.erasures >= state.erasures
            and not self._lacks_vectors()
        )

    def publish(self, *, wait_ms: float = 0) -> bool:
        """Write the index for other processes, where it is newer than what is there.

        Args:
            wait_ms: how long another process that writes just now is waited for.
        """
        if self._folder is None or self._publisher is None:
            return False
        if not (self._unpublished or self._must_publish):
            return False
        lock = self._locked(f"{_LOCK}-{self._folder.name}", wait_ms=wait_ms)
        if lock is None:
            return False
        with contextlib.closing(lock):
            there = files.read_listing(self._folder)
            if there and _has_forgotten_more(there.position, self.position):
                return False  # ours has words that were erased: first it must forget them, too
            if not self._must_publish and there and not _is_older(there.position, self.position):
                self._unpublished = 0
                return False
            self._publisher.publish(
                self.index,
                vectors=self.vectors,
                position=self.position,
                must_rewrite=self._must_publish,
            )
        self._unpublished, self._must_publish = 0, False
        return True

    def _locked(self, name: str, *, wait_ms: float) -> journal.Lock | None:
        ends_s = self._clock.monotonic_s() + wait_ms / 1_000
        while (lock := self._feed.try_lock(name)) is None:
            if self._clock.monotonic_s() >= ends_s:
                return None
            time.sleep(_LOOK_S)
        return lock

    def workspace_of(self, session_id: str) -> str:
        """A session's workspace; empty where it is gone."""
        if session_id not in self._workspaces:
            owned = self._feed.find_session(session_id)
            self._workspaces[session_id] = owned.info.workspace if owned else ""
        return self._workspaces[session_id]

    def _open(self) -> None:
        """Start from what is published, if it is of this journal."""
        state = self._feed.state()
        for _ in range(_OPENINGS):
            listing = files.read_listing(self._folder) if self._folder else None
            if listing is None or self._folder is None or not _is_of(listing.position, state):
                self._start_anew(state)
                return
            try:
                self.index = files.load(self._folder, listing, vectors=self.vectors)
            except IndexCorrupt:
                # Another process may have published in between, and removed what we were reading.
                self.vectors = self._new_vectors()
                continue
            self.position = listing.position
            if self._publisher is not None:
                self._publisher.note_graph(listing)
            return
        self._start_anew(state)
        self._must_publish = True

    def _start_anew(self, state: journal.FeedState) -> None:
        self.index, self.vectors = Index(), self._new_vectors()
        self.position = Position(
            journal=state.journal, epoch=state.epoch, sequence=0, erasures=state.erasures
        )
        self.version += 1
        self._unpublished = 0

    def _new_vectors(self) -> Vectors | None:
        if self._embedder is None:
            return None
        return Vectors(self._embedder.identity, exact_max=self._config.exact_entries_max)

    def _read_on(self, ends_s: float) -> bool:
        while True:
            entries, after, is_end = self._next_entries()
            documents = [
                document
                for entry in entries
                if (
                    document := read_document(
                        entry,
                        workspace=self.workspace_of(entry.session_id),
                        chars_max=self._config.text_chars_max,
                    )
                )
            ]
            if documents:
                self._add(documents)
            self.position = dataclasses.replace(self.position, sequence=after)
            if is_end:
                return True
            if self._clock.monotonic_s() >= ends_s:
                return False

    def _next_entries(self) -> tuple[Sequence[journal.Entry], int, bool]:
        """The next entries, the sequence that they reach, and whether these are all."""
        after = self.position.sequence
        try:
            found = self._store.read(after, _READ)
            return found, found[-1].sequence if found else after, len(found) < _READ
        except journal.Corrupt as error:
            return self._around_damage(after, error)

    def _around_damage(
        self, after: int, error: journal.Corrupt
    ) -> tuple[Sequence[journal.Entry], int, bool]:
        """What comes before a damaged entry; then it is passed over and named."""
        damaged = getattr(error, "sequence", None)
        if not isinstance(damaged, int):
            raise error
        self.problems = (*self.problems, f"Entry {damaged} is damaged and not searched.")
        before = [] if damaged - after <= 1 else self._store.read(after, damaged - after - 1)
        return [entry for entry in before if entry.sequence < damaged], damaged, False

    def _add(self, documents: Sequence[Document]) -> None:
        first = self.index.count
        self.index.add(documents)
        self.version += 1
        self._unpublished += len(documents)
        if self.vectors is None:
            return
        self.vectors.grow(self.index.count)
        if self._embedder is not None and self._embedder.is_cheap:
            numbers = np.arange(first, self.index.count, dtype=np.int32)
            self._embed(numbers, [document.text for document in documents])
        self.vectors.weave(_WOVEN_PER_NEW * len(documents))

    def _embed(self, numbers: Ints, texts: Sequence[str]) -> bool:
        """Make the vectors of some documents; where the model doesn't answer they stay missing."""
        if self._embedder is None or self.vectors is None or not self.may_embed():
            return False
        half = self._config.vector_chars_max // 2
        clipped = [
            text if len(text) <= 2 * half else f"{text[:half]} {text[-half:]}" for text in texts
        ]
        try:
            rows = self._embedder.embed(clipped)
        except llm.RequestRefused:
            return self._embed_apart(numbers, texts)
        except kit.NovaError as error:
            self.note_embedder(error)
            return False
        self.vectors.put(numbers, rows)
        return True

    def _embed_apart(self, numbers: Ints, texts: Sequence[str]) -> bool:
        """Find the text that the embedder takes offence at: it goes without a vector."""
        if len(texts) == 1:
            if self.vectors is not None:
                self.vectors.clear(numbers)
            return True
        half = len(texts) // 2
        first = self._embed(numbers[:half], texts[:half])
        return first and self._embed(numbers[half:], texts[half:])

    def _lacks_vectors(self) -> bool:
        if self.vectors is None:
            return False
        missing = self.vectors.missing()
        return bool(self.index.alive[missing].any())

    def note_embedder(self, error: kit.NovaError) -> None:
        """The embedder did not answer: say so, and leave it alone for a while."""
        self.problems = (*self._other_problems(), f"{_WITHOUT_VECTORS}: {error.message}")
        self._rests_until_s = self._clock.monotonic_s() + self._config.embedder_rest_ms / 1_000

    def may_embed(self) -> bool:
        """Whether there is an embedder that did not fail just now."""
        return self._embedder is not None and self._clock.monotonic_s() >= self._rests_until_s

    def _other_problems(self) -> tuple[str, ...]:
        return tuple(each for each in self.problems if not each.startswith(_WITHOUT_VECTORS))

    def _embed_missing(self, ends_s: float) -> None:
        """Make vectors that could not be made before."""
        if self.vectors is None or not self.may_embed():
            return
        self.problems = self._other_problems()
        missing = self.vectors.missing()
        missing = missing[self.index.alive[missing]]
        for start in range(0, len(missing), _EMBEDDED):
            part = missing[start : start + _EMBEDDED]
            if self._clock.monotonic_s() >= ends_s:
                return
            if not self._embed(part, self.texts(part.tolist())):
                return
            self.version += 1
            self._unpublished += len(part)

    def texts(self, numbers: Sequence[int]) -> list[str]:
        """The texts of some documents, out of the journal; empty for one that is gone."""
        made: list[str] = []
        for entry in self.entries(numbers):
            chars_max = self._config.text_chars_max
            made.append(read_spoken(entry, chars_max=chars_max)[1] if entry else "")
        return made

    def entries(self, numbers: Sequence[int]) -> list[journal.Entry | None]:
        """The entries of some documents; None for one that is gone or damaged."""
        opened: dict[int, journal.Transcript | None] = {}
        made: list[journal.Entry | None] = []
        for number in numbers:
            session = int(self.index.column("session")[number])
            if session not in opened:
                opened[session] = self.transcript(self.index.names["session"].texts[session])
            made.append(entry_at(opened[session], int(self.index.column("position")[number])))
        return made

    def transcript(self, session_id: str) -> journal.Transcript | None:
        """A session's transcript; None: it is gone."""
        try:
            return self._feed.transcript(session_id)
        except (journal.SessionUnknown, ValueError):
            return None

    def _forget_erased(self, state: journal.FeedState) -> bool:
        """Destroy what was erased since; returns whether that was any of this owner's."""
        hit = False
        after = self.position.erasures
        while after < state.erasures:
            erased = self._feed.erasures(after, _READ)
            if not erased:
                break
            for each in erased:
                hit |= self.index.forget(each.session_id, each.positions)
                self._workspaces.pop(each.session_id, None)
            after = erased[-1].number
        if after != self.position.erasures:
            self.position = dataclasses.replace(self.position, erasures=after)
        if hit:
            gone = np.flatnonzero(self.index.column("sequence") < 0).astype(np.int32)
            if self.vectors is not None:
                self.vectors.clear(gone)
            self.index.destroy()
            self.version += 1
        return hit


def entry_at(transcript: journal.Transcript | None, position: int) -> journal.Entry | None:
    """The entry at a position; None: it is not there, erased or damaged."""
    if transcript is None or not 0 <= position < len(transcript.entries):
        return None
    try:
        entry = transcript.entries[position]
    except journal.Corrupt:
        return None
    return None if entry.is_erased else entry


def _is_of(position: Position, state: journal.FeedState) -> bool:
    """Whether an index is of this journal and not ahead of it."""
    return (
        (position.journal, position.epoch) == (state.journal, state.epoch)
        and position.sequence <= state.sequence
        and position.erasures <= state.erasures
    )


def _is_older(there: Position, ours: Position) -> bool:
    is_same = (there.journal, there.epoch) == (ours.journal, ours.epoch)
    return not is_same or (there.sequence, there.erasures) < (ours.sequence, ours.erasures)


def _has_forgotten_more(there: Position, ours: Position) -> bool:
    is_same = (there.journal, there.epoch) == (ours.journal, ours.epoch)
    return is_same and there.erasures > ours.erasures
