"""Secrets that are handed out: random, told apart by their form, stored only as digests.

They carry 256 random bits, so a plain SHA-256 keeps them as safe as a slow hash would.
"""

import base64
import hashlib
import secrets
import zlib
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_BYTES: Final = 32
_SECRET_DIGITS: Final = 43
_CHECK_DIGITS: Final = 6

KEY_PREFIX: Final = "nova_"
"""What every API key begins with, so that scanners of leaked secrets know one."""
SHOWN_CHARS: Final = len(KEY_PREFIX) + 8
"""How much of a key is shown to tell it from others."""
_KEY_CHARS: Final = len(KEY_PREFIX) + _SECRET_DIGITS + _CHECK_DIGITS


def new_token() -> str:
    """32 random bytes as text of 43 characters that fits into a link or a cookie."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_key() -> str:
    """An API key: `nova_`, 32 random bytes and a checksum, in digits and letters."""
    body = _digits(int.from_bytes(secrets.token_bytes(_SECRET_BYTES), "big"), _SECRET_DIGITS)
    return f"{KEY_PREFIX}{body}{_checksum(body)}"


def is_key(text: str) -> bool:
    """Whether `text` has the form of an API key, its checksum included."""
    if len(text) != _KEY_CHARS or not text.startswith(KEY_PREFIX):
        return False
    body = text[len(KEY_PREFIX) : -_CHECK_DIGITS]
    return body.isascii() and text.endswith(_checksum(body))


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def successor(token: str, *, salt: str) -> str:
    """The token that replaces `token`.

    It follows from both, so whoever holds the old one is given the same new one again, while
    neither the stored salt nor the old token alone leads to it.
    """
    raw = hashlib.sha256(b"nova refresh\0" + salt.encode() + b"\0" + token.encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _checksum(body: str) -> str:
    return _digits(zlib.crc32(body.encode()), _CHECK_DIGITS)


def _digits(value: int, count: int) -> str:
    digits = ""
    for _ in range(count):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
