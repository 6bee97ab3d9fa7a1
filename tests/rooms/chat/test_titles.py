"""Titles: short, on one line, without the marks that a model puts around them."""

import pytest

from novacore.chat.titles import cleaned, words_of


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("**The greenhouse in May**", "The greenhouse in May"),
        ('# "Trains to Kraków".\n\nI hope it helps.', "Trains to Kraków"),
        (
            "You said that the **train** leaves at *09:40*",
            "You said that the train leaves at 09:40",
        ),
        ("What `make run` does", "What make run does"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case or __init__", "snake_case or __init__"),
        ("\n \n", ""),
        ("word " * 40, ("word " * 12).strip()),
    ],
)
def test_an_answer_becomes_a_plain_title(answer: str, title: str) -> None:
    assert cleaned(answer) == title


def test_the_first_words_are_a_title_until_there_is_a_better_one() -> None:
    assert words_of("Where do tulips grow?") == "Where do tulips grow?"
    assert words_of("one two three four five six seven eight nine").endswith("eight …")
