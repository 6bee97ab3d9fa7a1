"""What belongs together: one id through logs, threads, jobs and calls to others.

The edge begins a trace for each request; everything that the request causes carries it. A job that
was put aside begins its trace again from the id it was stored with.
"""

import contextlib
import contextvars
import random
import re
from collections.abc import Generator

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


class Trace:
    """The id of one request or job, and its place in a distributed trace.

    Args:
        correlation_id: ours, for people: at most 64 characters of `A-Za-z0-9._-`.
        parent: a W3C `traceparent` of the caller; empty, or not well-formed: a trace begins here.
        trace_id: 32 hexadecimal digits for a trace that begins here; empty: random ones.
    """

    __slots__ = ("_flags", "_span_id", "_trace_id", "correlation_id")

    def __init__(self, correlation_id: str, *, parent: str = "", trace_id: str = "") -> None:
        self.correlation_id = correlation_id
        self._span_id = ""
        self._trace_id = trace_id
        self._flags = "00"
        found = _PARENT.fullmatch(parent) if parent else None
        if found and found[1] != _NO_TRACE and found[2] != _NO_SPAN:
            self._trace_id, self._flags = found[1], found[3]

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits, the caller's where it named one."""
        if not self._trace_id:
            self._trace_id = f"{random.getrandbits(128) | 1:032x}"
        return self._trace_id

    @property
    def traceparent(self) -> str:
        """What we tell others: the trace, and this request as their parent.

        Source: W3C Trace Context, section 3.2.
        """
        trace_id = self.trace_id
        if not self._span_id:
            self._span_id = f"{random.getrandbits(64) | 1:016x}"
        return f"00-{trace_id}-{self._span_id}-{self._flags}"

    def headers(self) -> dict[str, str]:
        """The headers of a call that this request causes elsewhere."""
        return {"X-Correlation-ID": self.correlation_id, "traceparent": self.traceparent}


_current: contextvars.ContextVar[Trace | None] = contextvars.ContextVar(
    "novacore_trace", default=None
)


def current_trace() -> Trace | None:
    """The trace of what runs now; None outside of requests and jobs."""
    return _current.get()


def is_correlation_id(text: str) -> bool:
    """Whether `text` may be used as a correlation id: short, and harmless in a log or a header."""
    return _ID.fullmatch(text) is not None


def enter_trace(trace: Trace) -> contextvars.Token[Trace | None]:
    """Let `trace` be the current one until `leave_trace`; for where each microsecond counts."""
    return _current.set(trace)


def leave_trace(token: contextvars.Token[Trace | None]) -> None:
    """Let the trace be current again that was so before `enter_trace`."""
    _current.reset(token)


@contextlib.contextmanager
def tracing(trace: Trace) -> Generator[Trace]:
    """Let `trace` be the current one inside the block, and in tasks that begin there."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
