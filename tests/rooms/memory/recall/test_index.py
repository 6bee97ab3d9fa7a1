"""The index: the same however it was built, and rid of what was destroyed."""

import numpy as np
import pytest

from novacore import journal
from novacore.memory.recall import segment as segments
from novacore.memory.recall.documents import Document, read_document
from novacore.memory.recall.errors import IndexCorrupt
from novacore.memory.recall.index import Index
from novacore.memory.recall.query import read_query
from novacore.memory.recall.scoring import TextScorer, TextWeights, weights_for

_WEIGHTS = TextWeights(k1=1.2, b=0.5)


def _document(number: int, text: str, *, session: str = "s", name: str = "") -> Document:
    body = {"role": "user", "content": text} | ({"name": name} if name else {})
    entry = journal.Entry(
        sequence=number + 1, session_id=session, position=number, id="", kind="message",
        said_at_us=1_683_450_000_000_000 + number, recorded_at_us=0, actor="", version=1,
        body=journal.Message(body), is_erased=False, checksum=0, digest=b"", chain=b"",
    )  # fmt: skip
    made = read_document(entry, chars_max=10_000)
    assert made is not None
    return made


def _many(count: int) -> list[Document]:
    return [
        _document(at, f"word{at % 7} shared lantern {at}", session=f"s{at % 3}", name="Ana")
        for at in range(count)
    ]


def _index(documents: list[Document], step: int) -> Index:
    index = Index()
    for at in range(0, len(documents), step):
        index.add(documents[at : at + step])
    return index


@pytest.mark.parametrize("step", [1, 7, 64, 300])
def test_it_scores_the_same_however_the_documents_came(
    monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr("novacore.memory.recall.index.BLOCK", 50)
    documents = _many(300)
    query = read_query("lantern word3 17", now_us=0)
    whole = TextScorer(_index(documents, 300), _WEIGHTS).score(query)
    parts = TextScorer(_index(documents, step), _WEIGHTS).score(query)
    assert np.allclose(whole.fields, parts.fields, rtol=1e-5)
    assert np.allclose(whole.own, parts.own, rtol=1e-5)


def test_the_number_of_segments_grows_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("novacore.memory.recall.index.BLOCK", 32)
    index = _index(_many(1_000), 1)
    assert len(index.segments) < 32


def test_own_words_score_as_bm25_does() -> None:
    documents = [_document(0, "red red fox"), _document(1, "red hen"), _document(2, "blue jay")]
    scores = TextScorer(_index(documents, 3), _WEIGHTS).score(read_query("red", now_us=0))
    mean, k1, b = 7 / 3, 1.2, 0.5
    idf = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    for at, (count, length) in enumerate([(2, 3), (1, 2), (0, 2)]):
        norm = 1 - b + b * length / mean
        expected = idf * count * (k1 + 1) / (count + k1 * norm)
        assert scores.own[at] == pytest.approx(expected, rel=1e-5)


def test_neighbours_lend_their_words_within_their_session_only() -> None:
    documents = [
        _document(0, "the zither hums", session="a"),
        _document(1, "it is old", session="b"),
        _document(2, "it is new", session="a"),
    ]
    scores = TextScorer(_index(documents, 3), _WEIGHTS).score(read_query("zither", now_us=0))
    assert scores.fields[2] > 0
    assert scores.fields[1] == 0


def test_a_long_message_lends_little() -> None:
    long = "zither " + " ".join(f"filler{at}" for at in range(400))
    short = _index([_document(0, "zither"), _document(1, "yes")], 2)
    heavy = _index([_document(0, long), _document(1, "yes")], 2)
    query = read_query("zither", now_us=0)
    lent = [TextScorer(each, _WEIGHTS).score(query).fields[1] for each in (short, heavy)]
    assert lent[1] < lent[0] / 4


def test_the_constants_follow_the_lengths_of_what_is_stored() -> None:
    chat = weights_for(_index([_document(at, "five words in this turn") for at in range(9)], 9))
    text = " ".join(f"word{at}" for at in range(300))
    prose = weights_for(_index([_document(at, text) for at in range(9)], 9))
    assert chat.b < 0.3
    assert prose.b > 0.6
    assert chat.k1 < prose.k1


def test_a_segment_comes_back_from_its_bytes_and_damage_is_seen() -> None:
    (made,) = _index(_many(20), 20).segments
    content = segments.encode(made)
    again = segments.decode(content)
    assert segments.encode(again) == content
    for harmed in (content[:-1], content[:40] + b"x" + content[41:], b"", b"NOVARCL1"):
        with pytest.raises(IndexCorrupt):
            segments.decode(harmed)


def test_destroyed_words_are_in_no_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("novacore.memory.recall.index.BLOCK", 8)
    documents = [*_many(20), _document(20, "xylotherium", session="x", name="Thaumaturge")]
    index = _index(documents, 5)
    assert index.forget("x", None)
    index.destroy()
    content = b"".join(segments.encode(each) for each in index.segments)
    assert b"xylotherium" not in content
    assert b"Thaumaturge" not in content
    assert not index.forget("nowhere", None)
    query = read_query("xylotherium lantern", now_us=0)
    assert TextScorer(index, _WEIGHTS).score(query).own[20] == 0
    index.add([_document(21, "xylotherium again", session="y")])
    assert TextScorer(index, _WEIGHTS).score(query).own[21] > 0
