"""The tiers beside real `nova` processes: they follow by themselves and are handed over."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.terminals import PATIENCE_S, Place
from tests.rooms.journal.test_predecessor import conversation, write

from novacore import tiers

AUTO = {"NOVA_TIERS_PROJECTOR": "auto"}
MESSAGES = 738

# A long-lived program: appends what it is told, keeps the tiers up to date, ends with its input.
PROGRAM = """
import sys
from novacore import bootstrap, settings
chosen = settings.load()
with bootstrap.open_store(chosen) as store, bootstrap.projecting(chosen):
    print("ready", flush=True)
    for line in sys.stdin:
        store.session("talk").append({"role": "user", "content": line.strip()})
        print("kept", flush=True)
"""


class Program:
    """A long-lived program on the data directory."""

    def __init__(self, place: Place) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=place.folder,
            env={**place.env, **AUTO},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._hear() == "ready"

    def _hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def say(self, text: str) -> None:
        """Append a message; durable on return."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        assert self._hear() == "kept"

    def end(self) -> None:
        """Let it end as a program does."""
        self.process.communicate(timeout=PATIENCE_S)

    def kill(self) -> None:
        """SIGKILL; its projector learns of it by itself."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def program(place: Place) -> Iterator[Callable[[], Program]]:
    """Starts long-lived programs; no projector outlives the test."""
    started: list[Program] = []

    def start() -> Program:
        started.append(Program(place))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.kill()
    for pid in _projectors(place):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _projectors(place: Place) -> list[int]:
    """The processes that project this place's tiers, found by where they stand."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            is_dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            is_here = (folder / "cwd").resolve() == place.folder.resolve()
            if b"novacore.bootstrap" in words and is_here and not is_dead:
                found.append(int(folder.name))
    return found


def _status(place: Place) -> list[dict[str, Any]]:
    return json.loads(place.run("tiers", "status", "--json").stdout)["tiers"]


def _until(wanted: Callable[[], Any]) -> Any:
    end_s = time.monotonic() + PATIENCE_S
    while not (found := wanted()):
        assert time.monotonic() < end_s
        time.sleep(0.3)
    return found


def _are_up_to_date(place: Place) -> bool:
    return all(each["state"] == "up to date" for each in _status(place))


def _verify(place: Place) -> dict[str, Any]:
    done = place.run("tiers", "verify", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_long_session_of_another_agent_comes_in_whole_and_seven_tiers_equal_it(place, program):
    """The plan's own test."""
    said = conversation(MESSAGES + 1)[1:]
    path = write(place.folder, "old", said, workspace=str(place.folder))
    done = place.run("import", str(path), "--json", **AUTO)
    assert done.returncode == 0, done.stderr
    name = json.loads(done.stdout)["steps"][0]["session"]

    _until(lambda: _are_up_to_date(place))
    found = _verify(place)
    assert (found["is_equal"], found["equal"]) == (True, 7)
    assert [each["tier"] for each in found["tiers"]] == list(tiers.TIERS)
    assert all(each["items"] > 0 for each in found["tiers"])

    exported = place.run("export", name)
    assert exported.returncode == 0, exported.stderr
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    kept = [line["body"] for line in lines if line.get("kind") == "message"]
    assert kept == said


@pytest.mark.heavy
def test_the_projector_is_killed_and_another_programs_takes_over(place, program):
    first = program()
    first.say("one")
    _until(lambda: _are_up_to_date(place))
    (pid,) = _until(lambda: {each["holder_pid"] for each in _status(place)} - {None})
    second = program()
    os.kill(pid, signal.SIGKILL)
    second.say("two")
    first.say("three")
    _until(lambda: _are_up_to_date(place))
    assert pid not in {each["holder_pid"] for each in _status(place)}
    assert _verify(place)["is_equal"]


@pytest.mark.heavy
def test_projectors_killed_at_any_moment_leave_nothing_out_and_nothing_twice(place, program):
    draw = random.Random(20_260_101)
    write(place.folder, "old", conversation(400), workspace=str(place.folder))
    assert place.run("import", "old.json").returncode == 0
    for number in range(6):
        running = program()
        running.say(f"round {number}")
        time.sleep(draw.uniform(0.2, 1.2))
        for pid in _projectors(place):
            os.kill(pid, signal.SIGKILL)
        running.kill()
    found = _verify(place)
    assert found["equal"] == 7
    assert all(each["set_aside"] == [] for each in found["tiers"])


@pytest.mark.heavy
def test_two_programs_have_one_projector_per_tier(place, program):
    first, second = program(), program()
    for number in range(5):
        first.say(f"a {number}")
        second.say(f"b {number}")
    _until(lambda: _are_up_to_date(place))
    assert all(each["is_held"] for each in _status(place))
    first.end()
    second.say("after")
    _until(lambda: _are_up_to_date(place))
    assert _verify(place)["is_equal"]


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["end", "kill"])
def test_the_projector_ends_by_itself_after_its_program(place, program, how):
    running = program()
    running.say("one")
    _until(lambda: _projectors(place))
    getattr(running, how)()
    _until(lambda: not _projectors(place))
    assert _are_up_to_date(place)


