"""Embeddings by content: nothing is embedded twice, and what was erased is not kept."""

import pytest
from tests.contracts.tier_records import HashEmbedder, session_id

from novacore import tiers
from novacore.journal import Erased
from novacore.tiers.projections.embedding_store import EmbeddingStore

TALK = session_id("talk")


@pytest.fixture
def store(tmp_path):
    found = EmbeddingStore(tmp_path / "vector" / "embeddings.db")
    yield found
    found.close()


@pytest.fixture
def embedder():
    return HashEmbedder()


def at(*positions):
    return [(TALK, position) for position in positions]


def raw(tmp_path):
    return b"".join(path.read_bytes() for path in (tmp_path / "vector").iterdir())


def test_a_text_is_embedded_once_also_within_one_call(store, embedder):
    first = store.vectors(embedder, ["tea", "coffee", "tea"], sources=at(0, 1, 2))
    assert first == HashEmbedder().embed(["tea", "coffee", "tea"])
    assert embedder.texts == ["tea", "coffee"]
    assert store.vectors(embedder, ["coffee"], sources=at(5)) == [first[1]]
    assert embedder.texts == ["tea", "coffee"]
    assert store.count() == 2


def test_embeddings_outlive_the_process_and_are_shared(store, embedder, tmp_path):
    wanted = store.vectors(embedder, ["tea"], sources=at(0))
    store.close()
    again = EmbeddingStore(tmp_path / "vector" / "embeddings.db")
    assert again.vectors(embedder, ["tea"], sources=at(0)) == wanted
    assert embedder.texts == ["tea"]
    again.close()


def test_another_model_has_embeddings_of_its_own(store, embedder):
    store.vectors(embedder, ["tea"], sources=at(0))
    other = HashEmbedder()
    other.identity = "other"
    store.vectors(other, ["tea"], sources=at(0))
    assert other.texts == ["tea"]
    assert store.count() == 2


def test_what_no_entry_needs_any_more_is_destroyed(store, embedder, tmp_path):
    secret, shared, other = store.vectors(
        embedder, ["secret plan", "shared words", "other"], sources=at(0, 0, 1)
    )
    store.vectors(embedder, ["shared words"], sources=at(1))
    store.forget([Erased(number=1, session_id=TALK, positions=(0, 9), at_us=0)])
    assert secret not in raw(tmp_path)
    assert shared in raw(tmp_path)
    store.forget([Erased(number=2, session_id=TALK, positions=None, at_us=0)])
    assert store.count() == 0
    assert all(vector not in raw(tmp_path) for vector in (shared, other))


def test_forgetting_where_nothing_was_stored_makes_no_file(store, tmp_path):
    store.forget([Erased(number=1, session_id=TALK, positions=None, at_us=0)])
    assert store.count() == 0
    assert not (tmp_path / "vector").exists()


def test_the_oldest_go_when_there_are_too_many(tmp_path, embedder):
    store = EmbeddingStore(tmp_path / "e.db", embeddings_max=100)
    texts = [f"word{number}" for number in range(160)]
    for position, text in enumerate(texts):
        store.vectors(embedder, [text], sources=at(position))
    assert store.count() <= 100
    store.vectors(embedder, texts[-50:], sources=at(*range(50)))
    assert len(embedder.texts) == 160
    assert store.vectors(embedder, texts[:1], sources=at(0)) == HashEmbedder().embed(texts[:1])
    assert len(embedder.texts) == 161
    store.close()


def test_an_embedder_that_gives_too_few_or_unlike_vectors_is_not_believed(store):
    class Wrong(HashEmbedder):
        given = (b"", b"")

        def embed(self, texts):
            return list(self.given)

    wrong = Wrong()
    for given in ((), (b"1234",), (b"1234", b"12345678")):
        wrong.given = given
        with pytest.raises(tiers.TierUnavailable):
            store.vectors(wrong, ["a", "b"], sources=at(0, 1))
    assert store.count() == 0


def test_nothing_is_kept_for_who_read_an_entry_just_before_it_was_erased(store, embedder):
    store.vectors(embedder, ["other"], sources=at(1))
    store.forget([Erased(number=1, session_id=TALK, positions=(0,), at_us=0)])
    late = store.vectors(embedder, ["secret plan"], sources=at(0))
    assert late == HashEmbedder().embed(["secret plan"])
    assert store.count() == 1
    store.forget([Erased(number=2, session_id=TALK, positions=None, at_us=0)])
    store.vectors(embedder, ["other", "secret plan"], sources=at(1, 7))
    assert store.count() == 0
    store.vectors(embedder, ["secret plan"], sources=[(session_id("another"), 0)])
    assert store.count() == 1
