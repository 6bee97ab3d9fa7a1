"""Files: read with numbers, written as a whole or not at all, edited where it is meant."""

import os
import stat
from pathlib import Path

import pytest

from novacore import agent
from novacore.agent.config import Config
from novacore.agent.tools.files import file_tools, write_atomically
from novacore.agent.tools.workspace import Workspace


@pytest.fixture
def files(workspace):
    """Runs one of the file tools: `await files("read_file", path=…)`."""
    config = Config()

    async def run(name, **arguments):
        box = agent.Toolbox(file_tools(Workspace(workspace), config=run.config))
        return await box.find(name).run(arguments)

    run.config = config
    return run


async def test_a_file_is_read_with_line_numbers(files, workspace):
    (workspace / "a.txt").write_text("one\n\nthree")
    assert (await files("read_file", path="a.txt")).text == "     1\tone\n     2\t\n     3\tthree"


async def test_a_part_is_read_and_it_is_said_where_it_goes_on(files, workspace):
    (workspace / "a.txt").write_text("".join(f"l{n}\n" for n in range(1, 11)))
    outcome = await files("read_file", path="a.txt", offset=3, limit=2)
    assert outcome.text == "     3\tl3\n     4\tl4\n[there is more: go on with offset 5]"
    last = await files("read_file", path="a.txt", offset=9, limit=5)
    assert last.text == "     9\tl9\n    10\tl10"
    beyond = await files("read_file", path="a.txt", offset=11)
    assert beyond == agent.ToolOutcome(
        text="a.txt has 10 lines; there is no line 11.", is_error=True
    )


async def test_a_long_file_is_cut_at_the_limit_and_can_be_read_on(files, workspace):
    files.config = Config(read_bytes_max=1_000)
    (workspace / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 501)))
    seen, offset = [], 1
    while offset:
        lines = (await files("read_file", path="a.txt", offset=offset)).text.splitlines()
        more = lines[-1].startswith("[there is more")
        offset = int(lines[-1].rsplit(" ", 1)[1].rstrip("]")) if more else 0
        seen += [line.split("\t")[1] for line in lines[: len(lines) - more]]
    assert seen == [f"line {n}" for n in range(1, 501)]


async def test_long_lines_are_cut_and_counted(files, workspace):
    (workspace / "a.txt").write_text("x" * 5_000 + "\nend\n")
    text = (await files("read_file", path="a.txt")).text
    assert text == f"     1\t{'x' * 2_000} [3,000 more characters]\n     2\tend"


async def test_a_line_of_megabytes_counts_as_one(files, workspace):
    (workspace / "a.txt").write_bytes(b"x" * (3 << 20) + b"\nend\n")
    text = (await files("read_file", path="a.txt")).text
    assert text.endswith("more characters]\n     2\tend")


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a\r\nb\r\n", ["a", "b"]),
        ("\ufeffa\n".encode(), ["a"]),
        ("häß\n".encode("utf-16"), ["häß"]),
        (b"b\xe4r\n", ["b\ufffdr"]),
        ("日本語 🎉\n".encode(), ["日本語 🎉"]),
    ],
)
async def test_other_line_ends_and_encodings_are_read(files, workspace, data, shown):
    (workspace / "a.txt").write_bytes(data)
    text = (await files("read_file", path="a.txt")).text
    assert [line.split("\t")[1] for line in text.splitlines()] == shown


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"), (b"ab\0cd", "binary"), (b"\x7fELF\0", "ELF")],
)
async def test_a_binary_file_is_described(files, workspace, data, kind):
    (workspace / "a").write_bytes(data)
    text = (await files("read_file", path="a")).text
    assert kind in text
    assert f"{len(data)} bytes" in text


async def test_an_empty_file_is_said_to_be_empty(files, workspace):
    (workspace / "a").touch()
    assert (await files("read_file", path="a")).text == "(a is empty)"


async def test_what_is_no_regular_file_is_refused_at_once(files, workspace):
    os.mkfifo(workspace / "pipe")
    (workspace / "folder").mkdir()
    (workspace / "readme.md").touch()
    for path, told in (
        ("pipe", "pipe is no regular file."),
        ("folder", "folder is a folder; list_files shows what is in it."),
        ("README.md", "README.md does not exist. There is readme.md."),
        ("none/none", "none/none does not exist."),
    ):
        assert (await files("read_file", path=path)).text == told
    assert (await files("write_file", path="pipe", content="x")).text == "pipe is no regular file."
    assert (await files("edit_file", path="pipe", old_text="x", new_text="y")).is_error


async def test_a_file_is_written_with_its_folders(files, workspace):
    outcome = await files("write_file", path="new/deep/a.txt", content="a\nb")
    assert outcome.text == "new/deep/a.txt written: 2 lines, 3 bytes."
    assert (workspace / "new/deep/a.txt").read_text() == "a\nb"
    assert (await files("write_file", path="new/deep/a.txt", content="")).text.endswith("0 bytes.")


async def test_a_replaced_file_keeps_its_mode_and_leaves_nothing_beside_it(files, workspace):
    script = workspace / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    await files("write_file", path="run.sh", content="new")
    assert stat.S_IMODE(script.stat().st_mode) == 0o750
    assert [each.name for each in workspace.iterdir()] == ["run.sh"]


