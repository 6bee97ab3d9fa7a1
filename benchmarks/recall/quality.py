"""The rankings that are compared: the shipped one, its parts, plain BM25, and one that is fitted.

All run over the same stores, with the turns appended as a person would. The shipped and the fused
ranking go through `Recall.recall`; the others rank the same index.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.recall.conversations import (
    Conversation,
    Question,
    append_conversation,
    read_conversations,
)
from benchmarks.recall.fitting import Example, fit
from benchmarks.recall.metrics import Ranking, table_row
from novacore import journal, kit, llm, memory
from novacore.memory.recall.engine import Engine
from novacore.memory.recall.query import read_query
from novacore.memory.recall.scoring import TextScorer, TextWeights
from novacore.memory.recall.search import Searcher

_LIMIT = 100
_PLAIN = TextWeights(k1=1.5, b=0.75)
Rank = Callable[[Question], Sequence[int]]


class _Kept:
    """An embedder that remembers: each text is embedded once for all rankings."""

    is_cheap = True

    def __init__(self, embedder: llm.Embedder) -> None:
        self._embedder = embedder
        self._rows: dict[str, NDArray[np.float32]] = {}
        self.identity = embedder.identity
        self.close = embedder.close

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed(self, texts: Sequence[str], *, is_query: bool = False) -> NDArray[np.float32]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._rows]
        fresh = self._embedder.embed(missing, is_query=is_query)
        self._rows.update(zip(missing, fresh, strict=True))
        return np.array([self._rows[text] for text in texts], np.float32)


@dataclass(kw_only=True)
class Asked:
    """One conversation's store, index and questions."""

    conversation: Conversation
    engine: Engine
    recalls: dict[str, memory.Recall]
    keys: list[str]
    """By document of the index, the turn's key."""
    places: dict[str, str]
    """By "session:position", the turn's key."""
    sessions: dict[str, str]
    """By turn's key, its session."""
    examples: list[Example] = field(default_factory=list[Example])


def measure(path: Path, *, embedder: str = "auto") -> Iterator[tuple[str, list[float], int]]:
    """(name, figures, questions) of each ranking, in the order of the table."""
    opened = llm.open_embedder(llm.EmbeddingConfig(embedder=embedder))
    made = _Kept(opened) if opened is not None else None
    with tempfile.TemporaryDirectory() as name:
        asked = [
            _prepare(each, Path(name) / str(at), made)
            for at, each in enumerate(read_conversations(path))
        ]
        for title, rankings in _rankings(asked, made):
            yield title, table_row(rankings), len(rankings)
        for each in asked:
            for recall in each.recalls.values():
                recall.close()


def _prepare(conversation: Conversation, folder: Path, embedder: llm.Embedder | None) -> Asked:
    store = journal.open_store(folder)
    places = append_conversation(store, conversation)
    configs = {name: memory.RecallConfig(ranker=name) for name in ("logistic", "fusion")}
    recalls = {
        name: memory.Recall(store, embedder=embedder, config=config)
        for name, config in configs.items()
    }
    recalls["words"] = memory.Recall(store)
    engine = Engine(
        store, folder=None, embedder=embedder, config=configs["logistic"], clock=kit.SystemClock()
    )
    engine.catch_up(600_000)
    index = engine.follower.index
    names = {info.id: info.name for info in store.all_sessions()}
    keys = [
        places[f"{names[index.names['session'].texts[session]]}:{position}"]
        for session, position in zip(
            index.column("session").tolist(), index.column("position").tolist(), strict=True
        )
    ]
    return Asked(
        conversation=conversation,
        engine=engine,
        recalls=recalls,
        keys=keys,
        places=places,
        sessions={key: place.rpartition(":")[0] for place, key in places.items()},
    )


