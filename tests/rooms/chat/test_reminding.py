"""What is recalled is made to fit a small plan's turn: cut first, then fewer."""

import dataclasses

import pytest

from novacore import llm
from novacore.chat.reminding import NOTHING, Reminder, fitting, note_of


@dataclasses.dataclass(frozen=True)
class Found:
    """What `note_of` reads of a hit."""

    text: str
    speaker: str = "Ada"
    said_at_us: int = 1_795_305_600_000_000


def _reminder(*lengths: int) -> Reminder:
    hits = tuple(Found(("word " * length).strip()) for length in lengths)
    return Reminder(note=note_of(hits), hits=hits)


def test_what_fits_stays_as_it_is():
    reminder = _reminder(20, 20)
    assert fitting(reminder, tokens_max=10_000) == reminder
    assert fitting(NOTHING, tokens_max=0) == NOTHING


def test_long_texts_are_cut_before_any_hit_is_dropped():
    reminder = _reminder(600, 600, 5)
    fitted = fitting(reminder, tokens_max=700)
    assert fitted.hits == reminder.hits
    assert llm.count_tokens(fitted.note) <= 700
    assert " …" in fitted.note


@pytest.mark.parametrize("tokens_max", [200, 120, 10, 0])
def test_the_weakest_hits_go_where_cutting_is_not_enough(tokens_max):
    reminder = _reminder(600, 600, 600, 600)
    fitted = fitting(reminder, tokens_max=tokens_max)
    assert llm.count_tokens(fitted.note) <= tokens_max
    assert fitted.hits == reminder.hits[: len(fitted.hits)]
    assert len(fitted.hits) < 4
    assert bool(fitted.note) == bool(fitted.hits)
