"""From a text to its terms."""

import pytest

from novacore.memory.recall.analysis import comparable, fold, index_terms, query_terms
from novacore.memory.recall.stemming import stem


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("painted", "paint"), ("painting", "paint"), ("paintings", "paint"), ("ponies", "poni"),
        ("hopping", "hop"), ("hoping", "hope"), ("generously", "generous"), ("skies", "sky"),
        ("national", "nation"), ("relational", "relat"), ("happily", "happili"), ("at", "at"),
        ("added", "add"), ("evening", "evening"), ("flying", "fli"), ("toy", "toy"),
        ("東京", "東京"), ("a1", "a1"), ("ski", "ski"), ("controlled", "control"),
    ],
)  # fmt: skip
def test_a_stem_is_porters(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_stop_words_are_left_out_unless_there_is_nothing_else() -> None:
    assert index_terms("What did you do with the boats?") == ["boat"]
    assert [term.text for term in query_terms("who are you")] == ["who", "are", "you"]
    assert index_terms("don't, won't, it's, I'd") == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("src/app/main.py", ["#src/app/main.py", "src", "app", "main", "py"]),
        ("v1.2.3", ["#v1.2.3"]),
        ("OPS-412", ["#ops-412", "op", "412"]),
        ("a@b.example", ["#a@b.example"]),
        ("10,000 euros", ["10000", "euro"]),
        ("getUserName", ["get", "user", "name"]),
        ("iPhone15", ["iphone15", "phone", "15"]),
        ("well-known", ["well", "known"]),
        ("https://x.example/a?b=1", ["https"]),
    ],
)
def test_identifiers_are_terms_as_a_whole_and_in_their_parts(text: str, wanted: list[str]) -> None:
    assert set(wanted) <= set(index_terms(text))


def test_diacritics_are_folded_and_kept_beside() -> None:
    assert index_terms("José") == ["jose", "=josé"]
    assert index_terms("José's") == ["jose", "=josé"]
    assert index_terms("Jose\u0301") == ["jose", "=josé"]
    assert index_terms("jose") == ["jose"]
    assert fold("Straße ÀÉÎ ﬁ") == "strasse aei fi"


def test_scripts_without_blanks_give_pairs_of_characters() -> None:
    assert index_terms("東京タワー") == ["東京", "京タ", "タワ", "ワー"]
    assert index_terms("我") == ["我"]
    assert index_terms("ﾀﾜｰ") == index_terms("タワー")


def test_phrases_are_compared_without_signs_and_case() -> None:
    assert comparable("Under — the  BRIDGE!") == "under the bridge"
