"""The vector tier's texts: all that an entry says, long ones by both ends, each embedded once."""

import pytest
from tests.contracts.tier_records import HashEmbedder, odd_records, record, said, session_id

from novacore import tiers
from novacore.journal import Erased
from novacore.kit import FixedClock
from novacore.tiers.place import Place
from novacore.tiers.projections.vector import VectorProjection


class Nothing(HashEmbedder):
    """Knows no word: gives zeros."""

    def embed(self, texts):
        self.texts += texts
        return [b"\0" * 64 for _ in texts]


@pytest.fixture
def make(tmp_path):
    def make(embedder, **limits):
        return VectorProjection(
            Place(
                config=tiers.Config(**limits),
                folder=tmp_path / "vector",
                clock=FixedClock(),
                embedder=embedder,
            )
        )

    return make


@pytest.fixture
def embedder():
    return HashEmbedder()


def test_without_an_embedder_the_tier_says_that_it_is_off(make):
    projection = make(None)
    with pytest.raises(tiers.TierUnavailable, match="no embedder") as error:
        projection.items([said("x")])
    assert "pip install" in str(error.value)


def test_words_calls_and_results_are_all_embedded(make, embedder):
    records = odd_records()
    items = make(embedder).items(records)
    said_texts = "\n".join(embedder.texts)
    for text in ("Please look at", "read_file", "wheels: 12", "There are 12", "a.py b.py", "tea"):
        assert text in said_texts
    assert "Twelve." not in said_texts
    assert {item.collection for item in items} == {"message", "memory"}
    assert all(len(item.value["vector"]) == 64 for item in items)


def test_an_entry_that_says_nothing_has_no_vector(make, embedder):
    silent = [said(""), said(" \n", position=1), record({}, position=2)]
    assert make(embedder).items([*silent, record({"a": 1}, kind="usage", position=3)]) == []
    assert embedder.texts == []
    assert make(Nothing()).items([said("x")]) == []


def test_a_long_text_is_embedded_by_its_beginning_and_its_end(make, embedder):
    text = "begin " + "x" * 5_000 + " end"
    make(embedder, text_chars_max=200).items([said(text)])
    (embedded,) = embedder.texts
    assert embedded.startswith("begin xxx")
    assert embedded.endswith("xxx end")
    assert len(embedded) <= 203


def test_nothing_is_embedded_again_when_the_tier_is_rebuilt_or_verified(make, embedder):
    records = odd_records()
    first = make(embedder).items(records)
    texts = len(embedder.texts)
    assert [item.digest() for item in make(embedder).items(records)] == [
        item.digest() for item in first
    ]
    assert len(embedder.texts) == texts


def test_an_erased_entrys_embedding_is_forgotten(make, embedder, tmp_path):
    projection = make(embedder)
    secret, other = projection.items([said("the secret plan"), said("other", position=1)])
    erased = Erased(number=1, session_id=session_id("talk"), positions=(0,), at_us=0)
    projection.forget([erased])
    raw = b"".join(path.read_bytes() for path in (tmp_path / "vector").iterdir())
    assert secret.value["vector"] not in raw
    assert other.value["vector"] in raw


def test_an_embedder_that_is_away_makes_the_tier_wait(make):
    class Away(HashEmbedder):
        def embed(self, texts):
            raise tiers.TierUnavailable("The embedder does not answer.")

    with pytest.raises(tiers.TierUnavailable):
        make(Away()).items([said("x")])
