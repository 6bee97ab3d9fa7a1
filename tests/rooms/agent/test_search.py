"""Lists and searches: sorted, capped, and honest about what they left out."""

import io
import json
import sys

import pytest

from novacore import agent
from novacore.agent import finder
from novacore.agent.config import Config
from novacore.agent.tools.finding import find
from novacore.agent.tools.search import search_tools
from novacore.agent.tools.workspace import Workspace


@pytest.fixture
def search(workspace):
    """Runs one of the two tools: `await search("list_files", pattern=…)`."""

    async def run(name, **arguments):
        tools = search_tools(
            Workspace(workspace), config=run.config, denied_paths=lambda *_names: run.denied
        )
        return await agent.Toolbox(tools).find(name).run(arguments)

    run.config = Config()
    run.denied = []
    for path, text in {
        "b.py": "import os\nTODO one\n",
        "a/x.py": "# TODO two\nprint()\n",
        "a/deep/y.txt": "todo three\n",
        ".git/config": "TODO in git\n",
        "node_modules/m.js": "TODO in module\n",
        ".env": "TODO secret\n",
    }.items():
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text(text)
    return run


async def test_everything_is_listed_in_order_without_the_folders_of_tools(search):
    assert (await search("list_files")).text == (
        ".env\na/\na/deep/\na/deep/y.txt\na/x.py\nb.py\n[passed by: .git, node_modules]"
    )


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("*.py", ["a/x.py", "b.py"]),
        ("a/*.py", ["a/x.py"]),
        ("a/**", ["a/", "a/deep/", "a/deep/y.txt", "a/x.py"]),
        ("**/*.txt", ["a/deep/y.txt"]),
        ("nothing*", ["(no such files)"]),
    ],
)
async def test_a_glob_chooses(search, pattern, paths):
    lines = (await search("list_files", pattern=pattern)).text.splitlines()
    assert [line for line in lines if line[0] != "["] == paths


async def test_a_folder_of_tools_is_listed_where_it_is_named(search):
    assert "m.js" in (await search("list_files", path="node_modules")).text
    assert "node_modules/m.js" in (await search("list_files", pattern="node_modules/*")).text


async def test_a_long_list_is_capped_and_says_so(search, workspace):
    search.config = Config(list_entries_max=3)
    text = (await search("list_files")).text
    assert text.startswith(".env\na/\na/deep/\n[the first 3 of 6; narrow the pattern;")


async def test_listing_what_is_no_folder_is_refused(search):
    assert (await search("list_files", path="b.py")).text == "b.py is no folder."
    with pytest.raises(agent.OutsideWorkspace):
        await search("list_files", path="..")


async def test_matching_lines_come_with_path_and_number(search):
    text = (await search("search_files", pattern="TODO")).text
    assert text.splitlines()[:3] == [
        ".env:1: TODO secret",
        "a/x.py:1: # TODO two",
        "b.py:2: TODO one",
    ]
    assert "a/deep" in (await search("search_files", pattern="TODO", ignore_case=True)).text
    only = await search("search_files", pattern="TODO", glob="*.py", path="a")
    assert only.text.splitlines()[0] == "a/x.py:1: # TODO two"
    one = await search("search_files", pattern="TODO", path="b.py")
    assert one.text == "b.py:2: TODO one"
    assert (await search("search_files", pattern="zzz")).text.startswith("(no line fits)")


async def test_refused_files_are_passed_by_in_lists_and_searches(search):
    search.denied = [".env", "a/deep/**"]
    assert ".env" not in (await search("list_files")).text
    assert "secret" not in (await search("search_files", pattern="TODO")).text
    assert "deep" not in (await search("list_files", path="a")).text


async def test_matches_are_capped_per_file_and_in_all(search, workspace):
    search.config = Config(search_matches_max=5, search_file_matches_max=3)
    for name in ("m1", "m2", "m3"):
        (workspace / name).write_text("match\n" * 10)
    text = (await search("search_files", pattern="match")).text
    assert text.count(": match") == 5
    assert "m1: 7 more lines fit" in text
    assert "[5 of 30 lines shown" in text


async def test_binary_large_and_linked_files_are_not_searched(search, workspace):
    search.config = Config(search_file_bytes_max=1_024)
    (workspace / "bin").write_bytes(b"TODO\0")
    (workspace / "big").write_text("TODO\n" * 1_000)
    (workspace / "link").symlink_to("/etc/passwd")
    (workspace / "loop").symlink_to(".")
    text = (await search("search_files", pattern="TODO|root")).text
    assert "1 binary files not searched; 1 files too large to search" in text
    assert "link:" not in text
    assert "loop" not in text


async def test_a_long_matching_line_is_cut(search, workspace):
    (workspace / "long").write_text("needle" + "x" * 5_000)
    assert "more characters]" in (await search("search_files", pattern="needle")).text


async def test_a_pattern_that_is_none_or_never_ends_is_told(search, workspace):
    assert "no regular expression" in (await search("search_files", pattern="(")).text
    search.config = Config(search_timeout_ms=300)
    (workspace / "evil").write_text("a" * 50 + "b")
    outcome = await search("search_files", pattern="(a+)+$")
    assert outcome.is_error
    assert "longer than 300 ms" in outcome.text


async def test_names_that_are_not_utf8_do_not_stop_a_list(search, workspace):
    (workspace / "x").mkdir()
    (workspace / "x/b\udce4r").write_text("TODO\n")
    assert "x/b\udce4r" in (await search("list_files")).text
    assert "x/b\udce4r:1" in (await search("search_files", pattern="TODO")).text


async def test_a_search_that_fails_says_why():
    outcome = await find({"job": "list", "root": "/"}, timeout_ms=20_000)
    assert outcome.is_error
    assert "KeyError" in outcome.text


def test_the_finder_answers_one_request_as_a_program(monkeypatch, capsys):
    request = {"job": "filter", "regex": "^a", "lines": ["ab", "ba", "a"]}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(request)))
    finder.main()
    assert json.loads(capsys.readouterr().out) == {"indexes": [0, 2]}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({**request, "regex": "["})))
    finder.main()
    assert "no regular expression" in json.loads(capsys.readouterr().out)["problem"]
