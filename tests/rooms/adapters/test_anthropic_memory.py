"""Anthropic's memory tool on the journal: beside their own on files, and with paths that lie."""

import random
import re

import pytest
from anthropic import Anthropic
from anthropic.lib.tools import ToolError
from anthropic.tools import BetaLocalFilesystemMemoryTool
from tests.scripted_provider import ScriptedProvider

from novacore import journal
from novacore.adapters.anthropic_memory import AsyncJournalMemoryTool, JournalMemoryTool


@pytest.fixture
def tool(store):
    return JournalMemoryTool(store)


def do(tool, command, **arguments):
    """What the tool answers, errors too."""
    try:
        return tool.call({"command": command, **arguments})
    except ToolError as error:
        return f"ToolError: {error}"


def without_sizes(text):
    """File systems count a folder's size in their own way."""
    return re.sub(r"^[\d.]+[BKMG]\t", "", text, flags=re.MULTILINE)


def create(path, text):
    return ("create", {"path": path, "file_text": text})


STORY = [
    ("view", {"path": "/memories"}),
    create("/memories/notes.md", "one\ntwo\nthree\nfour\nfive\nsix\n"),
    create("/memories/notes.md", "again"),
    create("/memories/deep/er/est.txt", "ä 漢\r\nend"),
    create("/memories/deep/near.txt", ""),
    create("/memories/.hidden", "x"),
    ("view", {"path": "/memories"}),
    ("view", {"path": "/memories/deep"}),
    ("view", {"path": "/memories/notes.md"}),
    ("view", {"path": "/memories/notes.md", "view_range": [2, 3]}),
    ("view", {"path": "/memories/notes.md", "view_range": [5, -1]}),
    ("view", {"path": "/memories/notes.md", "view_range": [0, 99]}),
    ("view", {"path": "/memories/deep/er/est.txt"}),
    ("view", {"path": "/memories/missing"}),
    ("str_replace", {"path": "/memories/notes.md", "old_str": "three", "new_str": "3\n3b"}),
    ("str_replace", {"path": "/memories/notes.md", "old_str": "nowhere", "new_str": "x"}),
    ("str_replace", {"path": "/memories/notes.md", "old_str": "e", "new_str": "x"}),
    ("str_replace", {"path": "/memories/missing", "old_str": "e", "new_str": "x"}),
    ("str_replace", {"path": "/memories/deep", "old_str": "e", "new_str": "x"}),
    ("insert", {"path": "/memories/notes.md", "insert_line": 0, "insert_text": "zero\n"}),
    ("insert", {"path": "/memories/notes.md", "insert_line": 3, "insert_text": "mid"}),
    ("insert", {"path": "/memories/notes.md", "insert_line": 9, "insert_text": "end\n\n"}),
    ("insert", {"path": "/memories/notes.md", "insert_line": 99, "insert_text": "x"}),
    ("insert", {"path": "/memories/notes.md", "insert_line": -1, "insert_text": "x"}),
    ("insert", {"path": "/memories/deep/near.txt", "insert_line": 0, "insert_text": "first"}),
    ("view", {"path": "/memories/notes.md"}),
    ("rename", {"old_path": "/memories/notes.md", "new_path": "/memories/new/name.md"}),
    ("rename", {"old_path": "/memories/missing", "new_path": "/memories/x"}),
    ("rename", {"old_path": "/memories/new/name.md", "new_path": "/memories/.hidden"}),
    ("rename", {"old_path": "/memories/deep", "new_path": "/memories/moved"}),
    ("rename", {"old_path": "/memories", "new_path": "/memories/x"}),
    ("view", {"path": "/memories"}),
    ("view", {"path": "/memories/moved/er/est.txt"}),
    ("delete", {"path": "/memories/new/name.md"}),
    ("delete", {"path": "/memories/missing"}),
    ("delete", {"path": "/memories"}),
    ("delete", {"path": "/memories/moved"}),
    ("view", {"path": "/memories/moved"}),
]


def test_it_answers_as_their_own_tool_on_files_does(tool, tmp_path):
    theirs = BetaLocalFilesystemMemoryTool(str(tmp_path / "theirs"))
    for command, arguments in STORY:
        wanted, found = do(theirs, command, **arguments), do(tool, command, **arguments)
        assert without_sizes(found) == without_sizes(wanted), (command, arguments)


def test_it_does_so_whatever_the_order(tmp_path):
    for seed in range(8):
        chosen = random.Random(seed).choices(STORY, k=60)
        theirs = BetaLocalFilesystemMemoryTool(str(tmp_path / f"theirs-{seed}"))
        with journal.open_memory() as store:
            ours = JournalMemoryTool(store)
            for command, arguments in chosen:
                wanted, found = do(theirs, command, **arguments), do(ours, command, **arguments)
                if "view" not in command and "delete" not in command and command != "rename":
                    # Folders that became empty stay in a file system, and are nothing here.
                    assert found == wanted, (seed, command, arguments)
                elif "content of" in wanted:
                    assert found == wanted


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "memories/a",
        "/memories/../etc/passwd",
        "/memories/a/../../b",
        "/memories/..",
        "/memories/./a",
        "/memories_evil/a",
        "/memoriesx",
        "/memories\\..\\a",
        "/memories/a\\b",
        "/memories/a\x00b",
        "/memories/a\nb",
        "/memories/\u202egpj",
        "/memories/\ud800",
        "/memories/" + "x" * 1_100,
        "/memories" + "/d" * 40,
        "",
    ],
)
def test_a_path_that_lies_is_refused_by_every_command(tool, store, path):
    fine = "/memories/fine"
    do(tool, "create", path=fine, file_text="x")
    before = [session.entries for session in store.all_sessions()]
    answers = [
        do(tool, "view", path=path),
        do(tool, "create", path=path, file_text="x"),
        do(tool, "str_replace", path=path, old_str="x", new_str="y"),
        do(tool, "insert", path=path, insert_line=0, insert_text="x"),
        do(tool, "delete", path=path),
        do(tool, "rename", old_path=path, new_path="/memories/new"),
        do(tool, "rename", old_path=fine, new_path=path),
    ]
    assert all(answer.startswith("ToolError") for answer in answers), answers
    assert [session.entries for session in store.all_sessions()] == before


