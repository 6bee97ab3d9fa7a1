"""What a shell command runs, as far as that can be known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacore.agent import command


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("git status", [["git", "status"]]),
        ("git   commit -m 'a; b' \"c d\"", [["git", "commit", "-m", "a; b", "c d"]]),
        ("a && b || c | d; e & f\ng", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"], ["g"]]),
        ("make 2>&1 | tail -5 >/dev/null", [["make"], ["tail", "-5"]]),
        ("ls a\\ b", [["ls", "a b"]]),
        ("echo a#b", [["echo", "a#b"]]),
        ("", []),
        (" \n ", []),
    ],
)
def test_a_plain_command_is_understood_word_by_word(text, parts):
    assert command.parts(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "git status $(rm -rf .)",
        "git status `rm -rf .`",
        'git status "$(rm -rf .)"',
        'git log "a\\`b`"',
        "git status > ~/.bashrc",
        "git status >> x",
        "git status 2> x",
        "git status < x",
        "cat <(rm x)",
        "git diff <<< x",
        "GIT_PAGER=evil git status",
        "(rm x)",
        "{ rm x; }",
        "if true; then rm x; fi",
        "! git status",
        "eval rm x",
        "git $'status'",
        "git 'status",
        'git "status',
        "git status \\\nrm",
        "git status \\",
        "git status # and more",
        "git status 1>&x",
        "echo x >/dev/null.d/y",
    ],
)
def test_what_is_not_fully_understood_is_not_understood_at_all(text):
    assert command.parts(text) is None


@pytest.mark.parametrize(
    ("pattern", "words", "fits"),
    [
        ("git status", "git status", True),
        ("git status", "git status -s", False),
        ("git status *", "git status", True),
        ("git status *", "git status -s a", True),
        ("git st* *", "git stash drop", True),
        ("git status *", "gitx status", False),
        ("npm run ?est", "npm run test", True),
        ("*", "anything at all", True),
        ("ls a b", "ls a", False),
    ],
)
def test_a_pattern_is_compared_word_by_word(pattern, words, fits):
    assert command.matches(pattern, words.split()) is fits


@pytest.mark.parametrize(
    "text",
    [
        "rm -rf x",
        "ls; rm -rf x",
        "ls | xargs rm -rf",
        "echo $(rm -rf x)",
        "echo `rm -rf x`",
        "sudo -u root rm -rf x",
        "env A=1 rm -rf x",
        "A=1 rm -rf x",
        "/bin/rm -rf x",
        'r"m" -rf x',
        "\\rm -rf x",
        "bash -c 'ls; rm -rf x'",
        "bash -c \"sh -c 'rm -rf x'\"",
        "eval 'rm -rf x'",
        "timeout 5 rm -rf x",
        "if true; then rm -rf x; fi",
        "(cd a && rm -rf x)",
        "ls\nrm -rf x",
        "true && ! rm -rf x > y",
    ],
)
def test_a_refused_command_is_found_wherever_it_hides(text):
    pieces = command.fragments(text)
    assert any(command.matches("rm", words, as_prefix=True) for words in pieces)


@pytest.mark.parametrize("text", ["ls rm", "git rm x", "echo 'rm -rf x'", "rmdir x"])
def test_a_word_that_only_looks_like_it_is_not_refused(text):
    pieces = command.fragments(text)
    assert not any(command.matches("rm", words, as_prefix=True) for words in pieces)


@given(st.text(alphabet="ab \n;&|$`'\"\\<>(){}#!=*~1", max_size=40))
def test_no_text_makes_it_stumble(text):
    for words in command.parts(text) or []:
        assert words
    for words in command.fragments(text):
        assert words
