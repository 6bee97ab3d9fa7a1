"""Output that is too long for the model: head and tail are shown, the whole can be paged."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from novacore.agent.tool import ToolOutcome


class BlobStore(Protocol):
    """Where whole outputs are kept; the session is one."""

    def put_blob(self, data: bytes, /) -> str:
        """Keep `data` durably; returns its address."""
        ...

    def get_blob(self, reference: str, /) -> bytes:
        """What is kept at an address."""
        ...


def decoded(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 shows as U+FFFD."""
    return data.decode("utf-8", "replace")


def size(text: str) -> int:
    """The bytes of a text in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def head_and_tail(text: str, *, bytes_max: int, mark: Callable[[int, int], str]) -> str:
    """The text, or its beginning and end around a mark, cut at line ends where there are some.

    Args:
        text: the whole.
        bytes_max: of head and tail together; the mark comes on top.
        mark: makes the text between them from the bytes and lines that are missing.
    """
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= bytes_max:
        return text
    half = bytes_max // 2
    head = data[:half].decode("utf-8", "ignore")
    tail = data[-half:].decode("utf-8", "ignore") if half else ""
    # A cut line is only worth keeping where the lines are long.
    if head.rfind("\n") > len(head) // 2:
        head = head[: head.rfind("\n") + 1]
    if -1 < tail.find("\n") < len(tail) // 2:
        tail = tail[tail.find("\n") + 1 :]
    missing_bytes = len(data) - size(head) - size(tail)
    missing_lines = text.count("\n") - head.count("\n") - tail.count("\n")
    seam = "" if head.endswith("\n") else "\n"
    return f"{head}{seam}{mark(missing_bytes, missing_lines)}\n{tail}"


async def fitted(
    text: str, *, bytes_max: int, blobs: BlobStore, is_error: bool = False
) -> ToolOutcome:
    """An outcome of at most about `bytes_max` bytes; where it is cut, the whole is kept first."""
    if size(text) <= bytes_max:
        return ToolOutcome(text=text, is_error=is_error)
    data = text.encode("utf-8", "replace")
    ref = await asyncio.to_thread(blobs.put_blob, data)

    def mark(missing_bytes: int, missing_lines: int) -> str:
        return (
            f"[… {missing_bytes:,} bytes ({missing_lines:,} lines) not shown; "
            f'read_output with ref "{ref}" shows them …]'
        )

    shown = head_and_tail(text, bytes_max=bytes_max, mark=mark)
    return ToolOutcome(text=shown, is_error=is_error, blob=ref)
