"""What a shell command runs, as far as it can be known without running it.

An allowing pattern must never be escaped by compounding, so `parts` gives up (None) at everything
that it does not fully understand: substitutions, variables, redirections to files, keywords. A
refusing pattern must be hard to slip past, so `fragments` takes every piece that might be a
command. Neither is a sandbox.
"""

import fnmatch
import re
from collections.abc import Sequence

_OPERATORS = ("&&", "||", "|&", ";", "|", "&", "\n")
_HARMLESS_REDIRECTION = re.compile(
    r"(?:[12]?>&[12]|&>\s*/dev/null|[12]?>{1,2}\s*/dev/null)(?=\s|[;&|]|$)"
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_KEYWORDS = frozenset(
    {
        "!",
        "{",
        "}",
        "[[",
        "case",
        "coproc",
        "do",
        "done",
        "elif",
        "else",
        "esac",
        "fi",
        "for",
        "function",
        "if",
        "in",
        "select",
        "then",
        "time",
        "until",
        "while",
        ".",
        "source",
        "eval",
        "exec",
        "alias",
        "trap",
    }
)
_WRAPPERS = frozenset(
    {
        "sudo",
        "doas",
        "env",
        "nohup",
        "time",
        "exec",
        "command",
        "builtin",
        "nice",
        "ionice",
        "setsid",
        "stdbuf",
        "timeout",
        "xargs",
        "then",
        "do",
        "else",
        "if",
        "while",
        "until",
        "!",
        "{",
    }
)
_SHELLS = frozenset(
    {
        "sh",
        "bash",
        "dash",
        "zsh",
        "ksh",
        "fish",
        "eval",
    }
)
_CRUDE_BREAKS = re.compile(r"[;&|\n(){}<>`$]+")
_DEPTH_MAX = 4


def parts(command: str) -> list[list[str]] | None:
    """The words of each simple command in a command that is fully understood; None where it isn't.

    Quotes are taken off; globs and `~` stay as written. An empty command has no parts.
    """
    found: list[list[str]] = []
    words: list[str] = []
    at = 0
    while at < len(command):
        rest = command[at:]
        operator = next((each for each in _OPERATORS if rest.startswith(each)), None)
        redirection = _HARMLESS_REDIRECTION.match(rest)
        if redirection:
            at += redirection.end()
        elif operator:
            found.append(words)
            words = []
            at += len(operator)
        elif command[at] in " \t":
            at += 1
        else:
            word, length = _word(rest)
            if word is None:
                return None
            words.append(word)
            at += length
    found.append(words)
    if any(_is_special(each) for each in found):
        return None
    return [each for each in found if each]


def fragments(command: str) -> list[list[str]]:
    """Every piece that might be run, as words: rather one too many than one too few."""
    return _fragments(command, depth=0)


def matches(pattern: str, words: Sequence[str], *, as_prefix: bool = False) -> bool:
    """Whether a pattern fits one simple command.

    Args:
        pattern: words with `*`, `?`, `[…]`, each compared with one word; a last word `*` stands for
            any further words, also none.
        words: the command.
        as_prefix: further words after those of the pattern fit, too.
    """
    wanted = pattern.split()
    if wanted and wanted[-1] == "*":
        wanted, as_prefix = wanted[:-1], True
    if len(words) < len(wanted) or (len(words) > len(wanted) and not as_prefix):
        return False
    return all(fnmatch.fnmatchcase(word, glob) for word, glob in zip(words, wanted, strict=False))


def _word(rest: str) -> tuple[str | None, int]:
    """The word at the beginning of `rest` and its length; None where it isn't plain."""
    if rest[0] == "#":
        return None, 0
    word = ""
    at = 0
    while at < len(rest) and rest[at] not in " \t\n;&|":
        char = rest[at]
        if char in "$`<>()":
            return None, 0
        if char == "\\":
            if at + 1 >= len(rest) or rest[at + 1] == "\n":
                return None, 0
            word += rest[at + 1]
            at += 2
        elif char in "'\"":
            end = rest.find(char, at + 1)
            quoted = rest[at + 1 : end]
            if end < 0 or (char == '"' and re.search(r"[$`\\]", quoted)):
                return None, 0
            word += quoted
            at = end + 1
        else:
            word += char
            at += 1
    return word, at


def _is_special(words: Sequence[str]) -> bool:
    return bool(words) and (words[0] in _KEYWORDS or _ASSIGNMENT.match(words[0]) is not None)


def _fragments(command: str, *, depth: int) -> list[list[str]]:
    understood = parts(command)
    if understood is None:
        unquoted = command.replace("\\\n", " ").translate({ord(char): None for char in "'\"\\"})
        understood = [piece.split() for piece in _CRUDE_BREAKS.split(unquoted)]
    found: list[list[str]] = []
    for words in understood:
        for unwrapped in _unwrapped(words):
            found.append(unwrapped)
            found.append([unwrapped[0].rsplit("/", 1)[-1], *unwrapped[1:]])
            if found[-1][0] in _SHELLS and depth < _DEPTH_MAX:
                for word in unwrapped[1:]:
                    found += _fragments(word, depth=depth + 1)
                found += _fragments(" ".join(unwrapped[1:]), depth=depth + 1)
    return found


def _unwrapped(words: Sequence[str]) -> list[list[str]]:
    """The words, and again what stands behind each wrapper, its options and assignments."""
    found: list[list[str]] = []
    rest = list(words)
    while rest:
        while rest and _ASSIGNMENT.match(rest[0]):
            rest = rest[1:]
        if not rest:
            break
        found.append(rest)
        if rest[0].rsplit("/", 1)[-1] not in _WRAPPERS:
            break
        rest = rest[1:]
        # An option may take a word of its own (`sudo -u root rm`): each later word may begin it.
        if rest and (rest[0].startswith("-") or rest[0][:1].isdigit()):
            found += [rest[at:] for at in range(1, len(rest))]
    return found
