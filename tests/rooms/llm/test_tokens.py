"""Counting tokens offline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacore.llm import count_tokens

KNOWN = [
    # text, tokens in OpenAI's o200k vocabulary
    ("The quick brown fox jumps over the lazy dog.", 10),
    ("def add(a: int, b: int) -> int:\n    return a + b\n", 19),
    ('{"name": "read_file", "arguments": {"path": "src/main.py", "limit": 200}}', 24),
    ("我们昨天去了北京,天气非常好,大家都很高兴。", 15),
    ("Der Ausschuss hat die Verordnung gestern einstimmig angenommen.", 13),
]


@pytest.mark.parametrize(("text", "tokens"), KNOWN)
def test_the_estimate_is_near_a_real_count_and_rather_above_it(text, tokens):
    assert tokens * 0.8 <= count_tokens(text) <= tokens * 2


def test_nothing_counts_nothing_and_anything_counts_something():
    assert count_tokens("") == 0
    assert count_tokens(" ") == 1


@given(st.text(), st.text())
def test_two_texts_together_cost_no_more_than_apart_and_a_boundary_more(first, second):
    apart = count_tokens(first) + count_tokens(second)
    assert count_tokens(first + second) <= apart + 2


@given(st.text(st.characters()))
def test_any_text_can_be_counted_lone_surrogates_too(text):
    assert count_tokens(text + "\ud83d") >= 1
