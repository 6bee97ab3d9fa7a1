"""What goes into a JSON text comes out of it, to the type and the order of keys."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacore.journal import exact_json

# Surrogate halves and the marks that keep them apart are made likely.
texts = st.text(alphabet=st.one_of(st.characters(codec=None), st.sampled_from("\ud83d\ude00")))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


def same(left, right):
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return [*left] == [*right] and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right and repr(left) == repr(right)


@pytest.mark.heavy
@settings(max_examples=150, deadline=None)
@given(values)
def test_any_value_comes_back(value):
    text, mark = exact_json.encode(value)
    assert same(exact_json.decode(text.encode(), mark=mark), value)
    assert "\n" not in text
    if not mark:
        assert same(json.loads(text), value)


def test_a_mark_is_a_character_that_the_text_does_not_hold():
    value = ["\ud83d\ude00", "".join(map(chr, range(0xE000, 0xE010)))]
    text, mark = exact_json.encode(value)
    assert mark == "\ue010"
    assert exact_json.decode(text, mark=mark) == value


def test_integers_of_any_length_are_kept():
    value = {"a": [10**6_000, -(10**5_000)], "b": {"c": 10**4_400}, "d": [True, None, 1.0, "x"]}
    text, mark = exact_json.encode(value)
    assert (mark, text[:8]) == ("", '{"a":[10')
    assert exact_json.decode(text) == value


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":-Infinity}', "[" * 5_000, "{", "01"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        exact_json.decode(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [10**5_000, float("nan")]}])
def test_numbers_that_json_can_not_hold_are_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        exact_json.encode(value)


def test_a_byte_order_mark_is_skipped():
    assert exact_json.decode(b"\xef\xbb\xbf[1]") == [1]
