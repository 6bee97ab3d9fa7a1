"""A command's output as it comes: everything up to a limit, then head and tail."""

import collections
import tempfile

_MEMORY_BYTES = 1024 * 1024


class Spool:
    """Takes bytes at one end and gives them back from any place. Lines may have any length.

    The first half of `kept_bytes_max` is kept for good, of the rest the newest half; what lies
    between is lost and counted.
    """

    def __init__(self, *, kept_bytes_max: int) -> None:
        self._half = kept_bytes_max // 2
        # Closed with the spool, which outlives any one block.
        self._head = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115
        self._head_bytes = 0
        self._tail: collections.deque[bytes] = collections.deque()
        self._tail_bytes = 0
        self.total_bytes = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.total_bytes += len(data)
        room = self._half - self._head_bytes
        if room > 0:
            self._head.write(data[:room])
            self._head_bytes += min(room, len(data))
            data = data[room:]
        if data:
            self._tail.append(data)
            self._tail_bytes += len(data)
            while self._tail_bytes - len(self._tail[0]) >= self._half:
                self._tail_bytes -= len(self._tail.popleft())

    @property
    def lost_bytes(self) -> int:
        """How many bytes of the middle are gone."""
        return self.total_bytes - self._head_bytes - self._tail_bytes

    def read(self, start: int = 0) -> bytes:
        """Everything kept from byte `start` on; a mark stands where bytes are lost."""
        head = b""
        if start < self._head_bytes:
            self._head.seek(start)
            head = self._head.read()
            self._head.seek(0, 2)
        tail_start = self.total_bytes - self._tail_bytes
        tail = b"".join(self._tail)[max(0, start - tail_start) :]
        if self.lost_bytes and start < tail_start:
            head += f"\n[… {self.lost_bytes:,} bytes of output were not kept …]\n".encode()
        return head + tail

    def close(self) -> None:
        """Give back the space."""
        self._head.close()
        self._tail.clear()
