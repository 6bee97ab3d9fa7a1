"""The way to Qdrant: a server, or the client's own local mode when the URL is a path.

The local mode is for tests: it searches in Python and lets one client at a time open a folder, so
the engines of one process share theirs.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from novacore.tiers.errors import TierUnavailable
from novacore.tiers.servers.server_link import address, check_url, library, reason

_LOCAL: dict[str, tuple[Any, int]] = {}
"""Folder -> the client that has it open, and how many engines use it."""
_TURN = threading.RLock()


class QdrantLink:
    """A client. Nothing is connected before the first call.

    Args:
        url: http(s)://[:key@]host:port, or a path.
        timeout_ms: the longest wait for one answer.
    """

    def __init__(self, url: str, *, timeout_ms: int) -> None:
        self._url = url
        self._timeout_s = max(1, round(timeout_ms / 1000))
        self._made: Any = None
        self.is_local = "://" not in url
        self._turn = _TURN if self.is_local else threading.RLock()

    @contextmanager
    def client(self) -> Generator[Any]:
        """The client, its errors in our words."""
        qdrant = library("qdrant_client", extra="qdrant")
        wrong = library("qdrant_client.http.exceptions", extra="qdrant")
        try:
            with self._turn:
                if self._made is None:
                    self._made = self._make(qdrant)
                yield self._made
        except (wrong.ApiException, OSError, RuntimeError) as error:
            raise TierUnavailable(
                f"Qdrant at {self._place()} does not serve us: {self._reason(error)}"
            ) from None

    def _place(self) -> str:
        return self._url if self.is_local else address(self._url)

    def _reason(self, error: Exception) -> str:
        status = getattr(error, "status_code", None)
        if status is not None:
            # The whole text quotes headers and content.
            refused = " (the key is refused)" if status in {401, 403} else ""
            return f"it answers {status}{refused}"
        return reason(error, url=self._url)

    def _make(self, qdrant: Any) -> Any:
        if self.is_local:
            client, users = _LOCAL.get(self._url) or (qdrant.QdrantClient(path=self._url), 0)
            _LOCAL[self._url] = client, users + 1
            return client
        check_url(self._url, what="Qdrant")
        found = urlsplit(self._url)
        return qdrant.QdrantClient(
            url=found._replace(netloc=found.netloc.rpartition("@")[2]).geturl(),
            api_key=unquote(found.password) if found.password else None,
            timeout=self._timeout_s,
            check_compatibility=False,
        )

    def close(self) -> None:
        """Close the client; the next call makes a new one."""
        with self._turn:
            made, self._made = self._made, None
            if made is None:
                return
            if self.is_local:
                users = _LOCAL[self._url][1] - 1
                if users:
                    _LOCAL[self._url] = made, users
                    return
                del _LOCAL[self._url]
            made.close()
