"""What bootstrap puts between rooms: vectors as bytes, notes beside memories, recall for agents."""

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from novacore import agent, bootstrap, journal, llm, memory, settings, tiers
from novacore.bootstrap import asked
from novacore.bootstrap.embedding import TierEmbedder
from novacore.bootstrap.learning import learn
from novacore.bootstrap.remembering import RememberingNoteBook
from novacore.bootstrap.wiring import _Recaller


class Halves:
    """An embedder of two numbers, which may fail."""

    identity = "halves-1"
    dimensions = 2
    is_cheap = True

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def embed(self, texts: Sequence[str], *, is_query: bool = False) -> np.ndarray:
        if self._error is not None:
            raise self._error
        return np.full((len(texts), 2), 0.5, dtype=np.float64)

    def close(self) -> None:
        """Nothing is held."""


def test_the_tiers_get_vectors_as_the_bytes_of_float32():
    embedder = TierEmbedder(Halves())
    assert (embedder.identity, embedder.dimensions) == ("halves-1", 2)
    assert embedder.embed(["a", "b"]) == [np.array([0.5, 0.5], dtype="<f4").tobytes()] * 2


def test_a_text_that_is_refused_is_told_apart_from_an_embedder_that_is_silent():
    with pytest.raises(tiers.ItemRefused, match="too long"):
        TierEmbedder(Halves(llm.RequestRefused("It is too long."))).embed(["a"])
    with pytest.raises(tiers.TierUnavailable, match="does not answer: Nobody is there"):
        TierEmbedder(Halves(llm.ConnectFailed("Nobody is there."))).embed(["a"])


@pytest.fixture
def store(tmp_path):
    overrides = {"data_dir": str(tmp_path / "data"), "tiers.projector": "off"}
    with bootstrap.open_store(settings.load(env={}, overrides=overrides)) as opened:
        yield opened


def test_the_agent_recalls_who_said_what_where_and_when(store):
    body = {"role": "user", "name": "Ada", "content": "The harbour closes in March."}
    store.session("planning").append(journal.NewEntry(body=body, said_at_us=1_700_000_000_000_000))
    store.session("planning").append({"content": "The harbour opens in May."})
    found = {each.speaker: each for each in _Recaller(store).recall("the harbour", limit=2)}
    assert {name: each.session for name, each in found.items()} == {
        "Ada": "planning",
        "someone": "planning",
    }
    assert found["Ada"].said_at_us == 1_700_000_000_000_000


async def test_a_note_is_kept_in_the_notebook_and_shown_beside_memories(store):
    store.memories.create("Ada prefers green tea.", type="fact", term="long", confidence=0.9)
    notebook = RememberingNoteBook(
        agent.JournalNoteBook(store, workspace="/srv/boats"),
        memories=store.memories,
        workspace="/srv/boats",
    )
    await notebook.add_note("Use tabs.", category="style", session_id="one")
    await notebook.add_answer({"rule": "shell", "decision": "allow"})
    assert [note.text for note in await notebook.list_notes()] == [
        "Use tabs.",
        "Ada prefers green tea.",
    ]
    assert len(await notebook.list_answers()) == 1


def test_a_store_without_memories_learns_nothing():
    with journal.open_memory() as plain:
        session = plain.session("talk")
        session.append({"role": "user", "content": "My name is Ada."})
        learn(plain, session, config=memory.Config())
        assert len(plain.all_sessions()) == 1


def _project(told: bytes) -> int:
    command = [sys.executable, "-P", "-m", "novacore.bootstrap"]
    return subprocess.run(command, input=told, check=False, timeout=60).returncode


@pytest.mark.heavy
def test_the_projecting_process_ends_at_once_where_there_is_nothing_to_project(tmp_path):
    missing = settings.load(env={}, overrides={"data_dir": str(tmp_path / "gone")})
    assert _project(b"") == 0
    assert _project(asked.encode(missing)) == 0
    assert not (tmp_path / "gone").exists()


@pytest.mark.heavy
def test_the_projecting_process_fails_where_the_journal_can_not_be_opened(tmp_path):
    (tmp_path / "journal.db").write_bytes(b"This is no journal. " * 1_000)
    chosen = settings.load(env={}, overrides={"data_dir": str(tmp_path)})
    assert _project(asked.encode(chosen)) == 1
