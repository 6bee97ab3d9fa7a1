"""The file that holds the sealed segments: extents that the index in the database points to.

An extent is written and synced before the transaction that names it commits, and only into room
that no committed row names: at the end, or in a hole that an earlier commit left. So a kill leaves
bytes that nobody names, never a segment half there. A reader that meets an extent whose segment was
merged away meanwhile sees another hash, and looks the place up again.
"""

import errno
import os
from pathlib import Path

from novacore.journal.errors import StorageFailed

FILE_NAME = "segments.dat"
_ZEROS = bytes(1 << 20)


class SegmentFile:
    """Positioned reads and writes on the segment file; made, private to its owner, when missing."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

        self.is_dirty = False
        """True: written since the last `sync`."""

    def read(self, offset: int, size: int) -> bytes:
        """The bytes of an extent; fewer where the file ends before it does."""
        return os.pread(self._file, size, offset)

    def write(self, offset: int, data: bytes) -> None:
        """Write an extent. Durable from the next `sync` on.

        Raises:
            StorageFailed: the disk is full or failing.
        """
        view = memoryview(data)
        self.is_dirty = True
        try:
            while view:
                written = os.pwrite(self._file, view, offset)
                view, offset = view[written:], offset + written
        except OSError as error:
            raise _failed(error) from error

    def sync(self) -> None:
        """Make what was written survive the machine."""
        try:
            os.fsync(self._file)
            self.is_dirty = False
        except OSError as error:
            raise _failed(error) from error

    def zero(self, offset: int, size: int) -> None:
        """Overwrite an extent with zeros."""
        while size > 0:
            step = min(size, len(_ZEROS))
            self.write(offset, _ZEROS[:step])
            offset, size = offset + step, size - step

    def cut(self, size: int) -> None:
        """Give the room behind `size` back to the file system."""
        if os.fstat(self._file).st_size > size:
            os.ftruncate(self._file, size)

    def size(self) -> int:
        """The file's length in bytes."""
        return os.fstat(self._file).st_size

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)


def _failed(error: OSError) -> StorageFailed:
    is_full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
    what = "The disk is full" if is_full else f"The disk failed: {error.strerror}"
    return StorageFailed(
        f"{what} (sealing); nothing was acknowledged.",
        hint="Free some space and try again; what was acknowledged before is safe.",
    )
