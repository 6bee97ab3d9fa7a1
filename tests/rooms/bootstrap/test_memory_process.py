"""A server's memory in a process of its own: the same as in threads, and in nobody's way."""

import asyncio
import contextlib
import dataclasses
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from novacore import bootstrap, chat, journal, kit, settings
from novacore.bootstrap import asked
from novacore.bootstrap.chatting import learner
from novacore.bootstrap.library import MemoryStore
from novacore.bootstrap.memory_process import MemoryProcess, process, wire
from novacore.bootstrap.memory_process import __main__ as child

ASKED = {"session_id": "", "limit": 5, "tokens_max": 600}


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it; a process takes seconds to start where much else runs."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - nobody tells of another process's start
            await asyncio.sleep(0.02)


@dataclasses.dataclass
class Spare:
    """Remembers in this process, and counts how often it had to."""

    threads: chat.InThreads
    asked: int = 0

    async def recall(self, account_id, text, **how):
        self.asked += 1
        return await self.threads.recall(account_id, text, **how)

    async def learn(self, account_id, session_id):
        self.asked += 1
        await self.threads.learn(account_id, session_id)


@dataclasses.dataclass
class Stage:
    """A store, the process beside it, and who does its work where it is away."""

    store: MemoryStore
    spare: Spare
    memory: MemoryProcess

    def of(self, account_id: str) -> MemoryStore:
        return self.store.for_owner(chat.scope_of(account_id))


@pytest.fixture
async def stage(tmp_path) -> AsyncIterator[Stage]:
    overrides = {"data_dir": str(tmp_path / "data"), "tiers.projector": "off"}
    chosen = settings.load(env={}, overrides=overrides)
    with bootstrap.open_store(chosen) as store:

        def store_of(account_id: str) -> MemoryStore:
            return store.for_owner(chat.scope_of(account_id))

        threads = chat.InThreads(store_of, learn=learner(store_of, config=chosen.memory))
        spare = Spare(threads)
        memory = MemoryProcess(chosen, spare=spare, clock=kit.SystemClock())
        try:
            await memory.start()
            yield Stage(store, spare, memory)
        finally:
            await memory.stop()
            memory.close()


def say(store: MemoryStore, text: str, *, session: str = "talk") -> journal.Session:
    opened = store.session(session)
    opened.append({"role": "user", "content": text})
    return opened


async def test_it_finds_what_threads_of_the_server_find(stage):
    say(stage.of("ada"), "The lighthouse keeper is called Tom.")
    say(stage.of("ada"), "The harbour closes in March.", session="other")
    found = await stage.memory.recall("ada", "Who keeps the lighthouse?", **ASKED)
    assert [each.text for each in found][:1] == ["The lighthouse keeper is called Tom."]
    assert stage.spare.asked == 0
    here = await stage.spare.recall("ada", "Who keeps the lighthouse?", **ASKED)
    assert [(each.text, each.sources) for each in found] == [
        (each.text, each.sources) for each in here
    ]


async def test_it_tells_what_stands_in_the_conversation_that_asks(stage):
    here = say(stage.of("ada"), "The lighthouse keeper is called Tom.")
    say(stage.of("ada"), "The lighthouse is white.", session="other")
    found = await stage.memory.recall("ada", "lighthouse", **(ASKED | {"session_id": here.id}))
    assert {each.text: each.is_here for each in found} == {
        "The lighthouse keeper is called Tom.": True,
        "The lighthouse is white.": False,
    }


async def test_nothing_of_another_account_is_found(stage):
    say(stage.of("ada"), "The lighthouse keeper is called Tom.")
    assert not await stage.memory.recall("eve", "Who keeps the lighthouse?", **ASKED)


async def test_what_is_learnt_there_is_remembered_here(stage):
    session = say(stage.of("ada"), "My name is Ada and I live in Lisbon.")
    await stage.memory.learn("ada", session.id)
    assert any("Lisbon" in each.text for each in stage.of("ada").memories.list().memories)
    assert stage.spare.asked == 0


async def test_what_was_erased_is_not_found_any_more(stage):
    session = say(stage.of("ada"), "The lighthouse keeper is called Tom.")
    assert await stage.memory.recall("ada", "lighthouse keeper", **ASKED)
    stage.of("ada").erase(session.id)
    assert not await stage.memory.recall("ada", "lighthouse keeper", **ASKED)


async def test_where_it_was_killed_the_server_remembers_itself_and_starts_it_again(
    stage, monkeypatch
):
    monkeypatch.setattr(process, "_RESTS_S", (0.05,))
    session = say(stage.of("ada"), "My sister is called Grace and she lives in Lisbon.")
    first = stage.memory.process_id
    os.kill(first, signal.SIGKILL)
    found = await stage.memory.recall("ada", "Where does my sister live?", **ASKED)
    assert [each.session for each in found] == [session.id]
    await until(lambda: not stage.memory.is_running or stage.memory.process_id != first)
    await until(lambda: stage.memory.is_running)
    assert stage.memory.process_id != first
    asked = stage.spare.asked
    assert await stage.memory.recall("ada", "Where does my sister live?", **ASKED)
    assert stage.spare.asked == asked


