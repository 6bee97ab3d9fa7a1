"""A person at a terminal: real keys, a real pseudo-terminal, a real process."""

import json
import re
import signal
import time

from tests.journeys.terminals import new_nap, processes_with, until_gone

PROMPT = "\n>"
SLOW = {"text": ["once ", "upon ", "a ", "time "] * 400, "chunk_delay_ms": 25}


def bash(command: str, *, call_id: str = "toolu_1") -> dict:
    return {"tool_calls": [{"id": call_id, "name": "bash", "arguments": {"command": command}}]}


def test_talking_leaving_and_coming_back(place, provider, terminal) -> None:
    provider.play({"thinking": "hm", "signature": "s", "text": "hello back, 日本"})
    first = terminal("--session", "s")
    first.expect(PROMPT)
    first.send("hello\r")
    first.expect("hello back, 日本")
    first.expect("1 step, 10 tokens in")
    first.expect(PROMPT)
    first.send("\x04")
    assert first.wait() == 0

    second = terminal()
    resumed = second.expect(" ms.")
    assert "Resumed s: 2 messages, opened in " in resumed
    second.expect("hello back")
    second.send("/quit\r")
    assert second.wait() == 0
    assert [each["role"] for each in place.messages("s")] == ["user", "assistant"]


def test_several_lines_are_one_message(place, provider, terminal) -> None:
    provider.play({"text": "fine"}, {"text": "fine too"})
    shown = terminal("--session", "s")
    shown.expect(PROMPT)
    shown.send("one\ntwo\x1b\rthree\r")
    shown.expect("fine")
    shown.expect(PROMPT)
    shown.send("\x1b[200~pasted\nlines\x1b[201~\r")
    shown.expect("fine too")

    said = [each["content"] for each in place.messages("s") if each["role"] == "user"]
    assert said == ["one\ntwo\nthree", "pasted\nlines"]


def test_escape_stops_at_once_and_arrow_keys_do_not(place, provider, terminal) -> None:
    provider.play(SLOW, {"text": "and so on"})
    shown = terminal("--session", "s")
    shown.expect(PROMPT)
    shown.send("tell\r")
    shown.expect("once upon a time")
    for arrow in ("\x1b[A", "\x1bOB", "\x1b[1;5C"):
        shown.send(arrow)
    shown.expect("once upon a time once")
    assert "Stopped" not in shown.text

    shown.send("\x1b")
    shown.expect("Stopped. What was said is kept.")
    assert provider.requests[0].was_dropped.wait(10)
    shown.expect(PROMPT)
    shown.send("go on\r")
    shown.expect("and so on")
    assert [each["role"] for each in place.messages("s")] == ["user", "assistant"] * 2
    assert "once upon" in json.dumps(place.messages("s")[1])


def test_control_c_stops_a_command_with_its_children_and_twice_leaves(
    place, provider, terminal
) -> None:
    nap = new_nap()
    provider.play(bash(f"echo begun; {nap} & {nap}"))
    shown = terminal("--session", "s", "--set", "agent.permissions_allow=bash")
    shown.expect(PROMPT)
    shown.send("wait\r")
    shown.expect("[1] bash")
    while not processes_with(nap):
        time.sleep(0.02)

    shown.send("\x03")
    shown.expect("Stopped. What was said is kept.")
    assert until_gone(nap)
    shown.expect(PROMPT)
    shown.send("\x03")
    # The press that stopped the command was none of the two.
    shown.expect("Ctrl+C again to leave")
    shown.send("\x03")
    assert shown.wait() == 0
    messages = place.messages("s")
    assert [each["role"] for each in messages] == ["user", "assistant", "tool"]
    assert "begun" in messages[2]["content"]
    place.verify()


def test_a_question_is_asked_on_the_terminal(place, provider, terminal) -> None:
    provider.play(bash("touch made"), {"text": "made it"})
    shown = terminal("--session", "s")
    shown.expect(PROMPT)
    shown.send("make\r")
    shown.expect("May it run?")
    shown.expect("command: touch made")
    assert not (place.folder / "made").exists()
    shown.send("y")
    shown.expect("made it")
    assert (place.folder / "made").exists()


def test_a_kill_in_mid_answer_loses_nothing_that_was_acknowledged(
    place, provider, terminal
) -> None:
    provider.play({"text": "first"}, SLOW, {"text": "here again"})
    shown = terminal("--session", "s")
    shown.expect(PROMPT)
    shown.send("one\r")
    shown.expect("first")
    shown.expect(PROMPT)
    shown.send("two\r")
    shown.expect("once upon")
    shown.signal(signal.SIGKILL)
    assert shown.wait() == -signal.SIGKILL

    again = terminal()
    assert "Resumed s: 3 messages" in again.expect(" ms.")
    again.expect(PROMPT)
    again.send("three\r")
    again.expect("here again")
    said = [each["content"] for each in place.messages("s") if each["role"] == "user"]
    assert said == ["one", "two", "three"]
    place.verify()