def _rankings(
    asked: Sequence[Asked], embedder: llm.Embedder | None
) -> Iterator[tuple[str, list[Ranking]]]:
    def recalled(name: str) -> list[Ranking]:
        return [
            _ranking(each, question, _recalled(each, question, name))
            for each in asked
            for question in each.conversation.questions
        ]

    def ranked(make: Callable[[Asked], Rank]) -> list[Ranking]:
        return [
            _ranking(each, question, [each.keys[number] for number in rank(question)])
            for each in asked
            for rank in [make(each)]
            for question in each.conversation.questions
        ]

    yield "plain BM25 (k1 1.5, b 0.75)", ranked(lambda each: _by_words(each, "own", _PLAIN))
    if embedder is not None:
        yield (
            f"vectors alone ({embedder.identity})",
            ranked(lambda each: _by_vectors(each, embedder)),
        )
    yield "BM25 over fields, k1 1.5, b 0.75", ranked(lambda each: _by_words(each, "fields", _PLAIN))
    yield "BM25 over fields, as shipped", ranked(lambda each: _by_words(each, "fields", None))
    yield "fusion without ranker", recalled("fusion")
    yield "**shipped weights**, words only", recalled("words")
    yield "**shipped weights**", recalled("logistic")
    yield "fitted, leaving one conversation out", _fitted(asked, embedder)


def _recalled(each: Asked, question: Question, name: str) -> list[str]:
    hits = each.recalls[name].recall(question.text, limit=_LIMIT, neighbours=0)
    return [each.places[f"{hit.session}:{hit.position}"] for hit in hits]


def _ranking(each: Asked, question: Question, found: Sequence[str]) -> Ranking:
    return Ranking(
        found=found,
        sessions=[each.sessions[key] for key in found],
        evidence=question.evidence,
        wanted_sessions=frozenset(each.sessions[key] for key in question.evidence),
        category=question.category,
    )


def _by_words(each: Asked, name: str, weights: TextWeights | None) -> Rank:
    scorer = TextScorer(each.engine.follower.index, weights)

    def rank(question: Question) -> list[int]:
        query = read_query(question.text, now_us=kit.SystemClock().now_us())
        return _top(getattr(scorer.score(query), name))

    return rank


def _by_vectors(each: Asked, embedder: llm.Embedder) -> Rank:
    vectors = each.engine.follower.vectors
    everything = np.ones(each.engine.follower.index.count, np.bool_)

    def rank(question: Question) -> list[int]:
        row = embedder.embed([question.text], is_query=True)[0]
        return [] if vectors is None else vectors.nearest(row, _LIMIT, allowed=everything).tolist()

    return rank


def _fitted(asked: Sequence[Asked], embedder: llm.Embedder | None) -> list[Ranking]:
    """Weights fitted to the other conversations: what tuning to this kind of talk would give."""
    for each in asked:
        each.examples = [
            _example(each, question, embedder) for question in each.conversation.questions
        ]
    made: list[Ranking] = []
    for each in asked:
        others = [example for other in asked if other is not each for example in other.examples]
        weights = fit(others)
        for question, example in zip(each.conversation.questions, each.examples, strict=True):
            order = np.argsort(-(example.features @ weights), kind="stable")[:_LIMIT]
            found = [each.keys[example.numbers[row]] for row in order]
            made.append(_ranking(each, question, found))
    return made


def _example(each: Asked, question: Question, embedder: llm.Embedder | None) -> Example:
    searcher: Searcher = each.engine.searcher()
    now_us = kit.SystemClock().now_us()
    numbers, features = searcher.features(
        read_query(question.text, now_us=now_us),
        vector=embedder.embed([question.text], is_query=True)[0] if embedder else None,
        allowed=searcher.index.alive,
        limit=_LIMIT,
        diversity=0.0,
        now_us=now_us,
        read_texts=each.engine.follower.texts,
    )
    wanted = np.array([each.keys[number] in question.evidence for number in numbers], np.float64)
    return Example(numbers=numbers, features=features.astype(np.float64), wanted=wanted)


def _top(scores: NDArray[np.float32]) -> list[int]:
    return np.argsort(-scores, kind="stable")[:_LIMIT].tolist()
