"""Commands: what they wrote is never lost, and nothing that they started outlives us."""

import asyncio
import contextlib
import os
import re

import pytest
from tests.rooms.agent.conftest import eventually, is_alive, number_in

from novacore import agent
from novacore.agent.config import Config
from novacore.agent.tools.processes import ProcessTree, scan_ps
from novacore.agent.tools.shell import shell_tools


@pytest.fixture
async def shell(workspace, session):
    """Runs one of the shell's tools: `await shell("bash", command=…)`."""
    boxes = []

    def box(**config):
        made = agent.Toolbox(shell_tools(workspace, config=Config(**config), blobs=session))
        boxes.append(made)
        return made

    current = box()

    async def run(name, **arguments):
        return await current.find(name).run(arguments)

    def configured(**config):
        nonlocal current
        current = box(**config)

    run.configure = configured
    run.close = lambda: current.close()  # noqa: PLW0108 - it changes
    yield run
    for each in boxes:
        await each.close()


async def test_a_command_runs_in_the_workspace_and_both_outputs_come_back(shell, workspace):
    outcome = await shell("bash", command="pwd; echo bad >&2; exit 3")
    assert outcome.text == f"{workspace}\n[stderr]\nbad\n[exit code 3]"
    assert outcome.is_error


async def test_output_is_kept_when_the_command_fails(shell):
    outcome = await shell("bash", command="echo 12 passed, 1 failed; false")
    assert outcome.text == "12 passed, 1 failed\n[exit code 1]"


async def test_a_command_that_says_nothing_has_its_exit_code(shell):
    assert (await shell("bash", command="true")) == agent.ToolOutcome(text="[exit code 0]")


async def test_a_command_gets_no_input_and_does_not_wait_for_any(shell):
    assert (await shell("bash", command="cat; read x; echo $?")).text == "1\n[exit code 0]"


async def test_a_command_that_a_signal_ended_says_so(shell):
    assert "[exit code -9]" in (await shell("bash", command="kill -9 $$")).text


async def test_lines_of_any_length_and_any_bytes_come_through(shell):
    outcome = await shell("bash", command="head -c 20000 /dev/zero | tr '\\0' x; printf '\\xff\\n'")
    assert outcome.text == "x" * 20_000 + "�\n[exit code 0]"


async def test_long_output_shows_head_and_tail_and_is_kept_whole(shell, session):
    outcome = await shell("bash", command="seq 100000")
    assert len(outcome.text) < 31_000
    assert outcome.text.startswith("1\n2\n")
    assert outcome.text.endswith("99999\n100000\n[exit code 0]")
    mark = re.search(r"\[… ([\d,]+) bytes .* not shown; .*ref \"(.+)\"", outcome.text)
    assert mark.group(2) == outcome.blob
    shown = len(outcome.text.encode()) - len(mark.group(0).encode())
    whole = session.get_blob(outcome.blob)
    assert whole.startswith(b"1\n2\n3\n")
    assert abs(len(whole) - shown - int(mark.group(1).replace(",", ""))) < 40


async def test_of_endless_output_head_and_tail_are_kept(shell, session):
    shell.configure(tool_output_kept_bytes_max=65_536)
    outcome = await shell("bash", command="seq 100000; echo end")
    whole = session.get_blob(outcome.blob).decode()
    assert len(whole) < 200_000
    assert re.search(r"\n\[… [\d,]+ bytes of output were not kept …\]\n", whole)
    assert whole.startswith("1\n2\n")
    assert whole.endswith("100000\nend\n[exit code 0]")


async def test_a_timeout_ends_the_command_with_its_children_and_keeps_its_output(shell, workspace):
    command = "echo begun; (trap '' TERM; echo $BASHPID > child; sleep 60) & sleep 60"
    outcome = await shell("bash", command=command, timeout_ms=300)
    assert outcome.is_error
    assert outcome.text.startswith("begun\n[timed out after 300 ms; the command and its children")
    assert not is_alive(number_in(workspace / "child"))


