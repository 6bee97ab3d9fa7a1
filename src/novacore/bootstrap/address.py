"""Where the server that runs over a data directory is reached, for the commands beside it.

A server started with `--port` listens elsewhere than the settings say that a command reads; without
this the links that the command prints would lead nowhere.
"""

import contextlib
from collections.abc import Generator
from typing import Final

from novacore import kit, settings

FILE: Final = "server.url"
_BYTES_MAX: Final = 1_000


@contextlib.contextmanager
def announced(chosen: settings.Settings) -> Generator[None]:
    """Note in the data directory where this server is, for as long as the block runs.

    Args:
        chosen: the settings of the server, with the port that it has.
    """
    path, url = chosen.data_dir / FILE, chosen.server.base_url.encode()
    # A full disk is no reason not to serve: links are then what the settings say.
    with contextlib.suppress(OSError), kit.replaced(path, syncs_folder=False) as file:
        file.write(url)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            # Another server may have come after this one.
            if path.read_bytes() == url:
                path.unlink()


def address_of(chosen: settings.Settings) -> str:
    """What links begin with: `server.public_url`, else where a server runs, else the settings'."""
    if chosen.server.public_url:
        return chosen.server.base_url
    try:
        noted = (chosen.data_dir / FILE).read_bytes()[:_BYTES_MAX].decode()
    except (OSError, UnicodeDecodeError):
        return chosen.server.base_url
    is_one = noted.startswith(("http://", "https://")) and noted.isprintable()
    return noted if is_one else chosen.server.base_url
