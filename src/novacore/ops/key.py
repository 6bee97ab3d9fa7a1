"""The key of the backups: one line of text in a file of its own, kept apart from them.

    NOVA-BACKUP-KEY-1 <32 random bytes, base64> <first 8 hex digits of their SHA-256>

Whoever has it reads every backup; without it nobody does. The last word tells a mistyped key from a
wrong one.
"""

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path

from novacore import kit
from novacore.ops.errors import KeyUnusable

_NAME = "NOVA-BACKUP-KEY-1"
_SIZE = 32
_FILE_BYTES_MAX = 4096


@dataclass(frozen=True, kw_only=True)
class Key:
    """The secret that backups are encrypted and authenticated with."""

    secret: bytes
    is_new: bool = False
    """True: it was made just now, and nobody has a copy of it yet."""

    def __repr__(self) -> str:
        return f"<backup key {self.id}>"

    @property
    def id(self) -> str:
        """Names the key and says nothing of it: 16 hexadecimal digits."""
        return self.derived("id")[:8].hex()

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose: the secret itself encrypts nothing."""
        return hmac.digest(self.secret, f"novacore backup {purpose}".encode(), "sha256")

    def sign(self, data: bytes) -> str:
        """A mark that only holders of the key can make for these bytes."""
        return hmac.digest(self.derived("manifest"), data, "sha256").hex()


def read_key(path: Path) -> Key:
    """The key in a file.

    Raises:
        KeyUnusable: it is missing, or not what was written.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_FILE_BYTES_MAX)
    except FileNotFoundError:
        raise KeyUnusable(
            f"The backups' key {path} is missing.",
            hint="Put your copy of it there, or name it with ops.backup_key_file. Without it no "
            "backup can be read.",
        ) from None
    except OSError as error:
        raise KeyUnusable(f"The backups' key {path} can't be read: {error.strerror}.") from error
    secret = _parsed(raw)
    if secret is None:
        raise KeyUnusable(
            f"{path} holds no whole backup key: it was cut, or a character changed.",
            hint="Put your copy of the key in its place.",
        )
    return Key(secret=secret)


def _parsed(raw: bytes) -> bytes | None:
    words = raw.split()
    if len(words) != 3 or words[0] != _NAME.encode():
        return None
    try:
        secret = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        return None
    return secret if len(secret) == _SIZE and _check(secret).encode() == words[2] else None


def _check(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()[:8]


def make_key(path: Path) -> Key:
    """A fresh key in a new file that only its owner can read (mode 0600), durable on return.

    One that is there already is read instead, so that two first backups at once have one key.

    Raises:
        KeyUnusable: the file can't be written, or holds no key.
    """
    secret = os.urandom(_SIZE)
    text = f"{_NAME} {base64.b64encode(secret).decode()} {_check(secret)}\n"
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)
        kit.sync_folder(path.parent)
    except FileExistsError:
        return read_key(path)
    except OSError as error:
        raise KeyUnusable(
            f"The backups' key {path} can't be written: {error.strerror}.",
            hint="Name another place with ops.backup_key_file.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return Key(secret=secret, is_new=True)
