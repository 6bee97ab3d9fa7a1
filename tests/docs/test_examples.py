"""Every example that a reader may copy is run, and prints what it says.

In a page: blocks marked `python run` (one program a page, in order), `python run server` (the same,
with the address and the key in it replaced by those of a real server), and `console run` (commands
after `$`, then what they print, where `…` stands for anything). In a docstring: `>>>` lines.
"""

import dataclasses
import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.load import stage

import build_docs
import novacore

ROOT = Path(__file__).resolve().parents[2]
PAGES = list(build_docs.list_pages(ROOT).values())
TIMEOUT_S = 120


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of a console block and what it is said to print."""

    line: str
    printed: str


def _blocks(page: build_docs.Page, info: str) -> list[str]:
    return [
        token.content
        for token in page.tokens
        if token.type == "fence" and token.info.strip() == info
    ]


def _commands(block: str) -> list[Command]:
    parts = re.split(r"^\$ (.*)\n?", block, flags=re.MULTILINE)
    return [
        Command(line, printed.strip("\n"))
        for line, printed in zip(parts[1::2], parts[2::2], strict=True)
    ]


def _agrees(said: str, printed: str) -> bool:
    pattern = re.escape(said.strip()).replace(re.escape("…"), r"(?s:.*?)")
    return re.fullmatch(pattern, printed.strip()) is not None


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "NOVA_DATA_DIR": str(folder / "data"),
        "NOVA_TIERS_PROJECTOR": "off",
        "LANG": "C.UTF-8",
    }


def _run(command: list[str], *, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path):
    program = "\n".join(_blocks(page, "python run"))
    told = _run([sys.executable, "-W", "error", "-c", program], folder=tmp_path)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_print_what_it_says(page, tmp_path):
    for block in _blocks(page, "console run"):
        for command in _commands(block):
            told = _run(["bash", "-c", command.line], folder=tmp_path)
            assert told.returncode == 0, f"{command.line}: {told.stderr}"
            if command.printed:
                assert _agrees(command.printed, told.stdout), f"{command.line}: {told.stdout}"


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[str, str]]:
    """The address of a real server with a scripted model, and a key for it."""
    folder = tmp_path_factory.mktemp("served")
    key = stage.make_accounts(folder, 1)[0]
    with (
        stage.upstream("--pieces", "5", "--piece-ms", "1") as port,
        stage.Server(folder, upstream_port=port) as server,
    ):
        yield server.url, key


ON_SERVERS = [page for page in PAGES if _blocks(page, "python run server")]


@pytest.mark.parametrize("page", ON_SERVERS, ids=lambda page: page.name)
def test_the_python_of_a_page_runs_against_a_server(page, tmp_path, served):
    url, key = served
    program = "\n".join(_blocks(page, "python run server"))
    program = program.replace("http://127.0.0.1:8080", url).replace("nova_…", key)
    told = _run([sys.executable, "-c", program], folder=tmp_path)
    assert told.returncode == 0, told.stderr


def test_every_python_block_of_a_page_is_one_that_is_run():
    assert [page.name for page in PAGES if _blocks(page, "python")] == []


def test_what_a_command_printed_is_compared_and_dots_stand_for_anything():
    block = "$ echo a; echo b\na\n…\n$ true\n$ echo c\nc\n"
    assert _commands(block) == [
        Command("echo a; echo b", "a\n…"),
        Command("true", ""),
        Command("echo c", "c"),
    ]
    assert _agrees("a\n…", "a\nb\n")
    assert _agrees("took … ms", "took 0.3 ms")
    assert not _agrees("a", "a\nb")


def _modules() -> list[str]:
    found = pkgutil.walk_packages(novacore.__path__, "novacore.")
    return ["novacore", *(info.name for info in found if not info.name.endswith("__main__"))]


@pytest.mark.parametrize("name", _modules())
def test_the_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.REPORT_NDIFF
    )
    assert result.failed == 0


def test_an_example_in_a_docstring_is_one_that_can_be_run():
    section = re.compile(r"^( *)Example:\n((?:\1 +.*\n|\n)+)", re.MULTILINE)
    silent = [
        f"{path.relative_to(ROOT)}: {found[2].strip().splitlines()[0]}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        for found in section.finditer(path.read_text())
        if ">>> " not in found[2]
    ]
    assert silent == []
