"""Server-sent events, read from bytes in any pieces.

Source: WHATWG HTML Living Standard, "Server-sent events", section 9.2.6. Only `data` is kept: both
formats name the event's type inside it as well.
"""

import re
from collections.abc import Iterator

from novacore.llm.errors import StreamBroken

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class EventParser:
    """Takes in bytes and gives the data of each event that is whole.

    Args:
        event_bytes_max: the most that one event may have; more raises StreamBroken.
    """

    def __init__(self, *, event_bytes_max: int) -> None:
        self._event_bytes_max = event_bytes_max
        self._buffer = bytearray()
        self._searched = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._is_first = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of the events that `chunk` completes, in order.

        Cost: linear in the chunk, however long a line grows over many chunks.
        """
        self._buffer += chunk
        if self._is_first and len(self._buffer) >= len(_BOM):
            self._is_first = False
            if self._buffer.startswith(_BOM):
                del self._buffer[: len(_BOM)]
        start = 0
        while (end := _LINE_END.search(self._buffer, max(start, self._searched))) is not None:
            # A carriage return at the very end may be half of a CRLF: wait for what follows.
            if end.group() == b"\r" and end.end() == len(self._buffer):
                break
            line = bytes(self._buffer[start : end.start()])
            start = end.end()
            data = self._line(line)
            if data is not None:
                yield data
        del self._buffer[:start]
        self._searched = max(0, len(self._buffer) - 1)
        self._check(len(self._buffer) + self._data_size)

    def flush(self) -> Iterator[bytes]:
        """What is left when the stream ends; an unfinished last event counts where it has data."""
        yield from self.feed(b"\n\n")

    def _line(self, line: bytes) -> bytes | None:
        """Take in one line; an empty one ends the event and gives its data."""
        if not line:
            data, self._data, self._data_size = self._data, [], 0
            return b"\n".join(data) if data else None
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
        elif line == b"data":
            value = b""
        else:
            return None
        self._data.append(value)
        self._data_size += len(value)
        self._check(self._data_size)
        return None

    def _check(self, size: int) -> None:
        if size > self._event_bytes_max:
            raise StreamBroken(
                f"The stream holds an event of more than {self._event_bytes_max} bytes.",
                hint="The setting llm.event_bytes_max allows larger ones.",
            )
