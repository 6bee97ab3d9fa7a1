"""One owner's index in memory: the documents as columns, and their postings in segments.

Documents are numbered in the order of the journal. Finished blocks of a fixed number of documents
are the same in every process; the newest documents are in small segments that are merged as they
grow, so that each document is merged a number of times that grows with the logarithm of the index.
Not safe between threads: its user holds a lock.
"""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
import xxhash
from numpy.typing import NDArray

from novacore import journal
from novacore.memory.recall import segment as segments
from novacore.memory.recall.documents import Document
from novacore.memory.recall.segment import COLUMNS, NAMES, Ints, Segment

BLOCK: Final = 4_096
"""Documents of a finished block."""
FANOUT: Final = 8
"""So many blocks of one size become one of the next."""
_START_SIZE: Final = 1_024


class Names:
    """Texts by number, in the order they were first seen."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, text: str) -> int:
        """The number of a text; a new one where it was not seen before."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return number

    def append(self, text: str) -> None:
        """One more text, that may be there already."""
        self._numbers.setdefault(text, len(self.texts))
        self.texts.append(text)

    def find(self, text: str) -> int | None:
        """The number of a text; None: it was never seen."""
        return self._numbers.get(text)

    def replace(self, texts: Sequence[str]) -> None:
        """Other texts under the same numbers."""
        self.texts = list(texts)
        self._numbers = {}
        for number, text in enumerate(self.texts):
            self._numbers.setdefault(text, number)


