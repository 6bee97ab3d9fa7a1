"""What an open transcript holds: no longer than somebody holds it, and read only once."""

import gc
import weakref

import pytest

from novacore import journal


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
def test_a_transcript_is_freed_without_the_garbage_collector(no_collector, tmp_path, engine):
    config = journal.Config(open_transcripts_max=0)
    store = (
        journal.open_memory(config=config)
        if engine == "memory"
        else journal.open_store(tmp_path, config=config)
    )
    with store:
        session = store.session("long")
        session.append(*({"role": "user", "content": f"message {n}"} for n in range(200)))
        transcript = session.open()
        assert len(transcript[-20:]) == 20
        assert len(transcript.decode_all()) == 200
        assert transcript.entries[0].position == 0
        parts = [weakref.ref(part.run) for part in transcript._parts]
        whole = weakref.ref(transcript)
        del transcript
        assert whole() is None
        assert [part() for part in parts] == [None] * len(parts)


def test_an_append_makes_the_next_opening_read_only_what_is_new(tmp_path):
    with journal.open_store(tmp_path) as store:
        session = store.session("growing")
        session.append(*({"role": "user", "content": f"message {n}"} for n in range(10)))
        first = session.open()
        read = []
        for reader in store._core.engine._readers._idle:
            reader.exec_trace = lambda _, sql, bindings: read.append((sql, bindings)) or True
        session.append({"role": "user", "content": "one more"})
        second = session.open()
        tails = [bindings for sql, bindings in read if "frame FROM tail" in sql]
        assert [low & 0xFFFF_FFFF for low, _ in tails] == [10]
        assert len(first) == 10
        assert list(second) == [*first, {"role": "user", "content": "one more"}]
