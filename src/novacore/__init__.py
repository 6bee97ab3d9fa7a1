"""NovaCore: a home for AI agents and chat that never forget.

`import novacore` loads nothing else; `novacore.open(path)` gives a store of sessions.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from novacore import journal

__all__ = ["open"]


def open(path: str | Path) -> "journal.Store":  # noqa: A001 - as in `novacore.open(path)`
    """The store of sessions in a data directory, created when missing.

    Reads no settings and no environment; several processes may share the directory.

    Raises:
        StoreUnusable: the directory can't hold a journal; says why.
        Corrupt: what it holds is damaged.

    Example:
        >>> import novacore
        >>> with novacore.open("notes") as store:
        ...     done = store.session("ideas").append({"role": "user", "content": "hello"})
        >>> done.positions
        (0,)
    """
    from novacore import journal  # noqa: PLC0415 - the package stays light until it is used

    return journal.open_store(path)
