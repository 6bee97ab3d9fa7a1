"""The index between runs and processes: published, read, healed, and rid of what was erased."""

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from novacore import journal, kit, llm, memory
from novacore.memory.recall import files
from novacore.memory.recall.follow import Follower


@pytest.fixture
def store(tmp_path: Path) -> Iterator[journal.JournalStore]:
    with journal.open_store(tmp_path / "data") as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recall"


def _say(store: journal.JournalStore, *texts: str, session: str = "talk") -> None:
    store.session(session).append(*({"role": "user", "content": text} for text in texts))


def _texts(recall: memory.Recall, question: str) -> list[str]:
    return [hit.text for hit in recall.recall(question)]


def _content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_published_index_is_read_by_the_next_one(
    store: journal.JournalStore, folder: Path
) -> None:
    _say(store, *(f"badger number {at}" for at in range(50)))
    with memory.Recall(store, folder=folder) as first:
        found = _texts(first, "badger number 7")
    listing = files.read_listing(files.folder_of(folder, store.scope))
    assert listing is not None
    assert listing.documents == 50
    with memory.Recall(store, folder=folder) as second:
        assert _texts(second, "badger number 7") == found
        _say(store, "badger number 50")
        assert _texts(second, "badger number 50")[0] == "badger number 50"


def test_all_processes_come_to_the_same_files_of_finished_blocks(
    store: journal.JournalStore, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("novacore.memory.recall.index.BLOCK", 10)
    other = tmp_path / "other"
    with memory.Recall(store, folder=folder) as slow, memory.Recall(store, folder=other) as fast:
        for at in range(40):
            _say(store, f"heron {at} stands in the river", session=f"{at % 3}")
            fast.recall("heron")
        slow.recall("heron")
    mine = {path.name for path in folder.rglob("*.seg")}
    assert len(mine) == 4
    assert mine == {path.name for path in other.rglob("*.seg")}


def test_what_another_process_appends_is_found_at_once(
    store: journal.JournalStore, folder: Path, tmp_path: Path
) -> None:
    with memory.Recall(store, folder=folder) as recall:
        assert _texts(recall, "lynx") == []
        code = f"""
            from novacore import journal
            with journal.open_store({str(tmp_path / "data")!r}) as store:
                store.session("far").append({{"role": "user", "content": "a lynx crossed"}})
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
        assert _texts(recall, "lynx") == ["a lynx crossed"]


@pytest.mark.parametrize("harm", ["cut", "flip", "remove", "list"])
def test_a_damaged_file_is_made_anew(store: journal.JournalStore, folder: Path, harm: str) -> None:
    _say(store, *(f"stork {at}" for at in range(20)))
    with memory.Recall(store, folder=folder) as recall:
        expected = _texts(recall, "stork 3")
    path = next(folder.rglob("index.json" if harm == "list" else "*.seg"))
    content = path.read_bytes()
    if harm == "remove":
        path.unlink()
    elif harm == "flip":
        path.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    else:
        path.write_bytes(content[: len(content) // 2])
    with memory.Recall(store, folder=folder) as recall:
        assert _texts(recall, "stork 3") == expected
    with memory.Recall(store, folder=folder) as recall:
        assert _texts(recall, "stork 3") == expected


def test_erased_words_are_gone_from_the_index_and_its_files(
    store: journal.JournalStore, folder: Path
) -> None:
    embedder = llm.open_embedder(llm.EmbeddingConfig(embedder="wordllama"))
    _say(store, "the canary word is xylotherium", "the other word is heliotrope")
    _say(store, "in a session called by a canary too: ptarmigan", session="zugzwang")
    store.session("named").append({"role": "user", "name": "Thaumaturge", "content": "hello all"})
    with memory.Recall(store, folder=folder, embedder=embedder) as recall:
        assert _texts(recall, "xylotherium")[0] == "the canary word is xylotherium"
        recall.publish()
        assert b"xylotherium" in _content(folder)
        old = _content(folder)
        store.erase("talk", positions=[0])
        store.erase("zugzwang")
        store.erase("named", positions=[0])
        assert _texts(recall, "xylotherium canary zugzwang") == []
        assert _texts(recall, "heliotrope") == ["the other word is heliotrope"]
        for canary in (b"xylotherium", b"ptarmigan", b"Thaumaturge"):
            assert canary in old
            assert canary not in _content(folder)
    with memory.Recall(store, folder=folder, embedder=embedder) as recall:
        assert _texts(recall, "xylotherium ptarmigan Thaumaturge canary") == []
        assert _texts(recall, "heliotrope") == ["the other word is heliotrope"]


def test_an_erasure_reaches_files_that_another_process_published(
    store: journal.JournalStore, folder: Path
) -> None:
    _say(store, "the word is xylotherium", "and nothing else")
    with memory.Recall(store, folder=folder) as first, memory.Recall(store, folder=folder) as other:
        first.recall("word")
        first.publish()
        store.erase("talk", positions=[0])
        other.recall("word")
        assert b"xylotherium" not in _content(folder)


def _erased_while_taken(
    store: journal.JournalStore, folder: Path, recall: memory.Recall
) -> journal.Lock:
    """Erase the canary while another process writes the published files."""
    recall.recall("word")
    recall.publish()
    [owner] = [path.name for path in folder.iterdir()]
    held = store.feed().try_lock(f"recall-{owner}")
    assert held is not None
    store.erase("talk", positions=[0])
    return held


def test_an_erasure_waits_for_another_process_that_publishes_just_then(
    store: journal.JournalStore, folder: Path
) -> None:
    _say(store, "the word is xylotherium", "and nothing else")
    with memory.Recall(store, folder=folder) as recall:
        held = _erased_while_taken(store, folder, recall)
        threading.Timer(0.1, held.close).start()
        recall.publish()
        assert b"xylotherium" not in _content(folder)


def test_an_erasure_that_found_the_files_taken_reaches_them_with_the_next_question(
    store: journal.JournalStore, folder: Path
) -> None:
    _say(store, "the word is xylotherium", "and nothing else")
    with memory.Recall(store, folder=folder) as recall:
        held = _erased_while_taken(store, folder, recall)
        recall.recall("word")
        assert b"xylotherium" in _content(folder)
        held.close()
        recall.recall("word")
        assert b"xylotherium" not in _content(folder)


def test_a_process_that_did_not_hear_of_an_erasure_never_brings_the_words_back(
    store: journal.JournalStore, folder: Path
) -> None:
    _say(store, "the word is xylotherium", "and nothing else")
    late = Follower(
        store, folder=folder, embedder=None, config=memory.RecallConfig(), clock=kit.SystemClock()
    )
    late.catch_up(10_000)
    store.erase("talk", positions=[0])
    with memory.Recall(store, folder=folder) as recall:
        recall.publish()
    _say(store, "one more")
    late._read_on(float("inf"))
    assert not late.publish()
    assert b"xylotherium" not in _content(folder)
    late.catch_up(10_000)
    late.publish()
    assert b"xylotherium" not in _content(folder)


def test_an_index_of_another_epoch_is_not_trusted(
    store: journal.JournalStore, folder: Path, tmp_path: Path
) -> None:
    _say(store, "only in the first journal")
    with memory.Recall(store, folder=folder) as recall:
        recall.recall("journal")
    with journal.open_store(tmp_path / "second") as second:
        _say(second, "only in the second journal", "and more")
        with memory.Recall(second, folder=folder) as recall:
            assert _texts(recall, "first") == []
            assert _texts(recall, "second journal")[0] == "only in the second journal"


def test_the_state_says_how_far_it_is(store: journal.JournalStore) -> None:
    _say(store, *(f"teal {at}" for at in range(30)))
    with memory.Recall(store) as recall:
        state = recall.catch_up(60_000)
    assert (state.documents, state.is_current, state.vectors) == (30, True, "")
    assert state.sequence == 30


def test_many_blocks_are_merged_and_still_found(
    store: journal.JournalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("novacore.memory.recall.index.BLOCK", 16)
    monkeypatch.setattr("novacore.memory.recall.index.FANOUT", 2)
    monkeypatch.setattr("novacore.memory.recall.vectors.BLOCK", 16)
    monkeypatch.setattr("novacore.memory.recall.files.BLOCK", 16)
    embedder = llm.open_embedder(llm.EmbeddingConfig(embedder="wordllama"))
    config = memory.RecallConfig(exact_entries_max=20, publish_entries=40)
    with memory.Recall(store, folder=folder, embedder=embedder, config=config) as recall:
        for at in range(0, 200, 5):
            _say(store, *(f"egret {at + n} waded slowly" for n in range(5)), session=f"{at}")
            recall.recall("egret")
    with memory.Recall(store, folder=folder, embedder=embedder, config=config) as recall:
        for at in (0, 17, 95, 199):
            assert _texts(recall, f"egret {at} waded")[0] == f"egret {at} waded slowly"
        store.erase("10", positions=[0])
        assert "egret 10 waded slowly" not in _texts(recall, "egret 10 waded")


class _Moody:
    """An embedder that answers only when it likes."""

    identity = "moody"
    dimensions = 4
    is_cheap = False

    def __init__(self) -> None:
        self.is_up = True
        self.disliked = ""

    def embed(self, texts, *, is_query=False):
        if self.disliked and any(self.disliked in text for text in texts):
            raise llm.RequestRefused("Not this text.")
        if not self.is_up:
            raise llm.ConnectFailed("No connection.")
        rows = [[1.0, 0.0, 0.0, len(text) % 7] for text in texts]
        made = np.array(rows, np.float32).reshape(-1, 4)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    def close(self) -> None:
        """Nothing to release."""


def test_without_its_embedder_recall_goes_on_by_words_and_makes_up_for_it(
    store: journal.JournalStore,
) -> None:
    embedder = _Moody()
    clock = kit.FixedClock()
    with memory.Recall(store, embedder=embedder, clock=clock) as recall:
        embedder.is_up = False
        _say(store, "a plover on the beach")
        assert _texts(recall, "plover") == ["a plover on the beach"]
        state = recall.catch_up(1_000)
        assert state.vectors_missing == 1
        assert "Without vectors" in state.problems[0]
        embedder.is_up = True
        _say(store, "another plover")
        assert recall.catch_up(1_000).vectors_missing == 2, "it is left alone for a while"
        clock.advance_ms(60_000)
        recall.recall("plover")
        state = recall.catch_up(1_000)
        assert (state.vectors_missing, state.problems) == (0, ())


def test_a_text_that_the_embedder_refuses_keeps_no_other_from_its_vector(
    store: journal.JournalStore,
) -> None:
    embedder = _Moody()
    embedder.disliked = "offal"
    _say(store, *(f"gannet {at}" for at in range(9)), "offal for the gannet", "gannet last")
    with memory.Recall(store, embedder=embedder) as recall:
        recall.recall("gannet")
        state = recall.catch_up(10_000)
        assert (state.vectors_missing, state.problems) == (0, ())
        assert "offal for the gannet" in _texts(recall, "food for a gannet with offal on it")


def test_a_slow_embedder_holds_up_no_question_for_long(store: journal.JournalStore) -> None:
    _say(store, *(f"dunlin {at}" for at in range(200)))
    config = memory.RecallConfig(vectors_ms=0)
    with memory.Recall(store, embedder=_Moody(), config=config) as recall:
        assert _texts(recall, "dunlin 7")[0] == "dunlin 7"
        engine = vars(recall)["_engine"]
        assert len(engine.follower.vectors.missing()) == 200
        assert recall.catch_up(60_000).vectors_missing == 0


def test_closing_while_another_thread_asks_breaks_nothing(store: journal.JournalStore) -> None:
    _say(store, *(f"curlew {at}" for at in range(20)))
    recall = memory.Recall(store)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(recall.recall("curlew"))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    recall.close()
    for thread in threads:
        thread.join()
    recall.close()
    assert found == [10] * 4
