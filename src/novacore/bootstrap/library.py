"""A store with everything around it: recall, context, memories, tiers. `novacore.open` gives it.

What is around it is made when it is first used: a program that only appends and opens sessions
pays for nothing else.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import novacore.bootstrap.tiers as projection
from novacore import journal, kit, llm, memory, settings, tiers
from novacore.bootstrap.embedding import TierEmbedder, open_embedder
from novacore.bootstrap.stores import open_journal

RECALL_FOLDER: Final = "recall"
"""The folder of the data directory that holds the recall index."""
_DEADLINE_MS: Final = 100
_T = TypeVar("_T")


class Surroundings:
    """What the stores of all owners on one journal share. Made when first used.

    Args:
        chosen: the settings.
        opened: the journal.
    """

    def __init__(self, chosen: settings.Settings, opened: journal.JournalStore) -> None:
        self.chosen = chosen
        self._opened = opened
        self._lock = threading.RLock()
        self._closing = contextlib.ExitStack()
        self._tiers: tiers.TierSet | None = None
        self._embedder: llm.Embedder | None = None
        self._has_embedder = False
        self._gatherer: memory.Gatherer | None = None
        self._is_projected = False
        self._recalls: OrderedDict[journal.Scope, memory.Recall] = OrderedDict()
        self._memories: OrderedDict[journal.Scope, memory.Memories] = OrderedDict()
        self._is_closed = False

    @property
    def embedder(self) -> llm.Embedder | None:
        """The embedder that the settings name; None: none, or none is installed."""
        with self._lock:
            if not self._has_embedder:
                self._embedder = open_embedder(self.chosen)
                self._has_embedder = True
                if self._embedder is not None:
                    self._closing.callback(self._embedder.close)
            return self._embedder

    @property
    def tiers(self) -> tiers.TierSet:
        """The tiers over the journal."""
        with self._lock:
            if self._tiers is None:
                self._refuse_closed()
                self._tiers = projection.open_tiers(self.chosen, self._opened)
                self._closing.callback(self._tiers.close)
            return self._tiers

    def project(self) -> None:
        """Start the process that keeps the tiers up to date, unless it was started."""
        with self._lock:
            if not self._is_projected:
                self._refuse_closed()
                self._is_projected = True
                self._closing.enter_context(projection.projecting(self.chosen))

    @property
    def gatherer(self) -> memory.Gatherer:
        """Opens sessions with their context."""
        with self._lock:
            if self._gatherer is None:
                embedder = self.embedder
                embed = None if embedder is None else _query_embedder(TierEmbedder(embedder))
                self._gatherer = memory.Gatherer(
                    self.tiers.reads, embed=embed, config=self.chosen.memory
                )
                self._closing.callback(self._gatherer.close)
            return self._gatherer

    def recall(self, store: journal.JournalStore) -> memory.Recall:
        """Recall over one owner's sessions."""

        def made() -> memory.Recall:
            return memory.Recall(
                store,
                folder=self.chosen.data_dir / RECALL_FOLDER,
                embedder=self.embedder,
                config=self.chosen.recall,
            )

        found, late = self._kept(self._recalls, store.scope, made)
        for each in late:
            # What can't be written for the next process is made anew by it.
            with contextlib.suppress(kit.NovaError, OSError):
                each.close()
        return found

    def memories(self, store: journal.JournalStore) -> memory.Memories:
        """One owner's memories."""

        def made() -> memory.Memories:
            return memory.Memories(store, config=self.chosen.memory)

        found, late = self._kept(self._memories, store.scope, made)
        for each in late:
            with contextlib.suppress(kit.NovaError):  # only how often a memory was used
                each.flush_access()
        return found

    def _kept(
        self, kept: OrderedDict[journal.Scope, _T], scope: journal.Scope, make: Callable[[], _T]
    ) -> tuple[_T, list[_T]]:
        """What an owner has, made where it has none; and those of others to be let go of for it."""
        with self._lock:
            found = kept.get(scope)
            if found is None:
                self._refuse_closed()
                found = kept[scope] = make()
            kept.move_to_end(scope)
            too_many = len(kept) - self.chosen.recall.open_owners_max
            return found, [kept.popitem(last=False)[1] for _ in range(too_many)]

    def close(self) -> None:
        """Release everything that was made. Idempotent."""
        with self._lock, contextlib.ExitStack() as closing:
            self._is_closed = True
            closing.callback(self._closing.close)
            for recall in self._recalls.values():
                closing.callback(recall.close)
            for memories in self._memories.values():
                closing.callback(memories.flush_access)
            self._recalls.clear()
            self._memories.clear()

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise journal.StoreClosed


