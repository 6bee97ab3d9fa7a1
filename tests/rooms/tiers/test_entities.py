"""Entities by rules: what a text names is found, and what only looks like a name is not."""

import pytest

from novacore.tiers.projections.entities import ENTITIES_MAX, command_entity, find_entities, fold


def names(*prose, output=()):
    return [each.name for each in find_entities(prose, output=output)]


def types(text):
    return {each.name: each.type for each in find_entities([text])}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I met Ada Lovelace in Paris.", {"Ada Lovelace": "name", "Paris": "name"}),
        ("We ask the Bank of England.", {"Bank of England": "name"}),
        ("then Ludwig van Beethoven came", {"Ludwig van Beethoven": "name"}),
        (
            "JournalStore and GPT-4 and NASA",
            {"JournalStore": "name", "GPT-4": "name", "NASA": "name"},
        ),
        ("see src/engine.py and plan.md", {"src/engine.py": "path", "plan.md": "file"}),
        ("in /etc/hosts, ~/notes/a.txt", {"/etc/hosts": "path", "~/notes/a.txt": "path"}),
        ("at https://x.org/a(b)?c=1.", {"https://x.org/a(b)?c=1": "url"}),
        ("mail zoe.m@example.co.uk!", {"zoe.m@example.co.uk": "email"}),
        ("ask @ada-l about #launch", {"@ada-l": "handle", "#launch": "tag"}),
        ("it is 'x'; run `git commit -m y`", {"git commit": "command"}),
        ("$ sudo apt-get install -y x\nok", {"apt-get install": "command"}),
        ("on 7 May 2023 or May 8th, 2023", {"2023-05-07": "date", "2023-05-08": "date"}),
        ("since 2024-02-29, from March 2021", {"2024-02-29": "date", "2021-03": "date"}),
        ("read “The Art of War” again", {"The Art of War": "title", "Art of War": "name"}),
        ("你好，我在读《红楼梦》", {"红楼梦": "title"}),
    ],
)
def test_what_is_named_is_found_with_its_type(text, found):
    assert types(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "However, this is fine. Then we go on. Please look.",
        "I'm sure it's OK, and I think so too.",
        "THIS WHOLE LINE IS LOUD AND NAMES NOTHING",
        "- First do this\n- Then do that\n# Heading\n> Quoted",
        "e.g. this, i.e. that, 3.14 and/or 1/2, v1.2",
        "the colours #fff and #a1b2c3; see #12",
        "On Monday in January we go.",
        "see the " + "TO" + "DO there",
        "`x` and `some_variable` are no commands",
        "it said \"no\" and 'maybe'",
        "99 May 1; 2024-13-45",
        "",
        "   \n\n\t",
    ],
)
def test_what_only_looks_like_a_name_is_passed_over(text):
    assert names(text) == []


def test_a_word_that_begins_a_sentence_is_a_name_where_it_returns_inside_one():
    assert names("Zoë came. Then we asked Zoe.") == ["Zoë"]
    assert names("Bread is good.") == []


def test_one_thing_in_several_spellings_is_one_entity_named_as_it_was_first():
    (found,) = find_entities(["In plan.md. See PLAN.MD and Plan.md."])
    assert (found.key, found.name, found.mentions) == ("plan.md", "plan.md", 3)
    assert fold("Zoë  MÜLLER") == fold("zoe muller") == "zoe muller"
    assert fold("Straße") == fold("STRASSE")


def test_what_programs_print_names_files_and_addresses_only():
    text = "Total Amount 12\n/var/log/syslog written by Ada Lovelace, see https://x.org/y"
    assert names(output=[text]) == ["/var/log/syslog", "https://x.org/y"]


def test_a_command_is_known_by_what_it_runs():
    assert command_entity("FOO=1 sudo /usr/bin/git -C x commit -m 'y'") == "git"
    assert command_entity("git commit -m x") == "git commit"
    assert command_entity("ls -la /tmp") == "ls"
    assert command_entity("  ") == ""


def test_a_listing_of_a_thousand_files_is_cut_at_a_limit():
    assert len(names(output=["\n".join(f"/a/b{at}.py" for at in range(1_000))])) == ENTITIES_MAX


def test_names_are_taken_whole_and_from_the_end_of_a_long_text_too():
    text = "x " * 50_000 + "and Ada Lovelace at last"
    assert names(text) == ["Ada Lovelace"]


@pytest.mark.parametrize(
    "text",
    ["a.b/" * 70 + " ", "Aa ", "x@", '"A', "/a", "`a ", "A" * 299 + "/ ", "1/", "“ ", "May 1, "],
)
def test_no_text_of_repeated_signs_takes_forever(text):
    """Were the time not about the text's length, this would take hours."""
    assert len(names(text * (200_000 // len(text)))) <= 1
