"""What the columns and fields of servers hold exactly, and how the rest is told apart."""

import json
import math
import re
from typing import Final

from novacore.tiers.server_names import segment

_UNFIT = re.compile("[\0\ud800-\udfff]|\\A\x01")
_INT_MAX: Final = 2**63 - 1


def storable(text: str) -> str:
    """A text as a column takes it: with a NUL or half a surrogate pair in it, as marked JSON."""
    return "\x01" + json.dumps(text) if _UNFIT.search(text) else text


def restored(text: str) -> str:
    """The text of a column."""
    return json.loads(text[1:]) if text.startswith("\x01") else text


def scope_key(tenant: str, owner: str) -> str:
    """A tenant and an owner as one text, each a whole segment."""
    return f"{segment(tenant)}:{segment(owner)}"


def fits(value: object, kind: str) -> bool:
    """True when a column of that kind (text, integer, real) gives back exactly this value."""
    if kind == "text":
        return isinstance(value, str) and not _UNFIT.search(value)
    if kind == "integer":
        return type(value) is int and -_INT_MAX <= value <= _INT_MAX
    return isinstance(value, float) and math.isfinite(value)
