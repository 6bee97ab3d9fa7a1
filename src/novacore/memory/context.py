"""Everything that helps to go on with a session, gathered from the tiers at once, under a deadline.

The conversation itself comes from the journal, whole and never stale. What the tiers add is
gathered side by side; what did not come in time, or whose tier is down, is named, never awaited.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from novacore import journal, tiers
from novacore.kit import Clock, NovaError, SystemClock
from novacore.memory.config import Config
from novacore.memory.lifecycle.working import WorkingMemory, working_memory

PARTS: Final = (
    "working_memory",
    "history",
    "live_state",
    "decisions",
    "neighbours",
    "topics",
    "entities",
    "timeline",
    "anchors",
)
"""What a context has, in the order of its fields."""

_NEIGHBOUR_TEXTS: Final = 2
_LAST_MESSAGES: Final = 20
_DECISIONS: Final = 20
_NEIGHBOURS: Final = 10
_TOPICS: Final = 10
_ENTITIES: Final = 20
_EVENTS: Final = 50
_ANCHORS: Final = 20
_SESSIONS_KEPT: Final = 256
_Found = TypeVar("_Found")


@dataclass(frozen=True, kw_only=True)
class Context:
    """A session opened with what is known around it."""

    session_id: str
    """The session's UUID."""
    working_memory: Sequence[journal.Message] = ()
    """The messages of its newest turns, oldest first; empty where it has rested for long."""
    history: Sequence[journal.Message] = ()
    """All its messages: the transcript, lazily decoded."""
    live_state: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict[str, Mapping[str, Any]]
    )
    """The owner's leases, as presence and status, by key."""
    decisions: Sequence[tiers.Item] = ()
    """The session's newest decisions, oldest first."""
    neighbours: Sequence[tiers.Neighbour] = ()
    """Entries of other sessions that are near in meaning to what was said last, nearest first."""
    topics: Sequence[tiers.Related] = ()
    """Other sessions that share entities with it."""
    entities: Sequence[tuple[str, int]] = ()
    """(entity, mentions) of the session, the most mentioned first."""
    timeline: Sequence[tiers.Item] = ()
    """Its newest events, oldest first."""
    anchors: Sequence[tiers.Item] = ()
    """The points to come back to, oldest first."""
    missing: Mapping[str, str] = field(default_factory=dict[str, str])
    """The parts that are not there, with the reason: the deadline, or a tier that is down."""
    took_ms: float = 0.0
    """How long gathering took."""


