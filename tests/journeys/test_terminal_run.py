"""`nova` without a terminal: scripts, pipes, several processes, encodings, the other store."""

import json
import signal
import stat
import subprocess

import pytest
from tests.journeys.terminals import NOVA, PATIENCE_S, new_nap, until_gone

SLOW = {"text": ["once ", "upon ", "a ", "time "] * 400, "chunk_delay_ms": 25}
WRITE = {
    "tool_calls": [
        {"id": "toolu_1", "name": "write_file", "arguments": {"path": "a", "content": "x"}}
    ]
}


def test_a_run_answers_and_its_session_goes_on_in_the_next(place, provider) -> None:
    provider.play({"text": "one"}, {"text": "two"})

    first = place.run("run", "-t", "first", "--session", "s")
    second = place.run("run", "-t", "second", "--session", "s", "--json")

    assert (first.returncode, first.stdout) == (0, "one\n")
    assert json.loads(second.stdout)["text"] == "two"
    assert [each["role"] for each in place.messages("s")] == ["user", "assistant"] * 2
    assert stat.S_IMODE(place.data_dir.stat().st_mode) == 0o700


def test_a_question_never_hangs_a_run_without_a_terminal(place, provider) -> None:
    provider.play(WRITE, {"text": "a pity"})

    done = place.run("run", "-t", "write", "--session", "s")

    assert (done.returncode, done.stdout) == (0, "a pity\n")
    assert not (place.folder / "a").exists()


def test_lines_from_a_pipe_are_a_conversation_that_asks_nobody(place, provider) -> None:
    provider.play(WRITE, {"text": "a pity"}, {"text": "bye"})

    done = subprocess.run(
        [*NOVA, "--session", "s"],
        cwd=place.folder,
        env=dict(place.env),
        input="write\nleave\n/stats\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "a pity" in done.stdout
    assert "Messages: 2 user" in done.stdout
    assert not (place.folder / "a").exists()


def test_an_interrupted_run_is_exit_code_130_and_keeps_what_was_said(place, provider) -> None:
    provider.play(SLOW)
    running = place.start("run", "-t", "tell", "--session", "s")
    assert running.stdout is not None
    assert running.stdout.read(9) == "once upon"

    running.send_signal(signal.SIGINT)
    _out, err = running.communicate(timeout=PATIENCE_S)

    assert running.returncode == 130
    assert "What was said is kept" in err
    assert [each["role"] for each in place.messages("s")] == ["user", "assistant"]
    place.verify()


def test_a_terminated_run_ends_its_commands(place, provider) -> None:
    nap = new_nap()
    command = {"command": f"echo begun; {nap}"}
    provider.play({"tool_calls": [{"id": "t", "name": "bash", "arguments": command}]})
    running = place.start(
        "run", "-t", "x", "--session", "s", "--set", "agent.permissions_allow=bash"
    )
    assert running.stderr is not None
    while "[1] bash" not in running.stderr.readline():
        assert running.poll() is None

    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=PATIENCE_S)

    assert running.returncode == 128 + signal.SIGTERM
    assert until_gone(nap)
    assert [each["role"] for each in place.messages("s")] == ["user", "assistant", "tool"]
    place.verify()


def test_two_processes_share_a_data_directory(place, provider) -> None:
    provider.play(*({"text": "word " * 40, "chunk_delay_ms": 1} for _ in range(4)))
    running = [place.start("run", "-t", f"task {n}", "--session", f"s{n % 2}") for n in range(4)]

    for each in running:
        _out, err = each.communicate(timeout=PATIENCE_S)
        assert each.returncode == 0, err
    both = place.messages("s0") + place.messages("s1")
    said = sorted(each["content"] for each in both if each["role"] == "user")
    assert said == ["task 0", "task 1", "task 2", "task 3"]
    place.verify()


@pytest.mark.parametrize(
    "encoding",
    [
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"LANG": "de_DE.ISO-8859-1", "PYTHONIOENCODING": "latin-1"},
    ],
    ids=["posix", "ascii", "latin-1"],
)
def test_any_text_is_shown_in_any_encoding(place, provider, encoding) -> None:
    provider.play({"text": "日本 é 👍", "thinking": "思考", "signature": "s"})

    done = place.run("run", "-t", "x", "--session", "s", **encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    for arguments in (("show", "s"), ("show", "s", "--json"), ("sessions",)):
        assert place.run(*arguments, **encoding).returncode == 0
    shown = json.loads(place.run("show", "s", "--json", **encoding).stdout)
    assert shown["messages"][1]["content"][-1]["text"] == "日本 é 👍"


def test_words_that_are_no_text_are_taken_from_the_command_line(place, provider) -> None:
    provider.play({"text": "odd"})

    assert place.run("run", "-t", "x \udcff y", "--session", "s").returncode == 0


def test_errors_are_plain_words_and_details_come_on_request(place, provider) -> None:
    done = place.run("show", "nothing")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr

    assert "Traceback" in place.run("show", "nothing", NOVA_DEBUG="1").stderr


def test_help_of_a_fresh_process_is_quick_and_right(place) -> None:
    assert place.run("--help").stdout.startswith("usage: nova")


def test_the_plain_file_store_works_the_same_way(place, provider, terminal) -> None:
    provider.play({"text": "one"}, {"text": "two"}, SLOW, {"text": "here again"})
    assert place.run("run", "-t", "first", "--session", "s", NOVA_STORE="json").stdout == "one\n"

    shown = terminal(NOVA_STORE="json")
    assert "Resumed s: 2 messages" in shown.expect(" ms.")
    shown.expect("\n>")
    shown.send("second\r")
    shown.expect("two")
    shown.expect("\n>")
    shown.send("third\r")
    shown.expect("once upon")
    shown.signal(signal.SIGKILL)
    shown.wait()

    files = sorted((place.data_dir / "sessions").rglob("*.json"))
    assert any("second" in path.read_text() for path in files)
    kept = json.loads(place.run("show", "s", "--json", NOVA_STORE="json").stdout)["messages"]
    said = [each["content"] for each in kept if each["role"] == "user"]
    assert said == ["first", "second", "third"]
    assert place.run("verify", NOVA_STORE="json").returncode == 0
    assert "No sessions" in place.run("sessions").stdout
