"""Identifiers: UUIDv7 for what is new, UUIDv8 for what is derived. Nothing is ordered by them."""

import hashlib
import os
import uuid
from collections.abc import Callable

from novacore.kit.clock import Clock


def new_id(clock: Clock, *, random_bytes: Callable[[int], bytes] = os.urandom) -> uuid.UUID:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, then 74 random bits.

    Args:
        clock: gives the time part.
        random_bytes: gives `n` random bytes; for tests that need the same ids again.

    Source: RFC 9562, section 5.7.
    """
    time_ms = (clock.now_us() // 1_000) & 0xFFFF_FFFF_FFFF
    random = int.from_bytes(random_bytes(10), "big")
    value = time_ms << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    return uuid.UUID(int=value | 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF)


def derived_id(*parts: str | bytes) -> uuid.UUID:
    """The UUIDv8 that belongs to these parts: the same parts always give the same id.

    Parts are joined with their lengths, so that ("ab", "c") and ("a", "bc") differ.

    Source: RFC 9562, section 5.8.
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    value = int.from_bytes(digest.digest()[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    return uuid.UUID(int=value & ~(0b11 << 62) | 0b10 << 62)


def parse_id(text: str) -> uuid.UUID:
    """The UUID written in `text`, with or without hyphens.

    Raises:
        ValueError: `text` is no UUID; the message quotes it.
    """
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a UUID") from error
