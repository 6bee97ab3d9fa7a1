"""What finds a blocked event loop: it sees our calls, and no others."""

import asyncio
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import blockbuster
import coverage.collector
import pytest

import novacore

PLANTED = Path(novacore.__file__).parent / "planted.py"
PATIENCE_S = 5


async def _as_ours(call: Callable[[], object]) -> None:
    """Call it from a coroutine of the package."""
    space: dict[str, Any] = {}
    exec(compile("async def planted(call):\n    return call()\n", str(PLANTED), "exec"), space)
    await space["planted"](call)


async def test_a_wait_of_ours_in_the_event_loop_is_an_error():
    with pytest.raises(blockbuster.BlockingError):
        await _as_ours(lambda: time.sleep(0))


async def test_what_a_test_does_itself_keeps_nobody_waiting():
    space: dict[str, Any] = {}
    exec(compile("def planted(call):\n    return call()\n", str(PLANTED), "exec"), space)
    space["planted"](lambda: time.sleep(0))


async def test_a_callback_of_ours_that_waits_is_an_error():
    space: dict[str, Any] = {"time": time}
    exec(compile("def planted():\n    time.sleep(0)\n", str(PLANTED), "exec"), space)
    loop = asyncio.get_running_loop()
    failures: list[object] = []
    loop.set_exception_handler(lambda _loop, told: failures.append(told["exception"]))
    loop.call_soon(space["planted"])
    await asyncio.sleep(0.01)
    assert [type(each) for each in failures] == [blockbuster.BlockingError]


async def test_a_lock_of_ours_that_another_thread_has_is_an_error():
    lock = threading.Lock()
    with lock, pytest.raises(blockbuster.BlockingError):
        await _as_ours(lambda: lock.acquire(timeout=PATIENCE_S))


async def test_the_lock_of_the_measuring_of_coverage_is_none_of_ours():
    """Coverage's own function, while another thread has the lock that it wants."""
    lock = threading.Lock()
    lock.acquire()
    other = threading.Timer(0.05, lock.release)
    other.start()
    tracer = types.SimpleNamespace(data_lock=lock)
    await _as_ours(lambda: coverage.collector.Collector.lock_data(tracer))
    assert lock.locked()
    await asyncio.to_thread(other.join)
