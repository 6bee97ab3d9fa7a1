"""The one secret of a server: it seals what the database keeps but must not tell.

Every server of one database has the same key file. With the database alone nobody can sign a
token, read a link that waits to be mailed, or test whether an address was counted.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from novacore import kit
from novacore.identity.errors import VaultDiffers

FILE_NAME: Final = "identity.key"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Vault:
    """Seals and unseals with a key that only the servers have. Safe between threads."""

    def __init__(self, key: bytes) -> None:
        self._mac_key = _derived(key, "mac")
        self._cipher = AESGCM(_derived(key, "seal"))
        self.id = _derived(key, "id").hex()[:16]
        """Which key this is, without telling it."""

    def mac(self, text: str) -> str:
        """A keyed digest: equal for equal texts, and telling nothing about them."""
        raw = text.encode("utf-8", "surrogatepass")
        return hmac.new(self._mac_key, raw, hashlib.sha256).hexdigest()

    def seal(self, value: Mapping[str, Any], *, purpose: str) -> str:
        """JSON as text that only `unseal` with the same key and purpose can read."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        sealed = self._cipher.encrypt(nonce, plain, purpose.encode())
        return f"{self.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def unseal(self, text: str, *, purpose: str) -> dict[str, Any]:
        """What was sealed.

        Raises:
            VaultDiffers: with another key, for another purpose, or it was changed.
        """
        key_id, _, body = text.partition(".")
        try:
            raw = base64.urlsafe_b64decode(body)
            plain = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise VaultDiffers from error
        assert key_id == self.id
        return json.loads(plain)


def open_vault(folder: Path) -> Vault:
    """The vault of the key file in `folder`; the first of all processes makes it.

    Raises:
        VaultDiffers: the file is damaged.
        OSError: it can't be read or made.
    """
    path = folder / FILE_NAME
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise VaultDiffers
    return Vault(key)


def _make(path: Path) -> None:
    """A whole file that is there at once; whoever is second uses the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{FILE_NAME}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    handle = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, os.urandom(_KEY_BYTES))
        os.fsync(handle)
    finally:
        os.close(handle)
    with contextlib.suppress(FileExistsError):
        os.link(partial, path)
    partial.unlink()
    kit.sync_folder(path.parent)


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.new(key, b"novacore identity " + purpose.encode(), hashlib.sha256).digest()
