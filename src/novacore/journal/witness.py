"""The witness: a small file beside the database that remembers how far the journal had come.

A chain can't see its own lost end, and SQLite drops the tail of its write-ahead log without a word
when a byte in it flips. After each commit the head (sequence and chain hash of the last entry) is
written here too, and fsynced at each checkpoint. A store that opens behind its witness is corrupt,
not merely shorter. Two slots are written in turn, so that a torn write leaves the other.
"""

import os
import struct
import time
from pathlib import Path
from typing import NamedTuple

import xxhash

_SLOT = struct.Struct("<8s16sQ32sQ")
_MAGIC = b"NOVAWIT1"
_SLOT_AT = (0, 4096)
_LOOKS_MAX, _LOOK_S = 50, 0.005


class Witnessed(NamedTuple):
    """What the witness saw last."""

    journal: bytes
    sequence: int
    chain: bytes


class Witness:
    """The witness file of one data directory; created when missing."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def read(self) -> Witnessed | None:
        """The newest head that a slot holds; None: no slot is readable."""
        slots = [self._slot(at) for at in _SLOT_AT]
        return max((s for s in slots if s), key=lambda s: s.sequence, default=None)

    def damage(self) -> str | None:
        """What is wrong with the file; None: nothing, or nothing was written yet."""
        torn = [at for at in _SLOT_AT if self._is_torn(at)]
        return f"The witness file is damaged at byte {torn[0]}." if torn else None

    def _is_torn(self, at: int) -> bool:
        """True for a slot that is no head and stays so: one being written changes, and is none."""
        seen = b""
        for _ in range(_LOOKS_MAX):
            raw = self._raw(at)
            if _parsed(raw) is not None or not any(raw):
                return False
            if raw == seen:
                return True
            seen = raw
            time.sleep(_LOOK_S)
        return False

    def write(self, seen: Witnessed) -> None:
        """Remember a head. Survives the process at once, the machine from the next `sync` on."""
        raw = _SLOT.pack(_MAGIC, seen.journal, seen.sequence, seen.chain, 0)[:-8]
        slot = raw + xxhash.xxh3_64_intdigest(raw).to_bytes(8, "little")
        os.pwrite(self._file, slot, _SLOT_AT[seen.sequence & 1])

    def sync(self) -> None:
        """Make the last write survive the machine."""
        os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)

    def _raw(self, at: int) -> bytes:
        """The bytes of a slot; empty or zeros where it was never written."""
        return os.pread(self._file, _SLOT.size, at)

    def _slot(self, at: int) -> Witnessed | None:
        return _parsed(self._raw(at))


def peek(path: Path) -> Witnessed | None:
    """What a witness file says, read and left as it is; None: it is missing or unreadable."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    slots = [_parsed(data[at : at + _SLOT.size]) for at in _SLOT_AT]
    return max((s for s in slots if s), key=lambda s: s.sequence, default=None)


def _parsed(raw: bytes) -> Witnessed | None:
    if len(raw) < _SLOT.size:
        return None
    magic, journal, sequence, chain, checksum = _SLOT.unpack(raw)
    if magic != _MAGIC or xxhash.xxh3_64_intdigest(raw[:-8]) != checksum:
        return None
    return Witnessed(journal, sequence, chain)