async def test_a_new_file_gets_the_mode_that_the_user_gives_new_files(files, workspace):
    before = os.umask(0o027)
    try:
        await files("write_file", path="a", content="x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((workspace / "a").stat().st_mode) == 0o640


async def test_a_file_is_replaced_and_never_half_written_in_place(files, workspace):
    (workspace / "a").write_text("old")
    (workspace / "same").hardlink_to(workspace / "a")
    await files("write_file", path="a", content="new")
    assert (workspace / "same").read_text() == "old"
    assert (workspace / "a").read_text() == "new"


async def test_writing_through_a_link_changes_what_it_points_to(files, workspace):
    (workspace / "real").write_text("old")
    (workspace / "link").symlink_to("real")
    await files("write_file", path="link", content="new")
    assert (workspace / "link").is_symlink()
    assert (workspace / "real").read_text() == "new"


def test_a_write_that_fails_leaves_the_old_file_whole(workspace, monkeypatch):
    path = workspace / "a"
    path.write_text("old")

    def refuse(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_text() == "old"
    assert [each.name for each in workspace.iterdir()] == ["a"]


async def test_a_file_that_is_too_large_is_not_written(files, workspace):
    files.config = Config(write_bytes_max=1_024)
    assert (
        "agent.write_bytes_max" in (await files("write_file", path="a", content="x" * 1_025)).text
    )
    assert not (workspace / "a").exists()
    (workspace / "big").write_text("y" * 2_000)
    assert (await files("edit_file", path="big", old_text="y", new_text="z")).is_error


async def edit(files, old, new, **more):
    return await files("edit_file", path="a.py", old_text=old, new_text=new, **more)


async def test_an_edit_replaces_the_one_place(files, workspace):
    (workspace / "a.py").write_text("a = 1\nb = 2\n")
    assert (await edit(files, "b = 2", "b = 3")).text == "a.py changed in 1 place, first at line 2."
    assert (workspace / "a.py").read_text() == "a = 1\nb = 3\n"


async def test_an_edit_that_fits_several_places_changes_none_and_counts_them(files, workspace):
    (workspace / "a.py").write_text("x\ny\nx\nx\n")
    outcome = await edit(files, "x\n", "z\n")
    assert outcome.is_error
    assert "old_text is 3 times in a.py (lines 1, 3, 4)." in outcome.text
    assert (workspace / "a.py").read_text() == "x\ny\nx\nx\n"
    assert "in 3 places" in (await edit(files, "x\n", "z\n", replace_all=True)).text
    assert (workspace / "a.py").read_text() == "z\ny\nz\nz\n"


@pytest.mark.parametrize(
    ("old", "told"),
    [
        ("     return 1", "Line 2 has its first line; what differs is white space"),
        ("\treturn 1\nelse", "Line 2 has its first line"),
        ("    return l", "The nearest is line 2: 'return 1'."),
        ("zzzzzzzzzzzzzzz", "old_text is not in a.py. Nothing"),
        ("\n\n\n", "old_text is not in a.py. Nothing"),
    ],
)
async def test_an_edit_that_fits_nowhere_says_what_is_nearest(files, workspace, old, told):
    (workspace / "a.py").write_text("def f():\n    return 1\n")
    outcome = await edit(files, old, "x")
    assert told in outcome.text
    assert outcome.is_error


async def test_an_edit_that_changes_nothing_is_refused(files, workspace):
    (workspace / "a.py").write_text("x")
    assert "are the same" in (await edit(files, "x", "x")).text


async def test_an_edit_keeps_line_ends_and_bytes_that_are_not_utf8(files, workspace):
    (workspace / "a.py").write_bytes(b"b\xe4r\r\none\r\ntwo\r\n")
    assert not (await edit(files, "one\ntwo", "1\n2\n3")).is_error
    assert (workspace / "a.py").read_bytes() == b"b\xe4r\r\n1\r\n2\r\n3\r\n"


@pytest.mark.parametrize(
    "path",
    ["../outside.txt", "/etc/passwd", "link/x", "a/../../x", "linkfile", "/", "dangling"],
)
async def test_no_path_leads_out_of_the_workspace(files, workspace, path):
    (workspace / "link").symlink_to(workspace.parent)
    (workspace.parent / "outside.txt").write_text("secret")
    (workspace / "linkfile").symlink_to(workspace.parent / "outside.txt")
    (workspace / "dangling").symlink_to(workspace.parent / "not-yet")
    for name, more in (
        ("read_file", {}),
        ("write_file", {"content": "x"}),
        ("edit_file", {"old_text": "secret", "new_text": "x"}),
    ):
        with pytest.raises(agent.OutsideWorkspace, match=r"agent\.workspace_confined"):
            await files(name, path=path, **more)
    assert (workspace.parent / "outside.txt").read_text() == "secret"


def test_a_workspace_that_is_not_confined_shows_outside_paths_in_full(workspace):
    place = Workspace(workspace, is_confined=False)
    assert place.subject("/etc/passwd").text == str(Path("/etc/passwd").resolve())
    assert place.subject("a/./b/../c").text == "a/c"
    assert place.subject(str(workspace / "x")).text == "x"


def test_a_path_that_can_be_no_path_is_refused(workspace):
    for path in ("a\0b", "a\ud800"):
        with pytest.raises(ValueError, match=r"(zero byte|UTF-8)"):
            Workspace(workspace).resolve(path)