class Gatherer:
    """Opens sessions with their context. Safe between threads; close it at the end.

    Args:
        reads: gives the reading side of a tier by name; None: the tier is off.
        embed: a text's vector as float32 bytes; None: there is no embedder.
        config: how much working memory holds; None: the defaults.
        clock: the time; None: the machine's.
    """

    def __init__(
        self,
        reads: Callable[[str], object | None],
        *,
        embed: Callable[[str], bytes] | None = None,
        config: Config | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._reads = reads
        self._embed = embed
        self._config = config or Config()
        self._clock = clock or SystemClock()
        self._working: OrderedDict[str, tuple[journal.Transcript, WorkingMemory]] = OrderedDict()
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def gather(
        self,
        scope: journal.Scope,
        session: journal.Session,
        *,
        deadline_ms: int,
        parts: Sequence[str] = PARTS,
    ) -> Context:
        """The context of a session.

        Args:
            scope: whose session it is.
            session: the session.
            deadline_ms: parts of tiers that did not answer by then are named in `missing`.
            parts: which parts; those left out are empty and not called missing.

        Raises:
            SessionUnknown: the session was erased.
            ValueError: there is no part of that name.
        """
        started_s = time.monotonic()
        if unknown := [part for part in parts if part not in PARTS]:
            raise ValueError(f"A context has no part {unknown[0]!r}; it has {', '.join(PARTS)}.")
        transcript = session.open()
        found: dict[str, Any] = {}
        if "history" in parts:
            found["history"] = transcript
        recent = self._working_memory(session.id, transcript)
        if "working_memory" in parts:
            found["working_memory"] = recent
        calls = self._calls(scope, session.id, recent or transcript[-_LAST_MESSAGES:])
        wanted = {part: calls[part] for part in PARTS if part in parts and part in calls}
        missing = self._collect(wanted, found, until_s=started_s + deadline_ms / 1_000)
        return Context(
            session_id=session.id,
            missing=missing,
            took_ms=(time.monotonic() - started_s) * 1_000,
            **found,
        )

    def _working_memory(
        self, session_id: str, transcript: journal.Transcript
    ) -> Sequence[journal.Message]:
        """The newest turns; worked out again only where something was appended."""
        now_us = self._clock.now_us()
        with self._lock:
            known = self._working.get(session_id)
        if known is not None and known[0] is transcript:
            return known[1].messages if known[1].expires_at_us > now_us else ()
        made = working_memory(transcript, now_us=now_us, config=self._config)
        with self._lock:
            self._working[session_id] = (transcript, made)
            while len(self._working) > _SESSIONS_KEPT:
                self._working.popitem(last=False)
        return made.messages

    def close(self) -> None:
        """Let the threads end. Idempotent; a read that hangs is not awaited."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _calls(
        self, scope: journal.Scope, session_id: str, recent: Sequence[journal.Message]
    ) -> dict[str, tuple[str, Callable[[Any], Any]]]:
        """(tier, what to read from it) of each part that a tier gives."""
        return {
            "live_state": ("hot", lambda hot: cast(tiers.HotReads, hot).leases(scope)),
            "decisions": (
                "relational",
                lambda rows: cast(tiers.RelationalReads, rows).rows(
                    scope, "decision", session_id=session_id, limit=_DECISIONS
                ),
            ),
            "neighbours": (
                "vector",
                lambda vectors: self._neighbours(
                    cast(tiers.VectorReads, vectors), scope, session_id, recent
                ),
            ),
            "topics": (
                "graph",
                lambda graph: cast(tiers.GraphReads, graph).related(
                    scope, session_id, limit=_TOPICS
                ),
            ),
            "entities": (
                "graph",
                lambda graph: cast(tiers.GraphReads, graph).entities(
                    scope, session_id, limit=_ENTITIES
                ),
            ),
            "timeline": (
                "stream",
                lambda stream: cast(tiers.StreamReads, stream).timeline(
                    scope, session_id, limit=_EVENTS
                ),
            ),
            "anchors": (
                "stream",
                lambda stream: cast(tiers.StreamReads, stream).anchors(
                    scope, session_id, limit=_ANCHORS
                ),
            ),
        }

    def _neighbours(
        self,
        vectors: tiers.VectorReads,
        scope: journal.Scope,
        session_id: str,
        recent: Sequence[journal.Message],
    ) -> list[tiers.Neighbour]:
        if self._embed is None:
            raise tiers.TierUnavailable("There is no embedder.")
        said = [message.get("content") for message in recent if message.get("role") == "user"]
        texts = [text for text in said if isinstance(text, str) and text.strip()]
        if not texts:
            return []
        vector = self._embed("\n".join(texts[-_NEIGHBOUR_TEXTS:]))
        return vectors.neighbours(scope, vector, limit=_NEIGHBOURS, without=session_id)

    def _collect(
        self,
        wanted: Mapping[str, tuple[str, Callable[[Any], Any]]],
        found: dict[str, Any],
        *,
        until_s: float,
    ) -> dict[str, str]:
        """Put what came in time into `found`; returns what did not, with the reason."""
        missing: dict[str, str] = {}
        running: dict[str, Future[Any]] = {}
        for part, (tier, read) in wanted.items():
            running[part] = self._submit(tier, read)
        wait_for(running.values(), timeout=max(0.0, until_s - time.monotonic()))
        for part, future in running.items():
            tier = wanted[part][0]
            if not future.done():
                future.cancel()
                missing[part] = f"the {tier} tier did not answer in time"
                continue
            try:
                found[part] = future.result()
            except NovaError as error:
                missing[part] = f"the {tier} tier is not available: {error.message}"
        return missing

    def _read(self, tier: str, read: Callable[[Any], _Found]) -> _Found:
        reads = self._reads(tier)
        if reads is None:
            raise tiers.TierUnavailable("It is off.")
        return read(reads)

    def _submit(self, tier: str, read: Callable[[Any], _Found]) -> "Future[_Found]":
        """Read in the tier's own thread: a tier that hangs keeps nobody but itself waiting."""
        with self._lock:
            pool = self._pools.get(tier)
            if pool is None:
                pool = ThreadPoolExecutor(1, thread_name_prefix=f"nova-context-{tier}")
                self._pools[tier] = pool
            return pool.submit(self._read, tier, read)
