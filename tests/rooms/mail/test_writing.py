"""Every letter reads as it was agreed, as text and as HTML, and says the same in both."""

import html
import re
from pathlib import Path

import pytest
from tests.rooms.mail.conftest import EXAMPLES, HOME

from novacore import mail

AGREED = Path(__file__).parent / "letters"


def _plain(markup: str) -> str:
    body = markup.partition("<body")[2].partition(">")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_there_is_an_example_of_every_letter():
    assert EXAMPLES.keys() == mail.LETTERS.keys()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_letter_reads_as_agreed(name):
    """To agree to other words: write them into the files of tests/rooms/mail/letters."""
    written = mail.write_letter(name, EXAMPLES[name], home=HOME)
    text = f"Subject: {written.subject}\nLink: {written.link}\n\n{written.text}"
    assert text == (AGREED / f"{name}.txt").read_text()
    assert written.html == (AGREED / f"{name}.html").read_text()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_text_alone_says_everything_that_the_html_says(name):
    written = mail.write_letter(name, EXAMPLES[name], home=HOME)
    text = " ".join(written.text.split())
    shown = _plain(written.html).replace("Or copy this address into your browser: ", "")
    for sentence in re.split(r"(?<=[.:?]) ", shown):
        assert all(word in text for word in sentence.split()), sentence


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_letter_loads_nothing_and_runs_nothing(name):
    markup = mail.write_letter(name, EXAMPLES[name], home=HOME).html
    assert re.search(r"<(img|script|link|iframe|object|form)|src=|url\(|@import", markup) is None


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_letter_can_be_written_from_the_facts_that_it_must_have(name):
    needed = {key: EXAMPLES[name][key] for key in mail.LETTERS[name].required}
    assert mail.write_letter(name, needed, home="").subject


def test_what_a_stranger_chose_becomes_neither_markup_nor_a_link_nor_a_line():
    device = "<a href='http://evil.example'>x</a>\r\nBcc: all@example.org http://evil www.evil.org"
    written = mail.write_letter("new_device", {"device": device}, home=HOME)
    assert "<a href='" not in written.html
    assert "&lt;a href=" in written.html
    for reading in (written.html, written.text):
        assert "http://evil" not in reading
        assert "www.evil" not in reading
    assert not any(line.startswith("Bcc") for line in written.text.splitlines())


def test_a_long_name_is_cut():
    written = mail.write_letter("new_device", {"device": "x" * 5_000}, home=HOME)
    assert "x" * 200 in written.text
    assert "x" * 201 not in written.text


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "https://x.org/ y", 'https://x.org/"', "https://x.org/\nz", "/verify",
     "https://x.org/" + "y" * 5_000, "https://é.org/"],
)  # fmt: skip
def test_a_link_that_is_none_is_refused(link):
    with pytest.raises(mail.LetterUnknown, match="link"):
        mail.write_letter("verify", {"link": link}, home=HOME)


def test_an_unknown_letter_and_a_missing_fact_are_named():
    with pytest.raises(mail.LetterUnknown, match="no letter called 'hello'"):
        mail.write_letter("hello", {}, home=HOME)
    with pytest.raises(mail.LetterUnknown, match="lacks link"):
        mail.write_letter("verify", {}, home=HOME)


@pytest.mark.parametrize("at", ["soon", 10**30])
def test_a_time_that_is_none_is_refused(at):
    with pytest.raises(mail.LetterUnknown, match="ends_at_us"):
        mail.write_letter("trial_reminder", {"ends_at_us": at}, home=HOME)


def test_facts_that_a_letter_does_not_tell_are_left_out():
    written = mail.write_letter("account_deleted", {"secret": "xyzzy"}, home=HOME)
    assert "xyzzy" not in written.text + written.html
