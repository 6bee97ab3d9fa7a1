"""The key that clients over HTTP must show, kept in a file that only its owner can read."""

import os
import secrets
import stat
from pathlib import Path

from novacore.adapters.errors import TokenExposed

_TOKEN_BYTES = 32


def make_token(path: Path) -> str:
    """The token in a file; a new one, mode 0600, where there is no file.

    Raises:
        TokenExposed: others may read the file.
        OSError: it can't be read or made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    return token


def _read(path: Path) -> str:
    with path.open(encoding="ascii") as file:
        if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise TokenExposed(path)
        token = file.read().strip()
    if not token:
        raise TokenExposed(path, is_empty=True)
    return token
