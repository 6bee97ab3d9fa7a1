"""One thread of LangGraph in one session of the journal: what is where, folded from its entries.

A checkpoint is an entry that names its channels' values by position; a value stands in an entry of
its own, once for all checkpoints that have it. The fold holds positions only, and is brought up to
date from where it stopped, so that several processes may share a thread.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from typing import Any, cast

from novacore import journal
from novacore.adapters.errors import ValueErased
from novacore.adapters.langgraph import packing
from novacore.adapters.langgraph.fold import (
    CHECKPOINT,
    INDEX,
    REWRITE,
    VALUE,
    WRITES,
    Fold,
    Row,
)

WORKSPACE = "langgraph:threads"
_ACTOR_CHARS_MAX = 200


class ByteCache:
    """Serialised values by session and position; the least recently used go first."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._size = 0
        self._held: OrderedDict[tuple[str, int], packing.Typed] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, session_id: str, position: int) -> packing.Typed | None:
        """The bytes at a position; None: they are not held."""
        with self._lock:
            held = self._held.get((session_id, position))
            if held is not None:
                self._held.move_to_end((session_id, position))
            return held

    def put(self, session_id: str, position: int, typed: packing.Typed) -> None:
        """Hold the bytes at a position."""
        with self._lock:
            old = self._held.pop((session_id, position), None)
            self._size += len(typed[1]) - (len(old[1]) if old else 0)
            self._held[session_id, position] = typed
            while self._size > self._bytes_max:
                self._size -= len(self._held.popitem(last=False)[1][1])

    def drop(self, session_id: str) -> None:
        """Let go of everything of a session, because some of it was erased."""
        with self._lock:
            for key in [key for key in self._held if key[0] == session_id]:
                self._size -= len(self._held.pop(key)[1])


