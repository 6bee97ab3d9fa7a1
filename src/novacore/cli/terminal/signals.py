"""Signals that end the program: what runs is ended first, and what was said is kept."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from novacore.cli.exits import Ended


@contextlib.contextmanager
def leaving_on(*numbers: signal.Signals) -> Iterator[None]:
    """While this is open, these signals cancel the current task, and `Ended` tells why.

    Raises:
        Ended: one of them came.
    """
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    came: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        came.append(number)
        task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    except asyncio.CancelledError:
        if not came:
            raise
        task.uncancel()
        raise Ended(came[0]) from None
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def acting_on(number: signal.Signals, act: Callable[[], None]) -> Iterator[None]:
    """While this is open, `act` is called for this signal instead of its usual effect."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)
