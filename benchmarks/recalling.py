"""Recall beside mem0 and LangGraph's store: the same texts, the same embedder, one run.

With `--recall-data FILE` (conversations with questions, in LoCoMo's form) it also counts how much
of what answers a question is among the first ten; without, only time is measured.
"""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import novacore
from benchmarks import measure, report
from benchmarks.recall import conversations
from benchmarks.recall.conversations import Conversation
from benchmarks.recall_peers import RecallPeer, all_recall_peers
from benchmarks.report import Row
from benchmarks.stage import Stage
from novacore import bootstrap

SECTION = "Recall beside others, the same static embedder"
_LIMIT = 10
_SAID_AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_CONVERSATIONS = 2
_ASKED = ("which file has the failing test", "what was decided", "when did it break", "error")


class Ours:
    """Recall as `novacore.open` gives it: a session for each talk, appended as it was said."""

    name = "NovaCore"

    def __init__(self, store: bootstrap.MemoryStore) -> None:
        self._store = store
        self._turns: dict[tuple[str, int], str] = {}

    def add(self, turn: str, text: str) -> None:
        speaker, _, said = text.partition(": ")
        session = self._store.session(turn.partition(":")[0])
        done = session.append({"role": "user", "name": speaker, "content": said})
        self._turns[str(session.name), done.positions[0]] = turn

    def search(self, question: str, *, limit: int) -> Sequence[str]:
        hits = self._store.recall(question, limit=limit)
        return [self._turns[hit.session.name, hit.position] for hit in hits]


@dataclass
class _Found:
    """What one contender did."""

    added: int = 0
    add_s: float = 0.0
    asked_ms: list[float] = field(default_factory=list[float])
    shares: list[float] = field(default_factory=list[float])


def run(stage: Stage) -> list[Row]:
    """Every row of this section; none where the peers are not installed."""
    if not stage.has_libraries:
        return []
    found: dict[str, _Found] = {}
    talks = _conversations(stage)
    for number, talk in enumerate(talks):
        folder = stage.fresh(f"recall-{number}")
        with novacore.open(folder / "ours") as store:
            contenders: list[RecallPeer] = [Ours(store), *all_recall_peers(folder)]
            for contender in contenders:
                _measure(contender, talk, found.setdefault(contender.name, _Found()))
    return [row for name, each in found.items() for row in _rows(name, each)]


def _conversations(stage: Stage) -> list[Conversation]:
    if stage.recall_data is None:
        return [_of_the_workload(stage)]
    found = conversations.read_conversations(Path(stage.recall_data))
    return found[: 1 if stage.is_quick else _CONVERSATIONS]


def _of_the_workload(stage: Stage) -> Conversation:
    """The bench's own messages, with questions that nobody knows the answers of."""
    turns = tuple(
        conversations.Turn(
            key=f"D1:{number}", speaker=message["role"], text=str(message["content"])[:2_000]
        )
        for number, message in enumerate(stage.messages[: 100 if stage.is_quick else None])
    )
    asked = tuple(
        conversations.Question(text=text, evidence=frozenset(), category=0) for text in _ASKED * 25
    )
    talk = conversations.Talk(number=1, said_at=_SAID_AT, turns=turns)
    return Conversation(name="bench", talks=(talk,), questions=asked)


def _measure(contender: RecallPeer, talk: Conversation, found: _Found) -> None:
    start_s = time.perf_counter()
    for session in talk.talks:
        for turn in session.turns:
            contender.add(turn.key, f"{turn.speaker}: {turn.text}")
            found.added += 1
    contender.search("everything is taken in now", limit=1)
    found.add_s += time.perf_counter() - start_s
    for question in talk.questions:
        start_s = time.perf_counter()
        keys = contender.search(question.text, limit=_LIMIT)
        found.asked_ms.append((time.perf_counter() - start_s) * 1_000)
        if question.evidence:
            found.shares.append(len(question.evidence & set(keys)) / len(question.evidence))


def _rows(name: str, found: _Found) -> list[Row]:
    make = report.shown_only if name == Ours.name else report.of_peer
    rate = found.added / found.add_s
    rows = [
        make(
            SECTION, f"{name}: messages taken in, one call each", rate,
            shown=f"{report.number(rate)}/s", key=f"recall_in {name}",
        ),
        make(
            SECTION, f"{name}: a question, p50", measure.quantile(found.asked_ms, 0.5),
            key=f"recall_ms {name}",
        ),
        make(SECTION, f"{name}: a question, p95", measure.quantile(found.asked_ms, 0.95)),
    ]  # fmt: skip
    if found.shares:
        share = sum(found.shares) / len(found.shares)
        rows.append(
            make(
                SECTION, f"{name}: R@10, {len(found.shares)} questions", share,
                shown=f"{share:.3f}", key=f"recall_r10 {name}",
            )
        )  # fmt: skip
    return rows