class Thread:
    """The fold of one thread. Hold `lock` while using it."""

    def __init__(self, session: journal.Session, cache: ByteCache, *, index_entries: int) -> None:
        self.session = session
        self._index_entries = index_entries
        self._index_at: int | None = None
        self._indexed_to = 0
        self.lock = threading.RLock()
        self.position = 0
        self.cut = 0
        """Entries before this position were replaced: they are erased, or are to be."""
        self.has_leftovers = False
        """True: some of them were not erased, because a pruning was interrupted."""
        self.under_way: list[Future[journal.Appended]] = []
        self._cache = cache
        self._fold = Fold()
        self._staged: dict[str, list[tuple[str, int, Mapping[str, Any]]]] = {}
        self._transcript: journal.Transcript | None = None

    @property
    def rows(self) -> Mapping[str, Mapping[str, Row]]:
        """Checkpoints by namespace and id."""
        return self._fold.rows

    def refresh(self) -> None:
        """Take in what was appended since, by whomever.

        Raises:
            SessionUnknown: the thread was deleted.
        """
        transcript = self.session.open()
        if transcript is self._transcript:
            return
        self._transcript = transcript
        entries = transcript.entries
        if self.position == 0 and transcript.position > self._index_entries:
            self._load_index(transcript)
        for position in range(self.position, transcript.position):
            frame = entries.frame(position)
            self.position = position + 1
            if not frame.is_erased and frame.kind != VALUE:
                self._take_in(frame.kind, position)

    def _take_in(self, kind: str, position: int) -> None:
        body = self.read(position)
        token = body.get("rewrite")
        if kind == REWRITE:
            self._finish_rewrite(body)
        elif kind == INDEX:
            self._take_index(body, position)
        elif token is not None:
            self._staged.setdefault(token, []).append((kind, position, body))
        else:
            self._fold.add(kind, position, body)

    def _finish_rewrite(self, body: Mapping[str, Any]) -> None:
        """What was written anew takes the place of all before it, all at once."""
        if body["cut"]:
            self.has_leftovers = self.has_leftovers or self._holds_before(body["cut"])
            self.cut = body["cut"]
            self._fold = Fold()
            self._index_at, self._indexed_to = None, self.position
            self._cache.drop(self.session.id)
        for kind, position, staged in self._staged.pop(body["rewrite"], ()):
            self._fold.add(kind, position, staged)

    def next_index(self) -> journal.NewEntry | None:
        """The entry that sums up what came since the last one; None: it is not time yet.

        With it, a process that opens the thread anew reads the sums and the entries since.
        """
        if self.position - self._indexed_to < self._index_entries:
            return None
        rows, is_whole = self._fold.index_rows()
        body = {
            "to": self.position,
            "previous": self._index_at,
            "cut": self.cut,
            "early": self.early,
            "rows": rows,
            "is_whole": is_whole,
        }
        return journal.NewEntry(kind=INDEX, body=body)

    def _take_index(self, body: Mapping[str, Any], position: int) -> None:
        """Go on from an index that continues ours; another process may have made its own."""
        if body["previous"] == self._index_at and body["cut"] == self.cut:
            self._index_at, self._indexed_to = position, body["to"]
            self._fold.take_index(body["rows"], before=body["to"])

    def _load_index(self, transcript: journal.Transcript) -> None:
        """Begin from the newest index, where there is one near the end."""
        head = self._find_index(transcript)
        if head is None:
            return
        bodies: list[Mapping[str, Any]] = []
        at: int | None = head
        while at is not None:
            bodies.append(self.read(at))
            at = bodies[-1]["previous"]
        for body in reversed(bodies):
            self._fold.load_index(body["rows"])
        for position in bodies[0]["early"]:
            self._fold.add(WRITES, position, self.read(position))
        self._fold.touched.clear()
        self.cut = bodies[0]["cut"]
        self.position = self._indexed_to = bodies[0]["to"]
        self._index_at = head

    def _find_index(self, transcript: journal.Transcript) -> int | None:
        entries = transcript.entries
        first = max(0, transcript.position - 4 * self._index_entries)
        for position in range(transcript.position - 1, first - 1, -1):
            frame = entries.frame(position)
            if frame.is_erased or frame.kind == REWRITE:
                return None
            if frame.kind == INDEX and self.read(position)["is_whole"]:
                return position
        return None

    def _holds_before(self, cut: int) -> bool:
        entries = self._entries()
        return any(not entries.frame(at).is_erased for at in range(self.cut, cut))

    def positions_before(self, cut: int) -> list[int]:
        """Those of the entries before a position that are not erased yet."""
        entries = self._entries()
        return [at for at in range(cut) if not entries.frame(at).is_erased]

    def latest(self, namespace: str) -> Row | None:
        """The newest checkpoint of a namespace: ids rise with time."""
        rows = self.rows.get(namespace)
        return rows[max(rows)] if rows else None

    @property
    def early(self) -> list[int]:
        """Positions of writes whose checkpoint is not there yet."""
        return self._fold.early_positions()

    def find(self, namespace: str, checkpoint_id: str) -> Row | None:
        """A checkpoint; None: there is none."""
        return self.rows.get(namespace, {}).get(checkpoint_id)

    def all_rows(self) -> list[Row]:
        """Every checkpoint, in the order they were written."""
        rows = [row for space in self.rows.values() for row in space.values()]
        return sorted(rows, key=lambda row: row.position)

    def body(self, row: Row) -> Mapping[str, Any]:
        """A checkpoint's entry."""
        return self.read(row.position)

    def values(self, row: Row) -> dict[str, int]:
        """The position of each channel's value in a checkpoint."""
        return values_of(self.body(row), row.position)

    def read(self, position: int) -> Mapping[str, Any]:
        """The body of an entry.

        Raises:
            ValueErased: it was erased, by its position.
        """
        entry = self._entries()[position]
        if entry.is_erased:
            raise ValueErased(f"Entry {position} of session {self.session.id}")
        return cast(Mapping[str, Any], entry.body)

    def value(self, position: int) -> packing.Value:
        """A channel's value as it is stored."""
        return packing.read_value(self.read(position))

    def bytes_at(self, position: int) -> packing.Typed:
        """A channel's value as its serializer gave it."""
        held = self._cache.get(self.session.id, position)
        if held is None:
            held = packing.read_bytes(
                position,
                read=self.value,
                known=lambda at: self._cache.get(self.session.id, at),
            )
            self._cache.put(self.session.id, position, held)
        return held

    def before(self, position: int) -> packing.Before:
        """A stored version that a new one may be told from."""
        data = self.bytes_at(position)[1]
        return packing.Before(position=position, value=self.value(position), data=data)

    def remember(self, position: int, typed: packing.Typed) -> None:
        """Hold a value that was just written: the next version is told from it."""
        self._cache.put(self.session.id, position, typed)

    def write_of(self, position: int, place: int) -> tuple[str, packing.Typed]:
        """(channel, serialised value) of one write."""
        _, channel, packed = self.read(position)["writes"][place]
        return channel, packing.unpack_typed(packed)

    def actor(self, row: Row) -> str:
        """Which run wrote a checkpoint, as `run_actor` says it."""
        return self._entries().frame(row.position).actor

    def runs(self) -> Iterator[tuple[int, str]]:
        """(position, actor) of each checkpoint's entry, from the headers alone."""
        entries = self._entries()
        for position in range(self.cut, self.position):
            frame = entries.frame(position)
            if frame.kind == CHECKPOINT and not frame.is_erased:
                yield position, frame.actor

    def wait(self) -> None:
        """Wait for the appends that this process has under way here."""
        wait(self.under_way)
        self.under_way.clear()

    def _entries(self) -> journal.Entries:
        if self._transcript is None:
            self.refresh()
        assert self._transcript is not None
        return self._transcript.entries


def values_of(body: Mapping[str, Any], position: int) -> dict[str, int]:
    """The position of each channel's value; one below 0 counts back from the checkpoint."""
    return {channel: at if at >= 0 else position + at for channel, at in body["values"].items()}


def run_actor(run_id: object) -> str:
    """The actor of a run's checkpoints: by it they are found without reading them."""
    text = str(run_id) if run_id is not None else ""
    if len(text) <= _ACTOR_CHARS_MAX and text.isascii():
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
