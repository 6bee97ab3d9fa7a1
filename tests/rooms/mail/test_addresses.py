"""An address is one plain address; nothing else can come in under its name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacore import mail


@pytest.mark.parametrize(
    "text", ["ann@example.org", "a.b+c@sub.example.co", "ann@localhost", "zoë@exämple.org"]
)
def test_an_address_is_taken(text):
    assert mail.is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "ann", "@example.org", "ann@", "ann@example.org\n", "ann@example.org\r\nBcc: x@y.z",
        "Ann <ann@example.org>", "ann@example.org, ben@example.org", "ann @example.org",
        "ann@example..org", "ann@-example.org", "a@b@c", "ann@example.org ", '"a b"@example.org',
        "a" * 65 + "@example.org", "ann@" + "a." * 130 + "org", "ann\x00@example.org",
    ],
)  # fmt: skip
def test_what_is_more_or_less_than_an_address_is_refused(text):
    assert not mail.is_address(text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_address_holds_a_line_end_or_a_second_address(before, after):
    text = f"{before}@{after}"
    if mail.is_address(text):
        assert text.count("@") == 1
        assert len(text.splitlines()) == 1
        assert not set(text) & set(' ,;<>"()')
