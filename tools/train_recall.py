"""Train the weights of recall's ranker from training/recall, and write weights.json.

    python tools/train_recall.py [--check]

The ranker is a conditional logit: among a question's candidates, the share of each is the softmax
of its weighted features, and the turns that answer should have all of it. A Gaussian prior stands
around weights set by hand from published findings, so that features which the training data says
little of keep a sensible weight. Newton's method; the result is rounded, so it is the same on every
machine.

Source: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import recall_corpus
from novacore import journal, llm
from novacore.memory.recall.documents import read_document
from novacore.memory.recall.features import FEATURES
from novacore.memory.recall.index import Index
from novacore.memory.recall.query import read_query
from novacore.memory.recall.ranker import WEIGHTS_FILE, make_ranker
from novacore.memory.recall.search import Searcher
from novacore.memory.recall.vectors import Vectors

PRIOR: Final = {
    "fields": 4.0, "rank": 0.4, "own_rank": 0.3, "cover_around": 1.5, "pairs": 1.0,
    "own_long": 1.5, "session": 1.0, "session_rank": 0.3, "said_by_named": 0.3,
    "said_by_other": -0.3, "date_named": 1.0, "date_near": 0.5, "date_far": -0.5,
    "when_says_when": 1.0, "count_says_number": 0.7, "who_has_name": 0.3, "where_has_name": 0.5,
    "asked_question": -0.5, "answers_question": 0.5, "short_reply": -0.3, "length": 0.4,
    "vector_around": 1.5, "exact": 3.0, "phrase": 6.0, "recency": 0.2,
}  # fmt: skip
"""The weights before any training: the text of all fields first, cues and meaning beside it."""

STRENGTH: Final = 1.0
"""How firmly the prior stands. The same few dozen threads are seen again and again, so that the
questions are far fewer than they seem, and a habit of theirs must not move a weight far."""

CANDIDATES: Final = 150
_NOW_US: Final = 1_767_225_600_000_000
_STEPS_MAX: Final = 50
_FIXED: Final = ("exact", "phrase", "recency", "confidence")
"""Set by hand for good: the training questions have no way to tell."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A question's candidates."""

    features: NDArray[np.float64]
    wanted: NDArray[np.float64]
    """The share that each should have; sums to 1, or to 0 where nothing answers."""


def examples_of(corpus: recall_corpus.Corpus, embedder: llm.Embedder) -> list[Example]:
    """The questions of a store with the features that recall itself computes."""
    index = Index()
    documents = [
        document
        for number, turn in enumerate(corpus.turns)
        if (document := read_document(_entry(number, turn), chars_max=65_536))
    ]
    index.add(documents)
    numbers = {document.sequence - 1: at for at, document in enumerate(documents)}
    vectors = Vectors(embedder.identity, exact_max=1_000_000)
    vectors.grow(index.count)
    rows = np.arange(index.count, dtype=np.int32)
    vectors.put(rows, embedder.embed([document.text for document in documents]))
    searcher = Searcher(
        index, vectors=vectors, ranker=make_ranker("prior", PRIOR), candidates=CANDIDATES
    )
    made: list[Example] = []
    for question in corpus.questions:
        evidence = [numbers[each] for each in question.evidence if each in numbers]
        made.append(_example(searcher, question.text, evidence, embedder))
    return made


def fit(examples: Sequence[Example]) -> NDArray[np.float64]:
    """The most likely weights, in the order of `FEATURES`."""
    prior = np.array([PRIOR.get(name, 0.0) for name in FEATURES])
    told = [each for each in examples if each.wanted.any()]
    free = np.array([name not in _FIXED for name in FEATURES], np.float64)
    features = np.concatenate([each.features for each in told]) * free
    wanted = np.concatenate([each.wanted for each in told])
    sizes = [len(each.wanted) for each in told]
    measure = _likelihood(features, wanted, sizes, prior)
    weights = prior.copy()
    loss, share = measure(weights)
    for _ in range(_STEPS_MAX):
        step = _newton_step(features, wanted, share, sizes, weights - prior)
        size = 1.0
        while size > 1e-6 and measure(weights - size * step)[0] > loss:
            size /= 2
        weights = weights - size * step
        loss, share = measure(weights)
        if np.abs(size * step).max() < 1e-9:
            break
    return weights


