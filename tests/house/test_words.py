"""What is written nowhere: stubs, things put off, addresses of a registry, ways round a test."""

import re
import subprocess
from pathlib import Path

import pytest

# A letter in brackets keeps a pattern from finding itself in this file.
PUT_OFF = re.compile(
    r"\b([T]ODO|[F]IXME|[X]XX|[H]ACK)\b|not [i]mplemented|[N]otImplementedError|[p]laceholder"
    r"|for [n]ow\b|in a [r]eal (system|implementation)",
    re.IGNORECASE,
)
WAYS_ROUND = re.compile(
    r"mark\.[s]kip|pytest\.[s]kip|[s]kipif|\b[x]fail\b|importor[s]kip|[s]kipTest"
)
MOCKS = re.compile(r"unittest\.[m]ock|\b[M]agicMock|\b[m]ocker\b|from [m]ock\b")
REGISTRY = re.compile(r"https?://[^ ]*([f]iles|[s]imple|[r]egistry)")
OWN_MACHINE = re.compile(r"(?<![\w.])/([r]oot|[w]ork)/|\.\./[s]hared\b")


def _hits(pattern: re.Pattern[str], paths: list[Path], root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{number} {line.strip()[:90]}"
        for path in paths
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.fixture(scope="module")
def texts(root) -> list[Path]:
    """Every text file that git would commit, or that lies in the tree where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\n")
    names = [name for name in listed if name] or [
        str(path.relative_to(root))
        for folder in ("src", "tests", "tools", "docs", "requirements")
        for path in (root / folder).rglob("*")
    ]
    paths = [root / name for name in names]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8_000]]


def test_nothing_is_put_off_in_the_product(product, root):
    assert _hits(PUT_OFF, [source.path for source in product], root) == []


def test_no_test_can_be_passed_over(everything, root):
    tests = [source.path for source in everything if source.name.startswith("tests/")]
    assert len(tests) > 5
    assert _hits(WAYS_ROUND, tests, root) == []


def test_no_test_puts_a_mock_in_the_place_of_our_own(everything, root):
    tests = [source.path for source in everything if source.name.startswith("tests/")]
    assert _hits(MOCKS, tests, root) == []


def test_no_file_names_the_address_of_a_package_registry(texts, root):
    assert len(texts) > 20
    assert _hits(REGISTRY, texts, root) == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on(texts, root):
    assert _hits(OWN_MACHINE, texts, root) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (PUT_OFF, "# TO~DO: later"),
        (PUT_OFF, "raise Not~ImplementedError"),
        (WAYS_ROUND, "@pytest.mark.sk~ip"),
        (WAYS_ROUND, "@pytest.mark.x~fail(strict=True)"),
        (MOCKS, "from unittest.mo~ck import patch"),
        (REGISTRY, "https://example.org/sim~ple/novacore"),
        (OWN_MACHINE, "open('/ro~ot/.nova')"),
    ],
)
def test_each_pattern_finds_what_it_is_for(pattern, line):
    assert not pattern.search(line)
    assert pattern.search(line.replace("~", ""))
