"""NovaCore: a home for AI agents and chat that never forget.

`import novacore` loads nothing else; `novacore.open(path)` gives a store of sessions, and
`novacore.connect(url, key)` one on a server.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from novacore import bootstrap, remote

__all__ = ["connect", "open"]


def open(path: str | Path) -> "bootstrap.MemoryStore":  # noqa: A001 - as in `novacore.open(path)`
    """The store of sessions in a data directory, created when missing.

    It reads no environment, and of settings only the directory's own `nova.toml`. Several
    processes may share the directory. Recall, context, memories and tiers are loaded when used.

    Raises:
        StoreUnusable: the directory can't hold a journal; says why.
        Corrupt: what it holds is damaged.

    Example:
        >>> import novacore
        >>> with novacore.open("notes") as store:
        ...     done = store.session("ideas").append({"role": "user", "content": "Tea at five"})
        ...     found = store.recall("when is tea?")
        >>> found[0].message["content"]
        'Tea at five'
    """
    from novacore import bootstrap  # noqa: PLC0415 - the package stays light until it is used

    return bootstrap.open_library(path)


def connect(url: str, key: str) -> "remote.RemoteStore":
    """The store of sessions of an account on a NovaCore server: the same interface as `open` gives.

    It reads no environment. Transcripts are fetched in pages as they are read; an append is durable
    on the server when it returns, and is stored once however often the connection is lost.

    Args:
        url: the server's address, as https://nova.example.org.
        key: an API key of the account.

    Raises:
        AddressInvalid: the address is none.
        KeyRefused, AccessRefused: the server does not take the key.
        ServerStrange: something else answers there.
        ServerAway, ServerBusy: the server can't be reached now.
    """
    from novacore import remote  # noqa: PLC0415 - the package stays light until it is used

    return remote.connect(url, key)
