"""Recall: finds what was said, in this process, always up to the journal's head."""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from novacore import journal, kit, llm
from novacore.memory.recall.config import RecallConfig
from novacore.memory.recall.errors import QueryRefused
from novacore.memory.recall.model import Filters, Hit, RecallState

if TYPE_CHECKING:
    from novacore.memory.recall.engine import Engine

_PUBLISH_MS = 10_000
"""How long `publish` waits for another process that writes the same index just now."""


class Recall:
    """Finds entries of one owner by what is asked. May be used from any thread.

    Nothing is read before the first question. What was appended before a question is found by it,
    whoever appended it; what was erased before is not. No language model is asked.

    Args:
        store: the owner's journal. Nothing of another owner is ever seen.
        folder: where the index is kept between runs; None: only in memory.
        embedder: makes the vectors; None: only words are compared.
        config: the limits.
        clock: for deadlines and for words like "yesterday"; None: the machine's.
    """

    def __init__(
        self,
        store: journal.JournalStore,
        *,
        folder: Path | None = None,
        embedder: llm.Embedder | None = None,
        config: RecallConfig | None = None,
        clock: kit.Clock | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._embedder = embedder
        self._config = config or RecallConfig()
        self._clock = clock or kit.SystemClock()
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def recall(
        self,
        text: str,
        *,
        limit: int = 10,
        agent: str | None = None,
        project: str | None = None,
        session: str | None = None,
        kind: str | Iterable[str] | None = None,
        tag: str | Iterable[str] | None = None,
        tier: str | Iterable[str] | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        confidence_min: float = 0.0,
        neighbours: int | None = None,
        diversity: float | None = None,
        tokens_max: int | None = None,
    ) -> list[Hit]:
        """What answers a question best, best first. Every filter that is given holds for all.

        Words in quotation marks, identifiers, file names and numbers count as they stand. Times
        ("last March", "on 7 May 2023"), names of speakers and what is asked for ("when", "how
        many") are understood; the rest is words and meaning.

        Args:
            text: the question, or just words.
            limit: at most so many hits.
            agent: only of this agent, `a/b` within `a`, and memories shared with it.
            project: only of this folder or project or within it, by whole path segments.
            session: only of this session, by id or name.
            kind: message, memory; None: both.
            tag: only memories with all of these tags; `type:lesson` is one, too.
            tier: only memories of one of these terms: short, intermediate, long.
            since_us: only said at or after this time, µs UTC.
            until_us: only said before this time, µs UTC.
            confidence_min: only memories at least so sure, 0 to 1; messages always count.
            neighbours: turns before and after each hit that come along; None: as configured.
            diversity: how far repetitions are moved down, 0 to 1; None: as configured.
            tokens_max: hits and neighbours that fit in so many tokens, at least one; None: all.

        Raises:
            QueryRefused: the question is empty, or a filter has a value that it can't have.
            SessionUnknown: there is no such session.
            JournalError: the journal can't be read.

        Cost: about 3 ms at 6,000 messages, more where much was appended since.
        """
        filters = Filters(
            agent=agent,
            project=project,
            session=session,
            kinds=_texts(kind),
            tags=_texts(tag),
            tiers=_texts(tier),
            since_us=since_us,
            until_us=until_us,
            confidence_min=confidence_min,
        )
        self._check(text, limit=limit, diversity=diversity, filters=filters)
        with self._current() as engine:
            return engine.recall(
                text,
                limit=limit,
                filters=filters,
                neighbours=self._config.neighbours if neighbours is None else neighbours,
                diversity=self._config.diversity if diversity is None else diversity,
                tokens_max=tokens_max,
            )

    @contextmanager
    def _current(self) -> "Generator[Engine]":
        """The engine, ours alone, with all that was in the journal when this was called.

        Questions that waited for each other are served by one look at what is new.
        """
        asked: journal.FeedState | None = None
        if not self._lock.acquire(blocking=False):
            asked = self._store.feed().state()
            self._lock.acquire()
        try:
            engine = self._opened()
            if asked is None or not engine.covers(asked):
                engine.catch_up(self._config.catch_up_ms, vectors_ms=self._config.vectors_ms)
            yield engine
        finally:
            self._lock.release()

    def catch_up(self, deadline_ms: int) -> RecallState:
        """Index what is new for at most so long, and say how far it is."""
        with self._lock:
            engine = self._opened()
            engine.catch_up(deadline_ms)
            return engine.state()

    def publish(self) -> None:
        """Write the index for other processes now. Erased words leave its files at once."""
        with self._lock:
            engine = self._opened()
            engine.catch_up(self._config.catch_up_ms)
            engine.publish(wait_ms=_PUBLISH_MS)

    def close(self) -> None:
        """Write what is new for the next process, and release everything. Idempotent."""
        with self._lock:
            engine, self._engine = self._engine, None
            if engine is not None:
                engine.publish()

    def _opened(self) -> "Engine":
        if self._engine is None:
            from novacore.memory.recall.engine import (  # noqa: PLC0415 - loads numpy, 0.1 s
                Engine,
            )

            self._engine = Engine(
                self._store,
                folder=self._folder,
                embedder=self._embedder,
                config=self._config,
                clock=self._clock,
            )
        return self._engine

    def _check(self, text: str, *, limit: int, diversity: float | None, filters: Filters) -> None:
        if not text.strip():
            raise QueryRefused("The question is empty.")
        if not 1 <= limit <= self._config.limit_max:
            raise QueryRefused(f"limit is {limit}; expected 1 to {self._config.limit_max}.")
        if diversity is not None and not 0 <= diversity <= 1:
            raise QueryRefused(f"diversity is {diversity}; expected 0 to 1.")
        unknown = set(filters.kinds) - {journal.MESSAGE, "memory"}
        if unknown:
            raise QueryRefused(f"kind is {', '.join(sorted(unknown))}; expected message or memory.")
        unknown = set(filters.tiers) - {"short", "intermediate", "long"}
        if unknown:
            raise QueryRefused(
                f"tier is {', '.join(sorted(unknown))}; expected short, intermediate or long."
            )


def _texts(given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)
