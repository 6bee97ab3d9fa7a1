"""What journeys start from."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.journeys.terminals import Place, Terminal, clean_environment
from tests.scripted_provider import ScriptedProvider


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    """A model that says what a test tells it to, over HTTP on loopback."""
    with ScriptedProvider() as scripted:
        yield scripted


@pytest.fixture
def place(tmp_path: Path, provider: ScriptedProvider) -> Place:
    """A fresh account whose model is the scripted provider."""
    folder, data_dir = tmp_path / "folder", tmp_path / "data"
    folder.mkdir()
    env = dict(clean_environment(tmp_path, data_dir))
    env |= {
        "NOVA_LLM_PROVIDER": "anthropic",
        "NOVA_LLM_BASE_URL": provider.url,
        "NOVA_LLM_API_KEY": "key",
        "PYTHONPATH": str(Path(__file__).parent.parent.parent / "src"),
    }
    return Place(data_dir=data_dir, folder=folder, env=env)


@pytest.fixture
def terminal(place: Place) -> Iterator[Callable[..., Terminal]]:
    """Opens `nova` on terminals, which are closed at the end."""
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, **options) -> Terminal:
        opened.append(Terminal(place, *arguments, **options))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()
