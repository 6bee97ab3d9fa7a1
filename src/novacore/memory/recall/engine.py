"""Recall's engine for one owner: the followed index, a searcher over it, and hits out of it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from novacore import journal, kit, llm
from novacore.memory.recall.config import RecallConfig
from novacore.memory.recall.documents import MEMORY, read_spoken
from novacore.memory.recall.filtering import allowed, lineage
from novacore.memory.recall.follow import Follower, entry_at
from novacore.memory.recall.model import Filters, Hit, Neighbour, RecallState, SessionRef
from novacore.memory.recall.query import Query, read_query
from novacore.memory.recall.ranker import open_ranker
from novacore.memory.recall.search import Found, Searcher
from novacore.memory.recall.segment import Floats

_PASSED_MAX = 16
"""Entries that are no messages (usage, decisions) looked over for a hit's neighbours."""


class Engine:
    """What `Recall` loads late. Not safe between threads. See `Recall` for the arguments."""

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
        self._embedder = embedder
        self._config = config
        self._clock = clock
        self._ranker = open_ranker(config.ranker)
        self.follower = Follower(
            store, folder=folder, embedder=embedder, config=config, clock=clock
        )
        self._searcher: Searcher | None = None
        self._searched = -1
        self._refs: dict[str, SessionRef] = {}

    def catch_up(self, deadline_ms: float, *, vectors_ms: float | None = None) -> None:
        """Index what is new; a slow embedder may take `vectors_ms` of the time (None: all)."""
        self.follower.catch_up(deadline_ms, vectors_ms=vectors_ms)

    def covers(self, state: journal.FeedState) -> bool:
        """Whether everything up to this state of the journal is indexed, and its vectors are."""
        return self.follower.covers(state)

    def publish(self, *, wait_ms: float = 0) -> None:
        """Write the index for other processes; see `Follower.publish`."""
        self.follower.publish(wait_ms=wait_ms)

    def state(self) -> RecallState:
        """How far the index is."""
        follower = self.follower
        vectors = follower.vectors
        return RecallState(
            sequence=follower.position.sequence,
            documents=int(np.count_nonzero(follower.index.alive)),
            is_current=follower.is_current,
            vectors=vectors.identity if vectors else "",
            vectors_missing=len(vectors.missing()) if vectors else 0,
            problems=follower.problems,
        )

    def searcher(self) -> Searcher:
        """A searcher over the index as it is now."""
        follower = self.follower
        if self._searcher is None or self._searched != follower.version:
            self._searcher = Searcher(
                follower.index,
                vectors=follower.vectors,
                ranker=self._ranker,
                candidates=self._config.candidates,
            )
            self._searched = follower.version
        return self._searcher

    def recall(
        self,
        text: str,
        *,
        limit: int,
        filters: Filters,
        neighbours: int,
        diversity: float,
        tokens_max: int | None,
    ) -> list[Hit]:
        """Hits, best first; see `Recall.recall`."""
        now_us = self._clock.now_us()
        query = read_query(text, now_us=now_us)
        sessions = None
        if filters.session is not None:
            sessions = lineage(self._store, self._store.get_session(filters.session))
        found = self.searcher().find(
            query,
            vector=self._vector(query),
            allowed=allowed(self.follower.index, filters, sessions=sessions),
            limit=limit,
            diversity=diversity,
            now_us=now_us,
            read_texts=self.follower.texts,
        )
        return self._within(self._hits(found, neighbours=neighbours), tokens_max=tokens_max)

    def _vector(self, query: Query) -> Floats | None:
        vectors = self.follower.vectors
        if self._embedder is None or vectors is None or not vectors.dimensions:
            return None
        if not self.follower.may_embed():
            return None
        try:
            made = self._embedder.embed([query.text], is_query=True)[0]
        except llm.LLMError as error:
            self.follower.note_embedder(error)
            return None
        return made if len(made) == vectors.dimensions else None

    def _hits(self, found: Sequence[Found], *, neighbours: int) -> list[Hit]:
        transcripts: dict[str, journal.Transcript | None] = {}
        index = self.follower.index
        hits: list[Hit] = []
        for each in found:
            session_id = index.names["session"].texts[int(index.column("session")[each.number])]
            if session_id not in transcripts:
                transcripts[session_id] = self.follower.transcript(session_id)
            position = int(index.column("position")[each.number])
            transcript = transcripts[session_id]
            entry = entry_at(transcript, position)
            if transcript is not None and entry is not None:
                hits.append(self._hit(each, entry, transcript, neighbours=neighbours))
        return hits

    def _hit(
        self, found: Found, entry: journal.Entry, transcript: journal.Transcript, *, neighbours: int
    ) -> Hit:
        speaker, text = read_spoken(entry, chars_max=self._config.text_chars_max)
        is_memory = entry.kind == MEMORY
        before, after = (
            ((), ()) if is_memory else _around(transcript, entry.position, count=neighbours)
        )
        role = entry.body.get("role", "")
        return Hit(
            score=1 / (1 + math.exp(-max(-60.0, min(60.0, found.logit)))),
            session=self._ref(entry.session_id),
            position=entry.position,
            message=entry.body,
            parts=found.parts,
            kind=entry.kind,
            entry=entry,
            sources=_sources(entry) if is_memory else ((entry.session_id, entry.position),),
            before=before,
            after=after,
            said_at_us=entry.said_at_us,
            speaker=speaker or (role if isinstance(role, str) else ""),
            text=text,
        )

    def _ref(self, session_id: str) -> SessionRef:
        if session_id not in self._refs:
            info = self._store.get_session(session_id).info
            self._refs[session_id] = SessionRef(info.name, id=info.id, workspace=info.workspace)
        return self._refs[session_id]

    def _within(self, hits: list[Hit], *, tokens_max: int | None) -> list[Hit]:
        if tokens_max is None:
            return hits
        kept: list[Hit] = []
        spent = 0
        for hit in hits:
            texts = [hit.text, *(_text(each.message) for each in (*hit.before, *hit.after))]
            spent += sum(llm.count_tokens(text) for text in texts)
            if kept and spent > tokens_max:
                break
            kept.append(hit)
        return kept


def _around(
    transcript: journal.Transcript, position: int, *, count: int
) -> tuple[tuple[Neighbour, ...], tuple[Neighbour, ...]]:
    """The messages just before and after a position."""
    before = _messages(transcript, range(position - 1, -1, -1), count=count)
    after = _messages(transcript, range(position + 1, transcript.position), count=count)
    return tuple(reversed(before)), tuple(after)


def _messages(transcript: journal.Transcript, places: range, *, count: int) -> list[Neighbour]:
    found: list[Neighbour] = []
    for position in places[: _PASSED_MAX + count]:
        if len(found) == count:
            break
        entry = entry_at(transcript, position)
        if entry is not None and entry.kind == journal.MESSAGE:
            found.append(Neighbour(position=position, message=entry.body))
    return found


def _sources(entry: journal.Entry) -> tuple[tuple[str, int], ...]:
    """The entries that a memory came from; the memory itself where it names none."""
    named = entry.body.get("sources")
    found: list[tuple[str, int]] = []
    for each in cast("list[Any]", named) if isinstance(named, list) else []:
        if isinstance(each, dict):
            source = cast("dict[str, Any]", each)
            session_id, position = source.get("session_id"), source.get("position")
            if isinstance(session_id, str) and isinstance(position, int):
                found.append((session_id, position))
    return tuple(found) or ((entry.session_id, entry.position),)


def _text(message: journal.Message) -> str:
    content = message.get("content", "")
    return content if isinstance(content, str) else str(content)
