"""What the server says about itself: log lines on the error stream, one for each answer."""

import contextlib
import datetime as dt
import functools
import logging
import sys
import time
from collections.abc import Iterator

from starlette.types import Scope

from novacore import kit
from novacore.gateway.edge import UNMATCHED, Access
from novacore.gateway.reply import Reply

_PATH_MAX = 200
_OURS = "novacore"


@contextlib.contextmanager
def logging_to_stderr(*, as_json: bool) -> Iterator[Access | None]:
    """Write what is logged inside the block to the error stream.

    Args:
        as_json: one JSON object a line, and one line for each answer; else short text, and only of
            what went wrong.

    Yields:
        What takes note of an answer; None where answers are not logged.
    """
    writer = kit.LineWriter(sys.stderr.buffer)
    handler = kit.LineHandler(writer, form=kit.json_line if as_json else kit.text_line)
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(logging.INFO if as_json else logging.WARNING)
    logging.captureWarnings(capture=True)
    try:
        yield access_to(writer) if as_json else None
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = before
        root.setLevel(level)
        writer.close()


@functools.lru_cache(2)
def _second(whole_s: int) -> str:
    return dt.datetime.fromtimestamp(whole_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _now() -> str:
    whole_ms = time.time_ns() // 1_000_000
    return f"{_second(whole_ms // 1_000)}.{whole_ms % 1_000:03d}Z"


def access_to(writer: kit.LineWriter) -> Access:
    """What writes a line for each answer: the route's template, never a query or a body."""

    def access(scope: Scope, reply: Reply, /, *, route: str, status: int, seconds: float) -> None:
        edge = reply.edge
        fields = {
            "at": _now(),
            "level": "info",
            "logger": "novacore.access",
            "message": "answered",
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1_000, 3),
            "ip": edge.ip,
            "correlation_id": edge.correlation_id,
            "trace_id": edge.trace.trace_id,
        }
        if edge.principal is not None:
            fields["account"] = edge.principal.account_id
        if route == UNMATCHED:
            fields["path"] = kit.redacted(scope["path"][:_PATH_MAX])
        writer.put(kit.encode_line(fields))

    return access
