"""The reference says what the program does, and leaves nothing out."""

import re
from pathlib import Path

import pytest

import generate_reference
from novacore import settings
from novacore.cli import parser

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["cli.md", "http.md", "limits.md", "settings.md"])
def test_a_generated_page_is_what_the_code_says_now(name):
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written == generate_reference.render()[name], "run `make reference` and commit"


def test_every_command_has_its_section():
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    commands = dict(generate_reference._subcommands(parser.build_parser()))
    assert {"run", "sessions", "show", "import", "export", "verify", "doctor"} <= set(commands)
    assert [name for name in commands if f"\n## `nova {name}`\n" not in page] == []


def test_every_setting_and_every_limit_is_listed_with_its_meaning():
    described = settings.describe()
    assert len(described) > 20
    assert [info.name for info in described if not info.doc.strip()] == []
    limits = (ROOT / "docs" / "reference" / "limits.md").read_text()
    assert [
        info.name for info in described if info.is_limit and f"`{info.name}`" not in limits
    ] == []


def test_no_secret_shows_a_value():
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    secrets = [info for info in settings.describe() if info.is_secret]
    assert secrets
    for info in secrets:
        line = next(line for line in page.splitlines() if line.startswith(f"| `{info.name}` "))
        assert "| secret |" in line


def test_every_make_target_is_documented():
    rules = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    assert len(rules) > 10
    assert [name for name in rules if f"| `make {name}` |" not in guide] == []
    readme = (ROOT / "README.md").read_text()
    assert "make run" in readme
    assert "make test" in readme


def test_every_command_and_setting_that_a_page_names_exists():
    commands = set(dict(generate_reference._subcommands(parser.build_parser())))
    names = {info.name for info in settings.describe()}
    variables = {info.env for info in settings.describe()}
    rooms = {info.room for info in settings.describe() if info.room}
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        text = page.read_text()
        assert set(re.findall(r"`nova ([a-z]+)", text)) <= commands, page.name
        named = re.findall(rf"`((?:{'|'.join(sorted(rooms))})\.[a-z_]+)`", text)
        assert set(named) <= names, page.name
        assert set(re.findall(r"\bNOVA_(?:LLM|AGENT|JOURNAL|CLI)_[A-Z_]+\b", text)) <= variables