async def test_who_waits_when_it_is_killed_gets_an_answer_all_the_same(stage):
    say(stage.of("ada"), "The lighthouse keeper is called Tom.")
    os.kill(stage.memory.process_id, signal.SIGSTOP)
    waiting = asyncio.create_task(stage.memory.recall("ada", "lighthouse keeper", **ASKED))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    os.kill(stage.memory.process_id, signal.SIGKILL)
    assert await waiting
    assert stage.spare.asked == 1


async def test_a_turn_does_not_wait_for_one_that_hangs(stage, monkeypatch):
    monkeypatch.setattr(process, "_ANSWER_S", 0.1)
    say(stage.of("ada"), "The lighthouse keeper is called Tom.")
    os.kill(stage.memory.process_id, signal.SIGSTOP)
    try:
        assert await stage.memory.recall("ada", "lighthouse keeper", **ASKED) == ()
    finally:
        os.kill(stage.memory.process_id, signal.SIGCONT)


async def test_it_ends_with_the_server(stage):
    process_id = stage.memory.process_id
    await stage.memory.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


async def test_a_text_that_no_line_can_hold_is_looked_for_here(stage):
    say(stage.of("ada"), "The lighthouse keeper is called Tom.")
    found = await stage.memory.recall("ada", "lighthouse keeper \ud800", **ASKED)
    assert found
    assert stage.spare.asked == 1


async def test_without_room_for_a_process_the_server_remembers_itself(tmp_path, monkeypatch):
    def refused(*_arguments: object, **_settings: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(process.subprocess, "Popen", refused)
    overrides = {"data_dir": str(tmp_path / "data"), "tiers.projector": "off"}
    chosen = settings.load(env={}, overrides=overrides)
    with bootstrap.open_store(chosen) as store, contextlib.ExitStack() as closing:
        say(store.for_owner(chat.scope_of("ada")), "The lighthouse keeper is called Tom.")
        threads = chat.InThreads(
            lambda account_id: store.for_owner(chat.scope_of(account_id)), learn=_nothing
        )
        memory = MemoryProcess(chosen, spare=threads, clock=kit.SystemClock())
        closing.callback(memory.close)
        await memory.start()
        try:
            assert not memory.is_running
            assert await memory.recall("ada", "lighthouse keeper", **ASKED)
        finally:
            await memory.stop()


async def test_what_can_not_be_learnt_there_is_learnt_here(stage):
    session = say(stage.of("ada"), "My name is Ada and I live in Lisbon.")
    await stage.memory.stop()
    await stage.memory.learn("ada", session.id)
    assert stage.spare.asked == 1
    assert any("Lisbon" in each.text for each in stage.of("ada").memories.list().memories)


async def test_where_nothing_is_to_be_shown_nobody_is_asked(stage):
    say(stage.of("ada"), "The lighthouse keeper is called Tom.")
    assert await stage.memory.recall("ada", "keeper", **(ASKED | {"limit": 0})) == ()
    assert stage.spare.asked == 0


async def test_one_that_does_not_end_is_killed(stage, monkeypatch):
    monkeypatch.setattr(process, "_END_S", 0.05)
    process_id = stage.memory.process_id
    os.kill(process_id, signal.SIGSTOP)
    await stage.memory.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


def test_one_that_was_never_asked_ends_too(tmp_path):
    chosen = settings.load(env={}, overrides={"data_dir": str(tmp_path / "data")})
    spare = Spare(chat.InThreads(_no_store, learn=_nothing))
    memory = MemoryProcess(chosen, spare=spare, clock=kit.SystemClock())
    spawned = memory._spawned
    assert spawned is not None
    memory.close()
    memory.close()
    assert spawned.returncode is not None


def test_the_process_ends_where_it_is_told_nothing_and_where_it_finds_no_store(tmp_path):
    command = [sys.executable, "-P", "-m", "novacore.bootstrap.memory_process"]
    assert subprocess.run(command, input=b"", check=False, timeout=60).returncode == 0
    chosen = settings.load(env={}, overrides={"data_dir": str(tmp_path / "data")})
    (tmp_path / "data").write_text("no folder")
    line = asked.encode(chosen)
    assert subprocess.run(command, input=line, check=False, timeout=60).returncode == 1


def test_a_text_that_no_line_can_hold_is_answered_without_it():
    output = io.BytesIO()
    remembering = child.Remembering(None, learn=_nothing, output=output)
    found = chat.Found(
        score=1.0, session="s", position=0, text="half \ud800", speaker="", said_at_us=0,
        sources=(), is_here=False,
    )  # fmt: skip
    remembering.say(wire.Answer(number=3, found=(found,)))
    assert wire.read_answer(output.getvalue()) == wire.Answer(number=3)


def _no_store(_account_id: str) -> None:
    """Nobody asks for one."""


def _nothing(_account_id: str, _session_id: str) -> None:
    """Learns nothing."""


def test_a_line_holds_a_request_or_an_answer_whole():
    request = wire.Recall(
        number=7, account_id="ada", text="one\ntwo 🙂", session_id="", limit=5, tokens_max=9
    )
    line = wire.encode(request)
    assert line.count(b"\n") == 1
    assert wire.read_request(line) == request
    answer = wire.Answer(number=7)
    assert wire.read_answer(wire.encode(answer)) == answer
