"""How long a question takes, how fast messages are taken in, and how large the index grows."""

import itertools
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from novacore import journal, llm
from novacore.memory.recall.engine import Engine
from novacore.memory.recall.service import Recall

_WORDS = 40_000
_PER_SESSION = 50
_BATCH = 500
_QUESTIONS = 200
_START_US = 1_700_000_000_000_000
_MINUTE_US = 60_000_000


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What was measured at one size."""

    messages: int
    ingest_per_s: float
    """Messages indexed a second, vectors included."""
    p50_ms: float
    p95_ms: float
    fresh_ms: float
    """Median of a question just after an append."""
    open_ms: float
    """The first question of a new process, from the published files."""
    bytes_per_message: float
    ann_recall: float | None
    """Of the ten nearest vectors, how many the approximate index finds; None: all are compared."""
    exact_ms: float
    """Finding the nearest by comparing all vectors."""
    ann_ms: float | None
    """Finding them by the approximate index."""


def measure(messages: int, *, seed: int = 7) -> Speed:
    """Append so many messages to a real store, index them, and ask."""
    texts = _texts(messages, seed=seed)
    embedder = llm.open_embedder(llm.EmbeddingConfig())
    with tempfile.TemporaryDirectory() as name, journal.open_store(name) as store:
        _append(store, texts)
        folder = Path(name) / "recall"
        if embedder is not None:
            embedder.embed(["warm up"])
        recall = Recall(store, folder=folder, embedder=embedder)
        began = time.perf_counter()
        recall.catch_up(3_600_000)
        ingest_s = time.perf_counter() - began
        ask = _questions(texts, seed=seed)
        recall.recall(ask[0])
        samples = [_timed(recall, question) for question in ask]
        fresh = [_after_append(store, recall, question) for question in ask[:30]]
        ann_recall, exact_ms, ann_ms = _vectors(recall, ask)
        recall.close()
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        began = time.perf_counter()
        with Recall(store, folder=folder, embedder=embedder) as again:
            again.recall(ask[0])
            open_ms = (time.perf_counter() - began) * 1e3
    return Speed(
        messages=messages,
        ingest_per_s=messages / ingest_s,
        p50_ms=statistics.median(samples),
        p95_ms=sorted(samples)[round(0.95 * (len(samples) - 1))],
        fresh_ms=statistics.median(fresh),
        open_ms=open_ms,
        bytes_per_message=size / messages,
        ann_recall=ann_recall,
        exact_ms=exact_ms,
        ann_ms=ann_ms,
    )


def _texts(count: int, *, seed: int) -> list[str]:
    """Texts of 8 to 60 words, a third of them of their session's topic, the others by Zipf's law.

    The law is followed from its 30th word on: what stands before are stop words, and not indexed.
    """
    numbers = np.random.default_rng(seed)
    names = ["".join(part) for part in itertools.product("bdfglmnprst", "aeiou", "kmnrst", "aeio")]
    words = [
        f"{first}{second}" for first, second in itertools.product(names, names[:: len(names) // 31])
    ][:_WORDS]
    weights = 1 / np.arange(30, len(words) + 30)
    weights /= weights.sum()
    made: list[str] = []
    while len(made) < count:
        topic = numbers.integers(0, len(words), 200)
        common = numbers.choice(len(words), (_PER_SESSION, 40), p=weights)
        own = numbers.choice(topic, (_PER_SESSION, 20))
        for row in range(min(_PER_SESSION, count - len(made))):
            size = int(numbers.integers(8, 60))
            chosen = np.concatenate((common[row, : size - size // 3], own[row, : size // 3]))
            made.append(" ".join(words[number] for number in numbers.permutation(chosen)))
    return made


def _append(store: journal.Store, texts: list[str]) -> None:
    for first in range(0, len(texts), _PER_SESSION):
        session = store.session(f"talk {first}")
        session.append(
            *(
                journal.NewEntry(
                    body={"role": "user", "content": text},
                    said_at_us=_START_US + (first + at) * _MINUTE_US,
                )
                for at, text in enumerate(texts[first : first + _PER_SESSION])
            )
        )


def _questions(texts: list[str], *, seed: int) -> list[str]:
    """Six words of some message each, common and rare ones."""
    chance = random.Random(seed)
    found: list[str] = []
    while len(found) < _QUESTIONS:
        words = chance.choice(texts).split()
        found.append("when did " + " ".join(chance.sample(words, 6)))
    return found


def _timed(recall: Recall, question: str) -> float:
    began = time.perf_counter()
    recall.recall(question)
    return (time.perf_counter() - began) * 1e3


def _after_append(store: journal.Store, recall: Recall, question: str) -> float:
    store.session("latest").append({"role": "user", "content": question})
    return _timed(recall, question)


def _vectors(recall: Recall, questions: list[str]) -> tuple[float | None, float, float | None]:
    """Recall at ten of the approximate index beside comparing all, and both times."""
    engine: Engine = recall._opened()  # noqa: SLF001 - the measured part
    vectors, embedder = engine.follower.vectors, recall._embedder  # noqa: SLF001 - the same
    if vectors is None or embedder is None:
        return None, 0.0, None
    rows = embedder.embed(questions[:100], is_query=True)
    matrix = vectors.rows(np.arange(vectors.count, dtype=np.int32))
    began = time.perf_counter()
    exact = [np.argpartition(-(matrix @ row), 10)[:10] for row in rows]
    exact_ms = (time.perf_counter() - began) * 1e3 / len(rows)
    everything = np.ones(vectors.count, np.bool_)
    if vectors.graph is None:
        return None, exact_ms, None
    began = time.perf_counter()
    found = [vectors.nearest(row, 10, allowed=everything) for row in rows]
    ann_ms = (time.perf_counter() - began) * 1e3 / len(rows)
    shares = [
        len(set(left.tolist()) & set(right.tolist())) / 10
        for left, right in zip(exact, found, strict=True)
    ]
    return statistics.mean(shares), exact_ms, ann_ms