@pytest.mark.parametrize("how", ["%s &", "setsid %s &", "timeout 50 %s &", "(setsid %s &);"])
async def test_children_that_left_their_group_or_their_parent_are_ended_too(shell, workspace, how):
    command = how % "bash -c 'echo $$ > child; exec sleep 60'" + " sleep 60"
    run = asyncio.create_task(shell("bash", command=command))
    await eventually(lambda: number_in(workspace / "child") > 0)
    run.cancel()
    # It may be cancelled while it is still being started: then there is no result to speak of.
    with contextlib.suppress(asyncio.CancelledError):
        assert "cancelled by the user" in (await run).text
    assert not is_alive(number_in(workspace / "child"))


async def test_the_longest_time_is_the_setting_s(shell):
    shell.configure(bash_timeout_ms=100, bash_timeout_ms_max=200)
    outcome = await shell("bash", command="sleep 60", timeout_ms=60_000)
    assert "timed out after 200 ms" in outcome.text


async def test_keys_are_hidden_from_commands_and_other_variables_are_not(shell, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("OTHER", "seen")
    outcome = await shell("bash", command="env | grep -e secret -e OTHER")
    assert outcome.text == "OTHER=seen\n[exit code 0]"


async def test_what_a_command_leaves_running_becomes_a_job(shell, workspace):
    command = "(echo one; sleep 0.2; echo two; sleep 60) & echo $! > child"
    outcome = await shell("bash", command=command)
    job = re.search(r"still runs, as (bash_\w+)", outcome.text).group(1)
    shown = outcome.text
    while "two" not in shown:
        shown += (await shell("bash_output", bash_id=job, wait_ms=1_000)).text
    assert shown.count("one") == 1
    assert (await shell("bash_kill", bash_id=job)).text == "(nothing new)\n[ended with exit code 0]"
    assert not is_alive(number_in(workspace / "child"))


WAIT_FOR_GO = "touch half; while [ ! -e go ]; do sleep 0.01; done"


async def background(shell, command):
    outcome = await shell("bash", command=command, background=True)
    return re.search(r"as (bash_\w+);", outcome.text).group(1)


async def test_a_background_command_is_read_piece_by_piece_to_its_end(shell):
    job = await background(shell, "echo a; echo b >&2; sleep 0.1; echo c; exit 7")
    text = ""
    while "[ended" not in text:
        text += (await shell("bash_output", bash_id=job, wait_ms=1_000)).text + "\n"
    said = [line for line in text.splitlines() if not line.startswith(("[", "("))]
    assert said == ["a", "b", "c"]
    assert "[ended with exit code 7]" in text
    assert "There are: none." in (await shell("bash_output", bash_id=job)).text


async def test_a_filter_loses_no_lines(shell):
    job = await background(shell, "echo error 1; echo fine 1; echo error 2; sleep 60")
    text = ""
    while "error 2" not in text:
        outcome = await shell("bash_output", bash_id=job, filter="^error", wait_ms=1_000)
        text += outcome.text
    assert "fine" not in text
    assert "don't fit the filter" in text
    again = (await shell("bash_output", bash_id=job, filter="^error")).text
    assert again == "(nothing new)\n[running]"
    whole = (await shell("bash_output", bash_id=job)).text
    assert whole == "error 1\nfine 1\nerror 2\n[running]"


async def test_a_filter_judges_whole_lines_only(shell, workspace):
    job = await background(shell, f"printf 'err'; {WAIT_FOR_GO}; echo 'or'; sleep 60")
    await eventually((workspace / "half").exists)
    assert (await shell("bash_output", bash_id=job, filter="err")).text.startswith("(nothing new)")
    (workspace / "go").touch()
    text = ""
    while "error" not in text:
        text = (await shell("bash_output", bash_id=job, filter="err", wait_ms=1_000)).text
    assert text.startswith("error\n")


async def test_a_character_cut_in_two_is_not_shown_in_halves(shell, workspace):
    job = await background(shell, f"printf 'a\\xc3'; {WAIT_FOR_GO}; printf '\\xa9b'; sleep 60")
    await eventually((workspace / "half").exists)
    assert (await shell("bash_output", bash_id=job)).text == "a\n[running]"
    (workspace / "go").touch()
    assert (await shell("bash_output", bash_id=job, wait_ms=5_000)).text == "éb\n[running]"


async def test_a_filter_that_is_no_expression_or_takes_for_ever_is_told(shell):
    shell.configure(search_timeout_ms=300)
    job = await background(shell, f"echo {'a' * 40}b; sleep 60")
    await shell("bash_output", bash_id=job, filter="zzz", wait_ms=2_000)
    for pattern, told in (("(", "no regular expression"), ("(a+)+$", "longer than 300 ms")):
        assert told in (await shell("bash_output", bash_id=job, filter=pattern)).text


async def test_killing_ends_a_job_that_ignores_being_told(shell, workspace):
    shell.configure(bash_grace_ms=100)
    command = "trap '' TERM; echo $$ > pid; echo last words; sleep 60 & wait; sleep 60"
    job = await background(shell, command)
    await eventually(lambda: number_in(workspace / "pid") > 0)
    outcome = await shell("bash_kill", bash_id=job)
    assert outcome.text == "last words\n[ended with exit code -9]"
    assert not is_alive(number_in(workspace / "pid"))
    assert (await shell("bash_kill", bash_id=job)).is_error


async def test_a_job_that_is_told_to_end_may_clean_up(shell):
    command = "trap 'echo cleaned; exit 0' TERM; echo up; while :; do sleep 0.01; done"
    job = await background(shell, command)
    await shell("bash_output", bash_id=job, wait_ms=5_000)
    outcome = await shell("bash_kill", bash_id=job)
    assert outcome.text.endswith("cleaned\n[ended with exit code 0]")


async def test_there_are_no_more_jobs_than_may_be(shell):
    shell.configure(jobs_max=1)
    await background(shell, "sleep 60")
    assert "agent.jobs_max" in (await shell("bash", command="sleep 60", background=True)).text
    job = (await shell("bash_output", bash_id="nope")).text
    assert "(sleep 60)" in job


async def test_closing_ends_every_job_and_may_be_repeated(shell, workspace):
    await background(shell, "setsid bash -c 'echo $$ > pid; exec sleep 60' & sleep 60")
    await eventually(lambda: number_in(workspace / "pid") > 0)
    await shell.close()
    await shell.close()
    assert not is_alive(number_in(workspace / "pid"))


async def test_a_command_in_a_folder_that_is_gone_is_a_plain_error(shell, workspace):
    workspace.rmdir()
    with pytest.raises(FileNotFoundError):
        await shell("bash", command="true")


async def test_cancelling_while_a_command_is_being_started_leaves_nothing_behind(shell, workspace):
    for ticks in range(6):
        run = asyncio.create_task(shell("bash", command=f"echo $$ > pid{ticks}; sleep 60"))
        for _ in range(ticks):
            await asyncio.sleep(0)
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            assert "cancelled" in (await run).text
    for ticks in range(6):
        pid = number_in(workspace / f"pid{ticks}")
        assert not pid or not is_alive(pid)


def test_processes_are_found_by_ps_too_where_there_is_no_proc():
    mine = next(each for each in scan_ps() if each.pid == os.getpid())
    assert (mine.parent, mine.group) == (os.getppid(), os.getpgrp())
    assert not mine.is_dead


async def test_a_tree_that_has_ended_has_no_members():
    process = await asyncio.create_subprocess_exec("true", start_new_session=True)
    await process.wait()
    tree = ProcessTree(process.pid, mark="none")
    assert tree.members() == []
    await tree.end(grace_ms=0)
