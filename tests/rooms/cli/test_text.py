"""Text for a terminal: harmless, measured, wrapped while it streams."""

import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from novacore.cli import text

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


def flowed(pieces: list[str], columns: int) -> str:
    flow = text.Flow(columns)
    return "".join(flow.feed(piece) for piece in pieces) + flow.finish()


def test_escape_sequences_from_outside_are_shown_and_not_obeyed() -> None:
    assert text.clean("a\x1b[2Jb\x07\x9b\x7f") == "a^[[2Jb^G\\x9b^?"


def test_direction_overrides_and_lone_surrogates_are_shown_as_escapes() -> None:
    assert text.clean("x\u202ey\udc80") == "x\\u202ey\\udc80"


def test_windows_line_ends_become_plain_ones_and_a_lone_return_is_shown() -> None:
    assert text.clean("a\r\nb\rc\td") == "a\nb^Mc    d"


def test_cjk_and_emoji_take_two_columns_and_combining_marks_none() -> None:
    assert text.width_of("日本") == 4
    assert text.width_of("e\u0301") == 1
    assert text.width_of(FAMILY) == 2


def test_a_cut_text_never_exceeds_its_columns_and_says_that_something_is_missing() -> None:
    assert text.cut("日本語", 5) == "日本…"
    assert text.cut("日本", 4) == "日本"
    assert text.cut("first\nsecond", 20) == "first…"


def test_padding_counts_columns_and_not_characters() -> None:
    assert text.pad("日本", 6) == "日本  "
    assert text.width_of(text.pad("日本語日本語", 5)) == 5


def test_words_are_kept_whole_where_they_fit() -> None:
    assert text.wrap("the quick brown fox", 10) == "the quick\nbrown fox"


def test_a_word_that_is_split_between_pieces_is_wrapped_as_one() -> None:
    assert flowed(["the qu", "ick bro", "wn fox"], 10) == "the quick\nbrown fox"


def test_a_word_longer_than_the_line_is_broken() -> None:
    assert text.wrap("a" * 25, 10).split("\n") == ["a" * 10, "a" * 10, "a" * 5]


def test_cjk_text_without_spaces_is_broken_at_the_margin() -> None:
    assert text.wrap("日本語日本語", 5).split("\n") == ["日本", "語日", "本語"]


def test_cjk_text_streams_without_waiting_for_a_space() -> None:
    flow = text.Flow(40)
    assert flow.feed("日本語") == "日本"


def test_an_emoji_made_of_several_is_never_torn_apart() -> None:
    assert flowed([FAMILY[:2], FAMILY[2:], FAMILY], 3) == f"{FAMILY}\n{FAMILY}"


def test_code_in_a_fence_is_left_as_it_is() -> None:
    code = "```\nsome long line of code that is wide\n```\n"
    assert text.wrap(code, 12) == code
    assert text.wrap(code + "some long line after it", 12).endswith("some long\nline after\nit")


def test_empty_lines_and_indentation_are_kept() -> None:
    assert text.wrap("a\n\n  b c", 20) == "a\n\n  b c"


def test_without_a_width_nothing_is_broken() -> None:
    assert text.wrap("a" * 500, 0) == "a" * 500


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), max_size=8),
    st.integers(min_value=8, max_value=40),
)
def test_any_text_in_any_pieces_stays_within_the_width_and_loses_only_spaces(
    pieces: list[str], columns: int
) -> None:
    cleaned = [text.clean(piece).replace("`", "").replace("~", "") for piece in pieces]
    written = flowed(cleaned, columns)

    assert "".join(written.split()) == "".join("".join(cleaned).split())
    for line in written.split("\n"):
        assert wcwidth.width(line) <= columns


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_very_narrow_terminal_still_shows_everything(columns: int) -> None:
    assert text.wrap("日本 ab", columns).replace("\n", "").replace(" ", "") == "日本ab"
