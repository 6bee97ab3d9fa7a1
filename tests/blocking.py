"""Finds what blocks the event loop: a call of ours that waits for a disk, a socket or a lock.

What a test does itself in its loop, as setting up, keeps nobody waiting: what counts is whether the
innermost coroutine that the call came from is the package's, or a callback of the loop is.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import blockbuster
from pysqlite3 import dbapi2

PERMITTED = {
    # Before the first request and after the last one nobody waits.
    "bootstrap/platform.py": {"start", "stop"},
    # The measuring of coverage is none of ours: its tracer looks at a file it has not seen before,
    # and takes a lock that another thread may hold just then.
    "coverage/control.py": {"_should_trace"},
    "coverage/collector.py": {"lock_data"},
}
"""By file, the functions in which waiting is right, whatever they wait for."""


_TESTS = str(Path(__file__).resolve().parent)
_IS_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _is_a_tests_own(*_: Any, **__: Any) -> bool:
    """Whether the innermost coroutine of the call is a test's."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_flags & _IS_COROUTINE:
            return frame.f_code.co_filename.startswith(_TESTS)
        frame = frame.f_back
    return False


def detector() -> blockbuster.BlockBuster:
    """What makes a blocking call of the package an error while it is active."""
    made = blockbuster.BlockBuster("novacore")
    for kind in (dbapi2.Cursor, dbapi2.Connection, apsw.Cursor, apsw.Connection):
        for name in ("execute", "executemany"):
            if hasattr(kind, name):
                label = f"{kind.__module__}.{kind.__name__}.{name}"
                made.functions[label] = blockbuster.BlockBusterFunction(
                    kind, name, scanned_modules="novacore"
                )
    for function in made.functions.values():
        function.can_block_predicate = _either(function.can_block_predicate)
        for file, names in PERMITTED.items():
            function.can_block_in(file, names)
    return made


def _either(predicate: Callable[..., bool]) -> Callable[..., bool]:
    return lambda *args, **kwargs: predicate(*args, **kwargs) or _is_a_tests_own()