def test_being_told_to_end_ends_background_jobs_and_leaves_a_valid_history(
    place, provider, terminal
) -> None:
    nap = new_nap()
    job = {"command": nap, "background": True}
    provider.play(
        {"tool_calls": [{"id": "toolu_1", "name": "bash", "arguments": job}]},
        {"text": "it runs"},
        SLOW,
    )
    shown = terminal("--session", "s", "--set", "agent.permissions_allow=bash")
    shown.expect(PROMPT)
    shown.send("begin\r")
    shown.expect("it runs")
    assert processes_with(nap)
    shown.expect(PROMPT)
    shown.send("talk\r")
    shown.expect("once upon")

    shown.signal(signal.SIGTERM)
    assert shown.wait() == 128 + signal.SIGTERM
    assert until_gone(nap)
    assert [each["role"] for each in place.messages("s")][-2:] == ["user", "assistant"]
    place.verify()


def test_a_closed_window_ends_background_jobs_too(place, provider, terminal) -> None:
    nap = new_nap()
    job = {"command": nap, "background": True}
    provider.play(
        {"tool_calls": [{"id": "toolu_1", "name": "bash", "arguments": job}]}, {"text": "it runs"}
    )
    shown = terminal("--session", "s", "--set", "agent.permissions_allow=bash")
    shown.expect(PROMPT)
    shown.send("begin\r")
    shown.expect("it runs")
    assert processes_with(nap)
    shown.expect(PROMPT)

    shown.hang_up()
    assert shown.wait() == 128 + signal.SIGHUP
    assert until_gone(nap)
    place.verify()


def test_a_narrow_terminal_is_wrapped_and_commands_are_completed(place, provider, terminal) -> None:
    provider.play({"text": "日本語のとても長い文章です。" * 6})
    shown = terminal("--session", "s", columns=40, lines=20)
    shown.expect(PROMPT)
    shown.send("/sess")
    shown.expect("/sessions")
    shown.send("\t\r")
    shown.expect("last used")
    shown.send("tell\r")
    answer = shown.expect("1 step")
    wide = [line for line in answer.splitlines() if line.count("日本語") > 2]
    assert wide == []


def test_plain_mode_moves_no_cursor(place, provider, terminal) -> None:
    provider.play(bash("touch made"), {"text": "made it"})
    shown = terminal("--plain", "--session", "s")
    shown.expect(PROMPT)
    shown.send("make\n")
    shown.expect("Type one of")
    shown.send("y\n")
    shown.expect("made it")
    shown.expect(PROMPT)
    shown.send("/quit\n")

    assert shown.wait() == 0
    assert b"\x1b" not in shown.raw
    assert (place.folder / "made").exists()


def test_control_c_in_plain_mode_stops_the_answer(place, provider, terminal) -> None:
    provider.play(SLOW)
    shown = terminal("--plain", "--session", "s")
    shown.expect(PROMPT)
    shown.send("tell\n")
    shown.expect("once upon")
    shown.send("\x03")
    shown.expect("Stopped. What was said is kept.")
    shown.expect(PROMPT)
    shown.send("/quit\n")
    assert shown.wait() == 0


def test_no_colour_is_honoured(place, provider, terminal) -> None:
    provider.play({"thinking": "hm", "signature": "s", "text": "plain words"})
    shown = terminal("--session", "s", NO_COLOR="1")
    shown.expect(PROMPT)
    shown.send("x\r")
    shown.expect("plain words")
    shown.expect("1 step")
    shown.send("/quit\r")
    shown.wait()

    styles = set(re.findall(rb"\x1b\[([0-9;]*)m", shown.raw))
    assert styles <= {b"0", b""}


def test_one_task_on_a_terminal_asks_and_shows_its_work(place, provider, terminal) -> None:
    provider.play(bash("touch made"), {"text": "made it"})
    shown = terminal("run", "-t", "make", "--session", "s")
    shown.expect("May it run?")
    shown.send("y")
    shown.expect("made it")

    assert shown.wait() == 0
    assert (place.folder / "made").exists()


def test_escape_cancels_one_task(place, provider, terminal) -> None:
    provider.play(SLOW)
    shown = terminal("run", "-t", "tell", "--session", "s")
    shown.expect("once upon")
    shown.send("\x1b")

    assert shown.wait() == 130
    assert [each["role"] for each in place.messages("s")] == ["user", "assistant"]
