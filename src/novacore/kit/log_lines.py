"""Log lines: JSON, one a line, redacted whole, written by a thread of their own.

Whoever logs never waits for the disk or for who reads the stream; where too many lines wait, the
newest are dropped and counted.
"""

import collections
import datetime as dt
import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from novacore.kit.correlation import current_trace
from novacore.kit.redaction import redacted, redacted_value

_FLUSH_S = 0.05
_LINES_MAX = 50_000
_TEXT_MAX = 16_000
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest came by `extra`."""


class Writable(Protocol):
    """A stream of bytes, as `sys.stderr.buffer`."""

    def write(self, data: bytes, /) -> Any:
        """Take `data`."""
        ...

    def flush(self) -> None:
        """Hand on what was taken."""
        ...


class LineWriter:
    """Writes lines to a stream in a thread, several at a time.

    Args:
        stream: where to.
        lines_max: so many may wait; more are dropped, and said to be.
    """

    def __init__(self, stream: Writable, *, lines_max: int = _LINES_MAX) -> None:
        self._stream = stream
        self._lines: collections.deque[bytes] = collections.deque()
        self._lines_max = lines_max
        self._dropped = 0
        self._wake = threading.Event()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
        self._thread.start()

    def put(self, line: bytes, *, is_urgent: bool = False) -> None:
        """Let a line be written soon; `is_urgent` at once. It ends with a newline already."""
        if len(self._lines) >= self._lines_max:
            self._dropped += 1
            return
        self._lines.append(line)
        if is_urgent:
            self._wake.set()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._is_closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._is_closed:
            self._wake.wait(_FLUSH_S)
            self._wake.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        taken: list[bytes] = []
        while self._lines:
            taken.append(self._lines.popleft())
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            taken.append(encode_line({"level": "warning", "message": f"{dropped} lines dropped"}))
        if not taken:
            return
        try:
            self._stream.write(b"".join(taken))
            self._stream.flush()
        except (OSError, ValueError):
            # Who read the log is gone; the program goes on without it.
            self._is_closed = True


class LineHandler(logging.Handler):
    """Hands records to a `LineWriter`, in a form of their own.

    Args:
        writer: writes them.
        form: makes the line of a record: `json_line` or `text_line`.
    """

    def __init__(self, writer: LineWriter, *, form: Callable[[logging.LogRecord], bytes]) -> None:
        super().__init__()
        self._writer = writer
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        try:
            line = self._form(record)
        except Exception:  # noqa: BLE001 - a log line that can't be made may not stop the program
            self.handleError(record)
            return
        self._writer.put(line, is_urgent=record.levelno >= logging.ERROR)


def json_line(record: logging.LogRecord) -> bytes:
    """A record as JSON: when, how bad, who says it, what, and under which correlation id."""
    fields: dict[str, Any] = {
        "at": _moment(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": redacted(record.getMessage())[:_TEXT_MAX],
    }
    trace = current_trace()
    if trace is not None:
        fields["correlation_id"] = trace.correlation_id
        fields["trace_id"] = trace.trace_id
    for name, value in vars(record).items():
        if name not in _OWN:
            fields[name] = redacted_value(value, name=name)
    told = _exception_of(record)
    if told:
        fields["exception"] = told
    return encode_line(fields)


def text_line(record: logging.LogRecord) -> bytes:
    """A record as a person reads it on a terminal."""
    told = _exception_of(record)
    line = f"{record.levelname.lower()}: {redacted(record.getMessage())}"
    return (line + (f"\n{told}" if told else "") + "\n").encode("utf-8", "backslashreplace")


def encode_line(fields: Mapping[str, Any]) -> bytes:
    """Fields as one line of JSON; whatever it holds, it stays one line."""
    return msgspec.json.encode(fields, enc_hook=str) + b"\n"


def _exception_of(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    lines = traceback.format_exception(*record.exc_info)
    return redacted("".join(lines).rstrip())[-_TEXT_MAX:]


def _moment(time_s: float) -> str:
    moment = dt.datetime.fromtimestamp(time_s, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