class Index:
    """The documents of one owner, to be added to, searched and forgotten."""

    def __init__(self) -> None:
        self.names = {name: Names() for name in NAMES}
        self.segments: list[Segment] = []
        self.count = 0
        self.tokens_count = 0
        self._columns = {name: np.zeros(_START_SIZE, dtype=kind) for name, kind in COLUMNS.items()}
        self._after = np.full(_START_SIZE, -1, dtype=np.int32)
        self._alive = np.zeros(_START_SIZE, dtype=np.bool_)
        self._last: dict[int, int] = {}
        """Per session, the number of its last message."""
        self._current: dict[int, int] = {}
        """Per memory, the number of the document that holds it now."""

    def column(self, name: str) -> NDArray[Any]:
        """One column of all documents, shape (count,)."""
        return self._columns[name][: self.count]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Per document, whether it may be found."""
        return self._alive[: self.count]

    @property
    def after(self) -> Ints:
        """Per document, the message after it in its session; -1: there is none yet."""
        return self._after[: self.count]

    def add(self, documents: Sequence[Document]) -> None:
        """Add documents in the journal's order, their sequences above all that are there."""
        done = 0
        while done < len(documents):
            room = BLOCK - self.count % BLOCK
            part = documents[done : done + room]
            self._add_segment(self._build(part))
            done += len(part)

    def load(self, segment: Segment) -> None:
        """Add a segment that was published, behind all that is there."""
        for name in NAMES:
            for text in segment.names[name]:
                self.names[name].append(text)
        self._add_segment(segment, is_loaded=True)

    def _build(self, documents: Sequence[Document]) -> Segment:
        known = {name: len(names.texts) for name, names in self.names.items()}
        columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        tokens: list[list[int]] = []
        tags: list[tuple[int, int]] = []
        add_term = self.names["term"].add
        last = dict[int, int]()
        for number, document in enumerate(documents, self.count):
            session = self.names["session"].add(document.session_id)
            is_message = document.kind == journal.MESSAGE
            before = last.get(session, self._last.get(session, -1)) if is_message else -1
            if is_message:
                last[session] = number
            tokens.append([add_term(term) for term in document.terms])
            tags.extend((number, self.names["tag"].add(tag)) for tag in document.tags)
            self._fill(columns, document, session=session, before=before)
        return segments.build(
            self.count,
            columns=columns,
            names={name: names.texts[known[name] :] for name, names in self.names.items()},
            tokens=tokens,
            tags=tags,
        )

    def _fill(
        self, columns: dict[str, list[Any]], document: Document, *, session: int, before: int
    ) -> None:
        columns["sequence"].append(document.sequence)
        columns["said_at"].append(document.said_at_us)
        columns["session"].append(session)
        columns["position"].append(document.position)
        columns["before"].append(before)
        columns["length"].append(len(document.terms))
        columns["flags"].append(document.flags)
        columns["digest"].append(_digest(document))
        columns["confidence"].append(document.confidence if not document.is_retired else -1.0)
        for name in ("speaker", "actor", "project", "kind", "tier", "key"):
            text: str = getattr(document, name)
            columns[name].append(self.names[name].add(text) if text else -1)

    def _add_segment(self, segment: Segment, *, is_loaded: bool = False) -> None:
        first, end = segment.first, segment.end
        self._grow(end)
        for name, column in segment.columns.items():
            self._columns[name][first:end] = column
        self._alive[first:end] = segment.columns["sequence"] > 0
        before = segment.columns["before"]
        here = np.flatnonzero(before >= 0)
        self._after[before[here]] = here + first
        self.count = end
        self.tokens_count += len(segment.tokens)
        self._note_last(segment)
        self._note_memories(segment)
        self.segments.append(segment)
        if not is_loaded:
            self._settle()

    def _note_last(self, segment: Segment) -> None:
        is_message = segment.columns["kind"] == self.names["kind"].find(journal.MESSAGE)
        for at in np.flatnonzero(is_message):
            self._last[int(segment.columns["session"][at])] = int(at) + segment.first

    def _note_memories(self, segment: Segment) -> None:
        for at in np.flatnonzero(segment.columns["key"] >= 0):
            key, number = int(segment.columns["key"][at]), int(at) + segment.first
            older = self._current.get(key)
            if older is not None:
                self._alive[older] = False
            self._current[key] = number
            if segment.columns["confidence"][at] < 0:
                self._alive[number] = False

    def _grow(self, size: int) -> None:
        have = len(self._after)
        if size <= have:
            return
        wanted = max(size, 2 * have)
        for name, column in self._columns.items():
            self._columns[name] = np.concatenate((column, np.zeros(wanted - have, column.dtype)))
        self._after = np.concatenate((self._after, np.full(wanted - have, -1, dtype=np.int32)))
        self._alive = np.concatenate((self._alive, np.zeros(wanted - have, dtype=np.bool_)))

    def _settle(self) -> None:
        """Merge the newest segments, so that there are few and every finished block is one."""
        while len(self.segments) > 1:
            last, before = self.segments[-1], self.segments[-2]
            is_open = before.first // BLOCK == (last.end - 1) // BLOCK and before.count < BLOCK
            if not is_open or (last.end % BLOCK and 2 * last.count < before.count):
                break
            self.segments[-2:] = [segments.merge((before, last))]
        size = BLOCK
        while self.segments[-1].count == size:
            tail = self.segments[-FANOUT:]
            if len(tail) < FANOUT or any(part.count != size for part in tail):
                break
            self.segments[-FANOUT:] = [segments.merge(tail)]
            size *= FANOUT

    def documents_with(self, term: str) -> Ints:
        """The documents that have a term in their own words, rising."""
        number = self.names["term"].find(term)
        if number is None:
            return np.zeros(0, np.int32)
        found = [part.postings(number) for part in self.segments]
        return np.concatenate([np.zeros(0, np.int32), *(each[0] for each in found if each)])

    def tokens_of(self, numbers: Ints) -> tuple[Ints, Ints]:
        """The terms of some documents one after the other, and for each the place in `numbers`."""
        ends: list[int] = [part.end for part in self.segments]
        tokens: list[Ints] = [np.zeros(0, np.int32)]
        sizes: list[int] = []
        for number in cast("list[int]", numbers.tolist()):
            part = self.segments[bisect.bisect_right(ends, number)]
            at = number - part.first
            own = part.tokens[part.starts[at] : part.starts[at + 1]]
            tokens.append(own)
            sizes.append(len(own))
        rows = np.repeat(np.arange(len(numbers), dtype=np.int32), sizes)
        return np.concatenate(tokens), rows

    def forget(self, session_id: str, positions: Iterable[int] | None) -> bool:
        """Make erased documents unfindable; returns whether any were there.

        `destroy` then takes their words out of the segments.
        """
        session = self.names["session"].find(session_id)
        if session is None:
            return False
        hit = self.column("session") == session
        if positions is not None:
            hit &= np.isin(self.column("position"), list(positions))
        hit &= self.column("sequence") > 0
        self._columns["sequence"][: self.count][hit] *= -1
        self._alive[: self.count][hit] = False
        return bool(hit.any())

    def destroy(self) -> None:
        """Take the words, names and vectors of forgotten documents out of every segment."""
        gone = self.column("sequence") < 0
        for at, part in enumerate(self.segments):
            dead = gone[part.first : part.end]
            if (dead & (part.columns["sequence"] > 0)).any():
                rewritten = segments.without(part, dead=dead, names=part.names)
                rewritten.columns["sequence"][dead] = -np.abs(part.columns["sequence"][dead])
                self.segments[at] = rewritten
                for name, column in rewritten.columns.items():
                    self._columns[name][part.first : part.end] = column
        self._destroy_names()
        self.tokens_count = sum(len(part.tokens) for part in self.segments)

    def _destroy_names(self) -> None:
        """Blank every text that no document left uses."""
        used = {name: np.zeros(len(names.texts), np.bool_) for name, names in self.names.items()}
        kept = self.column("sequence") > 0
        for name in ("session", "speaker", "actor", "project", "kind", "tier", "key"):
            numbers = self.column(name)[kept]
            used[name][numbers[numbers >= 0]] = True
        for part in self.segments:
            used["term"][part.terms] = True
            used["tag"][part.tags[:, 1]] = True
        begins = dict.fromkeys(NAMES, 0)
        for at, part in enumerate(self.segments):
            names: dict[str, Sequence[str]] = {}
            for name in NAMES:
                own = part.names[name]
                flags = used[name][begins[name] : begins[name] + len(own)]
                names[name] = tuple(
                    text if keep else "" for text, keep in zip(own, flags, strict=True)
                )
                begins[name] += len(own)
            if any(names[name] != tuple(part.names[name]) for name in NAMES):
                self.segments[at] = replace(part, names=names)
        for name, flags in used.items():
            texts = self.names[name].texts
            self.names[name].replace(
                [text if keep else "" for text, keep in zip(texts, flags, strict=True)]
            )


def _digest(document: Document) -> int:
    """Equal for documents that say the same."""
    said = "\0".join((document.speaker, *document.terms)) or document.text
    return xxhash.xxh3_64_intdigest(said.encode("utf-8", "surrogatepass")) - 2**63
