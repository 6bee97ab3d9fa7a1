"""What the journal keeps for the agent: notes over sessions, and output that was cut."""

import pytest

from novacore import agent
from novacore.agent.config import Config
from novacore.agent.notebook import note_line
from novacore.agent.tools.notes import note_tools, output_tool


@pytest.fixture
def notebook(store, workspace):
    return agent.JournalNoteBook(store, workspace=str(workspace))


@pytest.fixture
def notes(notebook, session):
    """Runs `note`, `recall` or `read_output`."""

    async def run(name, **arguments):
        config = run.config
        tools = note_tools(notebook, session=session, config=config)
        box = agent.Toolbox([*tools, output_tool(session=session, config=config)])
        return await box.find(name).run(arguments)

    run.config = Config()
    return run


async def test_a_note_is_found_again_and_by_its_words_and_category(notes):
    await notes("note", text="Use tabs.", category="style")
    await notes("note", text="The port is 8080.")
    lines = (await notes("recall")).text.splitlines()
    assert [line[13:] for line in lines] == ["[style] Use tabs.", "[general] The port is 8080."]
    assert "8080" in (await notes("recall", words="PORT 8080")).text
    assert "tabs" not in (await notes("recall", words="port")).text
    assert "tabs" in (await notes("recall", category="Style")).text
    assert (await notes("recall", words="zebra")).text == "(no such notes)"


async def test_notes_are_entries_of_kind_memory_and_name_their_session(notes, store, session):
    await notes("note", text="a")
    kept = store.get_session("notebook").open().entries[0]
    assert kept.kind == "memory"
    assert dict(kept.body) == {
        "type": "note",
        "text": "a",
        "category": "general",
        "session_id": session.id,
    }


async def test_later_sessions_of_the_workspace_find_the_notes_and_others_do_not(
    notes, store, workspace
):
    await notes("note", text="kept")
    again = agent.JournalNoteBook(store, workspace=str(workspace))
    assert [note.text for note in await again.list_notes()] == ["kept"]
    other = agent.JournalNoteBook(store, workspace="/elsewhere")
    assert list(await other.list_notes()) == []


async def test_looking_for_notes_makes_no_session_and_notes_are_not_the_last_one(
    notes, store, session, workspace
):
    await notes("recall")
    assert len(store.list_sessions()) == 1
    session.append({"role": "user", "content": "x"})
    await notes("note", text="kept")
    assert store.last_session(str(workspace)).id == session.id
    assert [info.name for info in store.list_sessions(workspace=str(workspace))] == ["talk"]


@pytest.mark.parametrize("text", ["  ", "x" * 5_000])
async def test_a_note_that_says_nothing_or_too_much_is_refused(notes, text):
    assert (await notes("note", text=text)).is_error


def test_a_note_of_several_lines_is_shown_on_one():
    note = agent.Note(text="a\n  b", category="c", said_at_us=1_700_000_000_000_000)
    assert note_line(note) == "- 2023-11-14 [c] a b"


async def test_kept_output_is_paged_to_its_last_character(notes, session):
    notes.config = Config(tool_output_bytes_max=512, read_line_chars_max=80)
    text = "first\n" + "x" * 1_000 + "\n" + "\n".join(f"line {n}" for n in range(100))
    ref = session.put_blob(text.encode())
    seen, offset = "", 1
    while offset:
        lines = (await notes("read_output", ref=ref, offset=offset)).text.splitlines()
        seen += "".join(line.split("\t", 1)[1] for line in lines[:-1])
        offset = int(lines[-1].rsplit(" ", 1)[1].rstrip("]")) if "go on" in lines[-1] else 0
    assert seen == text.replace("\n", "")


async def test_kept_output_is_searched(notes, session):
    ref = session.put_blob(b"alpha\nbeta\ngamma\nbeta max\n")
    text = (await notes("read_output", ref=ref, filter="^beta")).text
    assert text == "     2\tbeta\n     4\tbeta max\n[of 4 lines]"
    assert (await notes("read_output", ref=ref, filter="(")).is_error
    assert (await notes("read_output", ref=ref, limit=1)).text.endswith("go on with offset 2]")


async def test_an_earlier_message_is_read_by_its_place(notes, session):
    call = {"id": "1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    session.append({"role": "assistant", "content": "Look:", "tool_calls": [call]})
    text = (await notes("read_output", ref="message:0")).text
    assert text.splitlines()[:3] == [
        "     1\t[assistant]",
        "     2\tLook:",
        "     3\t[called bash with {}]",
    ]


@pytest.mark.parametrize("ref", ["message:7", "message:x", "nothing", "blob:0:00", "message:1"])
async def test_what_is_not_there_is_said_not_to_be_there(notes, session, ref):
    session.append({"role": "user", "content": "x"})
    session.put_blob(b"y")
    outcome = await notes("read_output", ref=ref)
    assert outcome.is_error
    assert "nothing under this ref" in outcome.text
