"""A session in a journal, a workspace in a folder, and agents between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.agent.scripted_model import ScriptedModel

from novacore import agent, journal, kit, llm


@pytest.fixture
def store() -> Iterator[journal.JournalStore]:
    with journal.open_memory() as opened:
        yield opened


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def session(store: journal.JournalStore, workspace: Path) -> journal.JournalSession:
    return store.session("talk", workspace=str(workspace))


MakeAgent = Callable[..., agent.Agent]


@pytest.fixture
async def make_agent(
    store: journal.JournalStore, session: journal.JournalSession, workspace: Path
) -> AsyncIterator[MakeAgent]:
    """Makes agents that may do everything unless told otherwise; closes them at the end."""
    made: list[agent.Agent] = []

    def make(model: ScriptedModel, **given: Any) -> agent.Agent:
        config = agent.Config(**{"permissions_default": "allow", **given.pop("config", {})})
        permissions = given.pop("permissions", None) or agent.permissions_from(config)
        used = given.pop("session", session)
        notebook = agent.JournalNoteBook(store, workspace=str(workspace))
        toolbox = given.pop("toolbox", None) or agent.standard_tools(
            workspace, session=used, permissions=permissions, config=config, notebook=notebook
        )
        one = agent.Agent(
            model=model,
            session=used,
            toolbox=toolbox,
            permissions=permissions,
            config=config,
            clock=given.pop("clock", kit.SystemClock()),
            workspace=workspace,
            notebook=notebook,
            **given,
        )
        made.append(one)
        return one

    yield make
    for each in made:
        await each.close()


async def run(one: agent.Agent, message: Any) -> list[agent.AgentEvent]:
    """All events of a turn."""
    return [event async for event in one.run(message)]


def kinds(session: journal.JournalSession) -> list[str]:
    """The kinds of a session's entries."""
    return [entry.kind for entry in session.open().entries]


def texts(session: journal.JournalSession) -> list[tuple[str, str]]:
    """Role and text of each message."""
    readings = [llm.read_message(message) for message in session.messages]
    return [(reading.role, reading.text) for reading in readings]


async def eventually(is_so: Callable[[], bool]) -> None:
    """Waits until something is so; the test run's own time limit ends a vain wait."""
    for _attempt in range(1_000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be so")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not fetched yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def number_in(path: Path) -> int:
    """The number that a command wrote to a file; 0 while it hasn't."""
    return int(path.read_text() or 0) if path.exists() else 0
