"""Log lines: one JSON object a line, without secrets, and nobody waits for them."""

import io
import json
import logging
import threading

import pytest

from novacore import kit


@pytest.fixture
def lines():
    """A logger whose lines are kept, and what reads them."""
    stream = io.BytesIO()
    writer = kit.LineWriter(stream)
    logger = logging.getLogger("novacore.test_log_lines")
    handler = kit.LineHandler(writer, form=kit.json_line)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def read() -> list[dict]:
        writer.close()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    yield logger, read
    logger.removeHandler(handler)
    writer.close()


def test_a_line_says_when_who_what_and_for_which_request(lines):
    logger, read = lines
    with kit.tracing(kit.Trace("order-17")):
        logger.info("seen %s", "it", extra={"count": 3})
    (line,) = read()
    assert line["message"] == "seen it"
    assert (line["level"], line["logger"]) == ("info", "novacore.test_log_lines")
    assert (line["correlation_id"], line["count"]) == ("order-17", 3)
    assert line["at"].endswith("Z")


def test_an_exceptions_text_is_redacted_too(lines):
    logger, read = lines
    try:
        raise ValueError("the key sk-canary-0123456789 is wrong")
    except ValueError:
        logger.exception("failed for %s", "ada@example.org")
    (line,) = read()
    assert "canary" not in json.dumps(line)
    assert "ada@" not in json.dumps(line)
    assert "ValueError: the key [cut] is wrong" in line["exception"]


def test_what_is_logged_stays_one_line(lines):
    logger, read = lines
    logger.info('a\nb\r\n\u2028{"level": "fake"}', extra={"odd": object(), "text": "c\nd"})
    assert len(read()) == 1


def test_a_reader_that_stands_still_stops_nobody():
    class Stuck(io.RawIOBase):
        def __init__(self) -> None:
            self.gate = threading.Event()
            self.taken = b""

        def write(self, data) -> int:
            self.gate.wait()
            self.taken += bytes(data)
            return len(data)

    stream = Stuck()
    writer = kit.LineWriter(stream, lines_max=10)
    for number in range(50):
        writer.put(b'{"n": %d}\n' % number, is_urgent=True)
    stream.gate.set()
    writer.close()
    lines = stream.taken.splitlines()
    assert lines[0] == b'{"n": 0}'
    assert len(lines) < 50
    assert b"lines dropped" in stream.taken


def test_a_person_reads_short_text(lines):
    record = logging.makeLogRecord({"levelno": 40, "levelname": "ERROR", "msg": "no mail: %s",
                                    "args": ("ada@example.org",)})  # fmt: skip
    told = kit.text_line(record).decode()
    assert told.startswith("error: no mail: person:")
