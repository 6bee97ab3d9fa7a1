"""Long output: head, tail, and a count of what is between them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacore.agent.output import head_and_tail, size
from novacore.agent.tools.spool import Spool


def mark(missing_bytes, missing_lines):
    return f"<{missing_bytes}/{missing_lines}>"


def test_a_text_that_fits_is_left_alone():
    assert head_and_tail("a\nb", bytes_max=3, mark=mark) == "a\nb"


def test_a_long_text_is_cut_at_line_ends():
    text = "".join(f"{n:03}\n" for n in range(100))
    shown = head_and_tail(text, bytes_max=22, mark=mark)
    assert shown == "000\n001\n<384/96>\n098\n099\n"


def test_a_long_line_is_cut_anywhere():
    assert head_and_tail("x" * 100, bytes_max=10, mark=mark) == "xxxxx\n<90/0>\nxxxxx"


# The mark stands between NULs here, so that it can be found again.
_SAID = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(_SAID, st.integers(min_value=1, max_value=60))
def test_what_is_shown_and_what_is_missing_add_up(text, bytes_max):
    shown = head_and_tail(text, bytes_max=bytes_max, mark=lambda b, _l: f"\x00{b}\x00")
    if size(text) <= bytes_max:
        assert shown == text
        return
    head, missing, tail = shown.rsplit("\x00", 2)
    tail = tail.removeprefix("\n")
    assert text.endswith(tail)
    assert text.startswith(head.removesuffix("\n"))
    lost = size(text) - int(missing) - size(tail)
    assert lost in (size(head), size(head) - 1)


@pytest.mark.parametrize("seed", range(20))
def test_a_spool_gives_back_what_it_took_from_any_place(seed):
    chance = random.Random(seed)
    spool = Spool(kept_bytes_max=1_000)
    whole = b""
    while len(whole) < 900:
        piece = chance.randbytes(chance.randint(0, 60))
        whole += piece
        spool.add(piece)
        start = chance.randint(0, len(whole))
        assert spool.read(start) == whole[start:]
    spool.close()


def test_a_spool_that_is_full_keeps_both_ends_and_counts_the_rest():
    spool = Spool(kept_bytes_max=100)
    for number in range(100):
        spool.add(b"%09d\n" % number)
    text = spool.read()
    assert text.startswith(b"000000000\n")
    assert text.endswith(b"000000099\n")
    assert spool.total_bytes == 1_000
    assert b"%d bytes of output were not kept" % spool.lost_bytes in text
    assert spool.read(990) == b"000000099\n"
    assert spool.read(500).startswith(b"\n[")
    spool.close()
