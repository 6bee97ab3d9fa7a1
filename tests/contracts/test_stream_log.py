"""One suite for every place where the logs of streams may lie, with two workers on each."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from novacore import kit
from novacore.chat.streams import log as stream_log
from novacore.chat.streams.folder import FolderMirror
from novacore.chat.streams.log import LiveStream, StreamLog
from novacore.chat.streams.model import Mirror
from novacore.chat.streams.redis import RedisMirror

BYTES_MAX = 100_000
MakeMirror = Callable[[], Mirror]
_databases = itertools.count(20)


@pytest.fixture(params=["folder", "redis"])
def make_mirror(request: pytest.FixtureRequest, tmp_path: Path) -> MakeMirror:
    """Makes mirrors of one place, as workers of one installation have them."""
    if request.param == "folder":
        return lambda: FolderMirror(tmp_path / "streams", keep_s=600)
    server = request.getfixturevalue("valkey_server")
    url = server.url_of(next(_databases))
    return lambda: RedisMirror(url, keep_s=600, lease_ms=300)


@pytest.fixture
async def worker(make_mirror: MakeMirror) -> AsyncIterator[StreamLog]:
    log = StreamLog(make_mirror(), bytes_max=BYTES_MAX)
    yield log
    await log.aclose()


@pytest.fixture
async def other(make_mirror: MakeMirror) -> AsyncIterator[StreamLog]:
    """Another worker on the same place."""
    log = StreamLog(make_mirror(), bytes_max=BYTES_MAX)
    yield log
    await log.aclose()


async def begin(log: StreamLog, session: str = "talk") -> LiveStream:
    return await log.open(account="ada", session=session, clock=kit.SystemClock())


async def read_to_end(log: StreamLog, stream: str, after: int = 0) -> list[tuple[int, str, Any]]:
    found: list[tuple[int, str, Any]] = []
    while True:
        got = await log.read(stream, after=after, wait_s=5)
        found += [(each.id, each.name, dict(each.data)) for each in got.events]
        after = found[-1][0] if found else after
        if not got.is_alive and not got.events:
            return found


async def test_events_come_in_order_with_rising_numbers_here_and_in_another_worker(
    worker: StreamLog, other: StreamLog
) -> None:
    live = await begin(worker)
    for at in range(5):
        live.put("delta", {"text": f"{at} ünï\n"})
    live.put("done", {"position": 1})
    await live.close()
    wanted: list[tuple[int, str, Any]] = [
        (at + 1, "delta", {"text": f"{at} ünï\n"}) for at in range(5)
    ]
    wanted.append((6, "done", {"position": 1}))
    assert await read_to_end(worker, live.head.stream) == wanted
    assert await read_to_end(other, live.head.stream) == wanted


async def test_a_reader_goes_on_behind_the_last_event_that_it_has(
    worker: StreamLog, other: StreamLog
) -> None:
    live = await begin(worker)
    for at in range(10):
        live.put("delta", {"text": str(at)})
    live.put("done", {})
    await live.close()
    for log in (worker, other):
        assert [each[0] for each in await read_to_end(log, live.head.stream, 7)] == [8, 9, 10, 11]
        assert await read_to_end(log, live.head.stream, 11) == []


async def test_a_reader_in_another_worker_follows_while_it_runs(
    worker: StreamLog, other: StreamLog
) -> None:
    live = await begin(worker)
    reading = asyncio.create_task(read_to_end(other, live.head.stream))
    live.put("delta", {"text": "a"})
    first = await other.read(live.head.stream, wait_s=10)
    assert [each.data["text"] for each in first.events] == ["a"]
    assert first.is_alive
    live.put("delta", {"text": "b"})
    live.put("done", {})
    await live.close()
    assert [each[1] for each in await reading] == ["delta", "delta", "done"]


async def test_a_reader_here_gets_an_event_as_soon_as_it_is_put(worker: StreamLog) -> None:
    live = await begin(worker)
    reading = asyncio.create_task(worker.read(live.head.stream, wait_s=60))
    await asyncio.sleep(0)
    live.put("delta", {"text": "now"})
    assert [each.name for each in (await reading).events] == ["delta"]
    await live.close()


async def test_a_stream_ends_once_and_nothing_follows_its_end(worker: StreamLog) -> None:
    live = await begin(worker)
    live.put("error", {"error": {"message": "broken"}})
    live.put("done", {})
    live.put("delta", {"text": "late"})
    await live.close()
    assert [each[1] for each in await read_to_end(worker, live.head.stream)] == ["error"]


async def test_stopping_reaches_the_producer_from_any_worker(
    worker: StreamLog, other: StreamLog
) -> None:
    for asked in (worker, other):
        live = await begin(worker)
        live.put("delta", {"text": "a"})
        await asked.stop(live.head.stream)
        async with asyncio.timeout(30):
            await live.stopping.wait()
        assert live.stopping.is_set()
        await live.close()


async def test_a_stream_whose_producer_let_go_is_not_alive_and_keeps_what_was_copied(
    make_mirror: MakeMirror, other: StreamLog
) -> None:
    worker = StreamLog(make_mirror(), bytes_max=BYTES_MAX)
    live = await begin(worker)
    live.put("delta", {"text": "half"})
    await worker.flush()
    await worker.aclose()
    found = await read_to_end(other, live.head.stream)
    assert found == [(1, "delta", {"text": "half"})]


async def test_heads_name_the_account_and_session_and_erasing_forgets(
    worker: StreamLog, other: StreamLog
) -> None:
    live = await begin(worker, "secret")
    live.put("delta", {"text": "words"})
    live.put("done", {})
    await live.close()
    (head,) = await other.heads()
    assert (head.account, head.session, head.stream) == ("ada", "secret", live.head.stream)
    assert await other.find(head.stream) == head
    await other.erase("secret")
    assert await worker.heads() == []
    assert await worker.find(head.stream) is None
    assert (await worker.read(head.stream)).events == ()


async def test_an_unknown_stream_is_not_found_and_not_alive(worker: StreamLog) -> None:
    for name in ("nobody", "../journal", "", "a/b"):
        assert await worker.find(name) is None
    got = await worker.read("nobody", wait_s=0)
    assert not got.is_alive
    assert got.events == ()


async def test_a_log_is_bounded_and_says_what_it_left_out(make_mirror: MakeMirror) -> None:
    log = StreamLog(make_mirror(), bytes_max=1_000)
    live = await begin(log)
    for _ in range(1_000):
        live.put("delta", {"text": "x" * 100})
    live.put("done", {"position": 1})
    await live.close()
    names = [each[1] for each in await read_to_end(log, live.head.stream)]
    assert names == ["delta"] * 6 + ["notice", "done"]
    await log.aclose()


def test_a_killed_process_is_no_producer_any_more(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from novacore import kit\n"
        "from novacore.chat.streams.folder import FolderMirror\n"
        "from novacore.chat.streams.log import StreamLog\n"
        "async def main():\n"
        "    log = StreamLog(FolderMirror(Path(sys.argv[1]), keep_s=600), bytes_max=9999)\n"
        "    live = await log.open(account='a', session='s', clock=kit.SystemClock())\n"
        "    live.put('delta', {'text': 'before the end'})\n"
        "    await log.flush()\n"
        "    print(live.head.stream, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        stream = child.stdout.readline().strip()
        log = StreamLog(FolderMirror(tmp_path, keep_s=600), bytes_max=BYTES_MAX)
        assert asyncio.run(log.read(stream)).is_alive
        child.kill()
    got = asyncio.run(log.read(stream))
    assert not got.is_alive
    assert [each.data["text"] for each in got.events] == ["before the end"]


async def test_a_server_that_is_down_keeps_no_stream_from_running() -> None:
    log = StreamLog(RedisMirror("redis://127.0.0.1:1/0", keep_s=600), bytes_max=BYTES_MAX)
    live = await begin(log)
    live.put("delta", {"text": "a"})
    live.put("done", {})
    reading = await log.read(live.head.stream)
    assert [each.name for each in reading.events] == ["delta", "done"]
    await live.close()
    assert "does not serve us" in log.problem
    await log.aclose()


async def test_pieces_of_text_are_told_together_but_the_first_and_the_end_at_once(
    worker: StreamLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_log, "_GATHER_S", 600.0)
    live = await begin(worker)
    reading = asyncio.create_task(live.read(after=0, wait_s=600))
    await asyncio.sleep(0)
    live.put("delta", {"text": "first"})
    assert [each.data for each in (await reading).events] == [{"text": "first"}]
    reading = asyncio.create_task(live.read(after=1, wait_s=600))
    await asyncio.sleep(0)
    live.put("delta", {"text": "second"})
    live.put("delta", {"text": "third"})
    for _ in range(5):
        await asyncio.sleep(0)
    assert not reading.done()
    live.put("done", {})
    assert [each.name for each in (await reading).events] == ["delta", "delta", "done"]
    await live.close()