class MemoryStore(journal.JournalStore):
    """All sessions of one owner, with recall, context, memories and tiers around them.

    Made by `novacore.open`; safe between threads, and a context manager.
    """

    def __init__(self, core: journal.Core, scope: journal.Scope, *, around: Surroundings) -> None:
        super().__init__(core, scope)
        self._around = around

    def for_owner(self, scope: journal.Scope) -> "MemoryStore":
        """The same journal, seen by another owner. Closing either closes both."""
        return self.made_into(lambda core, _: MemoryStore(core, scope, around=self._around))

    @property
    def memories(self) -> memory.Memories:
        """What is remembered: made, found, changed, shared, and grown older."""
        return self._around.memories(self)

    @property
    def embedder(self) -> llm.Embedder | None:
        """Who makes vectors of texts; None: nobody is installed or wanted."""
        return self._around.embedder

    @property
    def has_tiers(self) -> bool:
        """Whether there are tiers; sessions kept as JSON files have none."""
        return self._around.chosen.store == "journal"

    @property
    def tiers(self) -> tiers.TierSet:
        """The seven projections of the journal: status, verify, rebuild, read."""
        return self._around.tiers

    @property
    def has_recall_index(self) -> bool:
        """Whether recall was used in this data directory, by whomever."""
        return (self._around.chosen.data_dir / RECALL_FOLDER).is_dir()

    @property
    def recall_index(self) -> memory.Recall:
        """What recall finds with, to be brought up to date or published."""
        return self._around.recall(self)

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
    ) -> list[memory.Hit]:
        """What was said that answers a question best, best first.

        What was appended before is found, whoever appended it; what was erased is not. Memories
        that are found count as used; that is written with the next turn, never here.

        Args:
            text: the question, or just words; "quoted words" count as they stand.
            limit: at most so many hits.
            agent: only of this agent, and memories shared with it.
            project: only of this folder or project or within it.
            session: only of this session, by id or name.
            kind: message, memory; None: both.
            tag: only memories with all of these tags.
            tier: only memories of one of these terms: short, intermediate, long.
            since_us: only said at or after this time, µs UTC.
            until_us: only said before this time, µs UTC.
            confidence_min: only memories at least so sure, 0 to 1.
            neighbours: turns before and after each hit that come along; None: as configured.
            diversity: how far repetitions are moved down, 0 to 1; None: as configured.
            tokens_max: hits are added while they fit in so many tokens; None: no bound.

        Returns:
            Hits with `.score`, `.session`, `.position`, `.message` and `.parts`.

        Raises:
            QueryRefused: the question is empty, or a filter has a value that it can't have.
            SessionUnknown: there is no such session.
        """
        hits = self._around.recall(self).recall(
            text,
            limit=limit,
            agent=agent,
            project=project,
            session=session,
            kind=kind,
            tag=tag,
            tier=tier,
            since_us=since_us,
            until_us=until_us,
            confidence_min=confidence_min,
            neighbours=neighbours,
            diversity=diversity,
            tokens_max=tokens_max,
        )
        used = [str(hit.message.get("memory_id", "")) for hit in hits if hit.kind == "memory"]
        if used:
            self.memories.note_access(each for each in used if each)
        return hits

    def open_context(
        self,
        session: str | journal.Session,
        *,
        deadline_ms: int = _DEADLINE_MS,
        parts: Sequence[str] = memory.PARTS,
    ) -> memory.Context:
        """A session with what helps to go on with it, gathered from the tiers side by side.

        The first call starts the process that keeps the tiers up to date, unless
        `tiers.projector` is off.

        Args:
            session: the session, or its id or name.
            deadline_ms: parts that did not come by then are named in `.missing`.
            parts: which parts; see `memory.PARTS`.

        Raises:
            SessionUnknown: there is no such session.
        """
        found = self.get_session(session) if isinstance(session, str) else session
        self._around.project()
        return self._around.gatherer.gather(self.scope, found, deadline_ms=deadline_ms, parts=parts)

    def close(self) -> None:
        """Release everything, the journal last. Idempotent."""
        try:
            self._around.close()
        finally:
            super().close()


def open_store(chosen: settings.Settings) -> MemoryStore:
    """The session store that the settings name, with everything around it.

    Raises:
        SettingsError: the data directory can't be made.
        JournalError: it can't hold a store, or what it holds is damaged.
    """
    opened = open_journal(chosen)
    around = Surroundings(chosen, opened)
    return opened.made_into(lambda core, scope: MemoryStore(core, scope, around=around))


def open_library(path: str | Path) -> MemoryStore:
    """The store in a data directory, with the settings that its own `nova.toml` has, if any.

    Reads no environment, and no other file.

    Raises:
        StoreUnusable: the directory can't hold a journal; says why.
        Corrupt: what it holds is damaged.
    """
    folder = Path(path).expanduser().resolve()
    chosen = settings.load(env={}, overrides={"data_dir": str(folder)}, workspace=folder)
    return open_store(chosen)


def _query_embedder(embedder: TierEmbedder) -> Any:
    def embed(text: str) -> bytes:
        return embedder.embed([text])[0]

    return embed
