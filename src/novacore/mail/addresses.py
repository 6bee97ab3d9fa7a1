"""What counts as an address of mail: one that no header and no command can be smuggled in with."""

import re

_LENGTH_MAX = 254
# A quoted local part is legal and never needed; all that could end a header or a command is out.
_ADDRESS = re.compile(
    r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}"
    r"@(?:[\w](?:[\w-]{0,61}[\w])?\.)*[\w](?:[\w-]{0,61}[\w])?"
)


def is_address(text: str) -> bool:
    """Whether `text` is one plain address, with nothing before, after or between the lines."""
    return len(text) <= _LENGTH_MAX and _ADDRESS.fullmatch(text) is not None
