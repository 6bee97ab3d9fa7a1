"""A store in memory and one on SQLite, for adapters that run on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from novacore import journal


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[journal.JournalStore]:
    """An empty store, closed when the test ends."""
    if request.param == "memory":
        opened = journal.open_memory()
    else:
        opened = journal.open_store(tmp_path / "data")
    with opened:
        yield opened
