"""A journal in memory with recall over it, and short ways to say and to ask."""

from collections.abc import Callable, Iterator

import pytest

from novacore import journal, memory
from novacore.kit import FixedClock

DAY_US = 86_400_000_000
NOW_US = 1_718_000_000_000_000
"""2024-06-10 06:13 UTC, a Monday."""

Say = Callable[..., journal.Appended]
Ask = Callable[..., list[str]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW_US)


@pytest.fixture
def store(clock: FixedClock) -> Iterator[journal.JournalStore]:
    with journal.open_memory(clock=clock) as made:
        yield made


@pytest.fixture
def recall(store: journal.JournalStore, clock: FixedClock) -> Iterator[memory.Recall]:
    with memory.Recall(store, clock=clock) as made:
        yield made


@pytest.fixture
def say(store: journal.JournalStore) -> Say:
    def speak(
        text: str,
        *,
        session: str = "talk",
        workspace: str = "",
        name: str = "",
        role: str = "user",
        at_us: int | None = None,
        actor: str = "",
    ) -> journal.Appended:
        body = {"role": role, "content": text} | ({"name": name} if name else {})
        entry = journal.NewEntry(body=body, said_at_us=at_us, actor=actor)
        return store.session(session, workspace=workspace).append(entry)

    return speak


@pytest.fixture
def ask(recall: memory.Recall) -> Ask:
    """The texts of the hits, best first."""

    def question(text: str, **options: object) -> list[str]:
        return [hit.text for hit in recall.recall(text, **options)]  # pyright: ignore[reportArgumentType]

    return question