def bias_of(examples: Sequence[Example], weights: NDArray[np.float64]) -> float:
    """What makes a score of one half the middle between found answers and vain questions."""
    answered: list[float] = []
    vain: list[float] = []
    for each in examples:
        sums = each.features @ weights
        if not each.wanted.any():
            vain.append(float(sums.max(initial=0)))
        elif each.wanted[np.argmax(sums)] > 0:
            answered.append(float(sums.max()))
    return -(float(np.mean(answered)) + float(np.mean(vain))) / 2


def train() -> dict[str, Any]:
    """The content of weights.json."""
    embedder = llm.open_embedder(llm.EmbeddingConfig(embedder="wordllama"))
    if embedder is None:
        raise SystemExit("Training needs the package wordllama.")
    examples = [
        each for corpus in recall_corpus.build_corpora() for each in examples_of(corpus, embedder)
    ]
    weights = fit(examples)
    # Adding 0 makes of "-0.0" what it is.
    rounded = {
        name: round(float(weight), 2) + 0.0 for name, weight in zip(FEATURES, weights, strict=True)
    }
    return {
        "about": "Weights of recall's ranker. Made by tools/train_recall.py; do not edit.",
        "questions": sum(bool(each.wanted.any()) for each in examples),
        "bias": round(bias_of(examples, weights), 1),
        "weights": {name: weight for name, weight in rounded.items() if weight},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the weights, or with --check compare them with those that are there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    asked = parser.parse_args(arguments)
    text = json.dumps(train(), indent=2) + "\n"
    is_same = WEIGHTS_FILE.is_file() and WEIGHTS_FILE.read_text(encoding="utf-8") == text
    if asked.check:
        print("The weights are what training gives." if is_same else "The weights differ.")
        return 0 if is_same else 1
    WEIGHTS_FILE.write_text(text, encoding="utf-8")
    print(f"{'Unchanged' if is_same else 'Written'}: {WEIGHTS_FILE}")
    return 0


def _entry(number: int, turn: recall_corpus.Turn) -> journal.Entry:
    body: dict[str, Any] = {"role": turn.speaker, "content": turn.text}
    if turn.speaker not in ("user", "assistant"):
        body = {"role": "user", "name": turn.speaker, "content": turn.text}
    return journal.Entry(
        sequence=number + 1, session_id=turn.session, position=number, id="", kind="message",
        said_at_us=round(turn.said_at.timestamp() * 1_000_000), recorded_at_us=0, actor="",
        version=1, body=journal.Message(body), is_erased=False, checksum=0, digest=b"", chain=b"",
    )  # fmt: skip


def _example(
    searcher: Searcher, text: str, evidence: Sequence[int], embedder: llm.Embedder
) -> Example:
    query = read_query(text, now_us=_NOW_US)
    vector = embedder.embed([text], is_query=True)[0]
    numbers, features = searcher.features(
        query,
        vector=vector,
        allowed=searcher.index.alive,
        limit=10,
        diversity=0.0,
        now_us=_NOW_US,
        read_texts=lambda _: [],
    )
    wanted = np.isin(numbers, evidence).astype(np.float64)
    return Example(
        features=features.astype(np.float64), wanted=wanted / max(float(wanted.sum()), 1.0)
    )


def _likelihood(
    features: NDArray[np.float64],
    wanted: NDArray[np.float64],
    sizes: Sequence[int],
    prior: NDArray[np.float64],
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    """A function from weights to the loss and to each candidate's share."""
    starts = np.cumsum([0, *sizes[:-1]])
    count = len(sizes)

    def measure(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        sums = features @ weights
        tops = np.maximum.reduceat(sums, starts)
        grown = np.exp(sums - np.repeat(tops, sizes))
        totals = np.add.reduceat(grown, starts)
        loss = (np.log(totals) + tops).sum() - (wanted * sums).sum()
        away = STRENGTH / 2 * ((weights - prior) ** 2).sum()
        return float(loss / count + away), grown / np.repeat(totals, sizes)

    return measure


def _newton_step(
    features: NDArray[np.float64],
    wanted: NDArray[np.float64],
    share: NDArray[np.float64],
    sizes: Sequence[int],
    away: NDArray[np.float64],
) -> NDArray[np.float64]:
    starts, count = np.cumsum([0, *sizes[:-1]]), len(sizes)
    slope = features.T @ (share - wanted) / count + STRENGTH * away
    weighted = features * share[:, None]
    means = np.add.reduceat(weighted, starts, axis=0)
    curve = weighted.T @ features / count - means.T @ means / count
    step = np.linalg.solve(curve + STRENGTH * np.eye(len(away)), slope)
    return step.astype(np.float64)


if __name__ == "__main__":
    sys.exit(main())
