"""One id through everything that belongs together."""

import asyncio

import pytest

from novacore import kit


def test_a_trace_is_current_inside_its_block_only():
    assert kit.current_trace() is None
    with kit.tracing(kit.Trace("a")) as outer:
        with kit.tracing(kit.Trace("b")):
            assert kit.current_trace().correlation_id == "b"
        assert kit.current_trace() is outer
    assert kit.current_trace() is None


async def test_tasks_and_threads_carry_it_on():
    def seen() -> str:
        return kit.current_trace().correlation_id

    async def ask() -> str:
        return await asyncio.to_thread(seen)

    with kit.tracing(kit.Trace("a")):
        task = asyncio.create_task(ask())
    assert await task == "a"


@pytest.mark.parametrize(
    "parent",
    [
        "", "00-0-0-00", "00-" + "0" * 32 + "-" + "1" * 16 + "-00",
        "00-" + "a" * 32 + "-" + "0" * 16 + "-00", "01-" + "a" * 32 + "-" + "1" * 16 + "-00",
        "00-" + "A" * 32 + "-" + "1" * 16 + "-00",
    ],
)  # fmt: skip
def test_a_parent_that_is_not_well_formed_begins_a_trace_of_its_own(parent):
    trace = kit.Trace("x", parent=parent)
    assert len(trace.trace_id) == 32
    assert trace.trace_id != "a" * 32
    assert trace.traceparent.startswith(f"00-{trace.trace_id}-")
    assert trace.traceparent == trace.traceparent


def test_what_may_be_an_id():
    assert kit.is_correlation_id("a.b_c-9")
    assert not kit.is_correlation_id("a\n")
    assert not kit.is_correlation_id("")
    assert not kit.is_correlation_id("x" * 65)
