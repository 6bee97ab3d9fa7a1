"""Names on a server: `prefix`, then tenant and owner, each a whole segment that hides no separator.

One escaping serves them all: keys of the Redis protocol, subjects of NATS, topics of Kafka,
collections of MongoDB.
"""

import re
from typing import Final

import xxhash

SEGMENT_CHARS_MAX: Final = 128
"""A longer segment is replaced by its hash: subjects and topics have limits."""

_OTHER = re.compile(rb"[^A-Za-z0-9-]")


def segment(text: str) -> str:
    """A text as one segment of letters, digits, `-` and `_`: equal for equal texts only.

    `_` begins an escape (`_2f` is a slash); the empty text is `_`; `_h` begins a hash.
    """
    if not text:
        return "_"
    raw = text.encode("utf-8", "surrogatepass")
    name = _OTHER.sub(_escape, raw).decode("ascii")
    if len(name) <= SEGMENT_CHARS_MAX:
        return name
    return f"_h{xxhash.xxh3_128_hexdigest(raw)}"


def _escape(found: re.Match[bytes]) -> bytes:
    return b"_%02x" % found.group()[0]