def test_one_file_has_one_spelling(tool):
    do(tool, "create", path="/memories//a///b", file_text="x")
    assert "already exists" in do(tool, "create", path="/memories/a/b", file_text="y")
    assert "\tx" in do(tool, "view", path="/memories/a/b/")
    assert "is a file" in do(tool, "create", path="/memories/a/b/c", file_text="y")
    assert "into itself" in do(tool, "rename", old_path="/memories/a", new_path="/memories/a/z")


def test_a_deleted_file_is_destroyed_with_all_its_versions(tmp_path):
    with journal.open_store(tmp_path) as store:
        tool = JournalMemoryTool(store)
        do(tool, "create", path="/memories/secret", file_text="canary-in-a-cage one")
        do(tool, "str_replace", path="/memories/secret", old_str="one", new_str="two")
        do(tool, "rename", old_path="/memories/secret", new_path="/memories/other")
        do(tool, "create", path="/memories/kept", file_text="parrot-in-a-tree")
        do(tool, "delete", path="/memories/other")
        assert store.verify().is_sound
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"canary-in-a-cage" not in raw
    assert b"parrot-in-a-tree" in raw


def test_the_versions_before_an_edit_stay_in_the_journal(tool, store):
    do(tool, "create", path="/memories/a", file_text="one")
    do(tool, "str_replace", path="/memories/a", old_str="one", new_str="two")
    entries = store.session("memory", workspace="anthropic-memory").open().entries
    assert [entry.body["text"] for entry in entries] == ["one", "two"]


def test_two_tools_of_one_folder_see_each_other_and_two_names_are_two(store):
    ours, theirs = JournalMemoryTool(store), JournalMemoryTool(store)
    do(ours, "create", path="/memories/a", file_text="one")
    do(theirs, "str_replace", path="/memories/a", old_str="one", new_str="two")
    assert "\ttwo" in do(ours, "view", path="/memories/a")
    other = JournalMemoryTool(store, name="other")
    assert "does not exist" in do(other, "view", path="/memories/a")
    assert do(ours, "delete", path="/memories/a").startswith("Successfully")
    assert "does not exist" in do(theirs, "view", path="/memories/a")


def test_an_edit_between_anothers_look_and_write_is_not_lost(store, monkeypatch):
    ours, theirs = JournalMemoryTool(store), JournalMemoryTool(store)
    do(ours, "create", path="/memories/a", file_text="one\ntwo\n")
    read, waiting = ours._files.read, ["once"]

    def interrupted():
        found = read()
        if waiting:
            waiting.pop()
            do(theirs, "str_replace", path="/memories/a", old_str="two", new_str="2")
        return found

    monkeypatch.setattr(ours._files, "read", interrupted)
    do(ours, "str_replace", path="/memories/a", old_str="one", new_str="1")
    assert do(theirs, "view", path="/memories/a").endswith("1\t1\n     2\t2\n     3\t")


def test_a_file_over_the_limit_is_refused(store):
    tool = JournalMemoryTool(store, text_bytes_max=10)
    assert "at most 10" in do(tool, "create", path="/memories/a", file_text="x" * 11)
    do(tool, "create", path="/memories/a", file_text="x" * 10)
    assert "at most 10" in do(tool, "insert", path="/memories/a", insert_line=0, insert_text="y")


async def test_the_asynchronous_tool_does_the_same(store):
    tool = AsyncJournalMemoryTool(store)
    await tool.call({"command": "create", "path": "/memories/a", "file_text": "figs"})
    assert "figs" in await tool.call({"command": "view", "path": "/memories/a"})
    assert await tool.clear_all_memory() == "All memory cleared"
    with pytest.raises(ToolError):
        await tool.call({"command": "view", "path": "/memories/a"})


def test_a_real_client_lets_a_model_use_it(store):
    call = {"command": "create", "path": "/memories/food", "file_text": "likes figs"}
    script = [
        {"tool_calls": [{"id": "t1", "name": "memory", "arguments": call}]},
        {"text": "I will remember."},
    ]
    with ScriptedProvider(script) as provider, Anthropic(
        base_url=provider.url, api_key="key"
    ) as client:  # fmt: skip
        runner = client.beta.messages.tool_runner(
            model="scripted",
            max_tokens=100,
            messages=[{"role": "user", "content": "I like figs"}],
            tools=[JournalMemoryTool(store)],
            thread=False,
        )
        assert runner.until_done().content[0].text == "I will remember."
        result = provider.bodies[1]["messages"][-1]["content"][0]
    assert result["tool_use_id"] == "t1"
    assert "File created successfully" in str(result["content"])
    assert "likes figs" in do(JournalMemoryTool(store), "view", path="/memories/food")