@pytest.mark.heavy
def test_the_projector_ends_when_the_data_directory_is_gone(place, program):
    running = program()
    running.say("one")
    _until(lambda: _are_up_to_date(place))
    shutil.move(place.data_dir, place.folder / "elsewhere")
    _until(lambda: not _projectors(place))
    assert not place.data_dir.exists()


def test_the_projector_is_modest_and_no_secret_stands_in_its_command_line(place, program):
    place.data_dir.mkdir()
    (place.data_dir / "nova.toml").write_text('[tiers]\nredis_url = "redis://:hush@127.0.0.1/0"\n')
    (place.data_dir / "nova.toml").chmod(0o600)
    program().say("one")
    (pid,) = _until(lambda: _projectors(place))
    _until(lambda: os.getpriority(os.PRIO_PROCESS, pid) == 10)
    folder = Path(f"/proc/{pid}")
    assert b"hush" not in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()


@pytest.mark.heavy
def test_commands_that_only_read_start_no_projector(place, program):
    program().end()
    _until(lambda: not _projectors(place))
    for command in (["sessions"], ["tiers", "status"], ["verify"]):
        assert place.run(*command, **AUTO).returncode == 0
        assert _projectors(place) == []


def test_with_the_projector_off_verify_brings_the_tiers_up_to_date_itself(place):
    write(place.folder, "old", conversation(40), workspace=str(place.folder))
    assert place.run("import", "old.json").returncode == 0
    assert not _are_up_to_date(place)
    done = place.run("tiers", "verify")
    assert done.returncode == 0, done.stderr
    assert "bringing them up to date first" in done.stdout
    assert "7 of 7 tiers equal the journal." in done.stdout


@pytest.mark.heavy
def test_a_tier_that_is_cut_is_named_with_its_mending_and_a_rebuild_mends_it(place):
    write(place.folder, "old", conversation(40), workspace=str(place.folder))
    assert place.run("import", "old.json").returncode == 0
    assert place.run("tiers", "verify").returncode == 0
    shutil.rmtree(place.data_dir / "tiers" / "graph")
    done = place.run("tiers", "status", "graph", "--json")
    assert json.loads(done.stdout)["tiers"][0]["lag_entries"] > 0
    assert place.run("tiers", "rebuild", "graph").returncode == 0
    assert place.run("tiers", "verify", "graph").returncode == 0
    assert place.run("tiers", "retry").returncode == 0


def test_a_tier_that_does_not_exist_is_an_error_that_names_those_that_do(place):
    done = place.run("tiers", "verify", "warm")
    assert done.returncode == 1
    assert "hot, relational" in done.stderr


def test_sessions_in_json_files_have_no_tiers_and_the_error_says_what_to_do(place):
    done = place.run("tiers", "status", NOVA_STORE="json")
    assert done.returncode == 2
    assert "nova import" in done.stderr
