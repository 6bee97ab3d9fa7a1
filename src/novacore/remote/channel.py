"""The way to a server: requests over HTTP, sent again where a connection was lost.

Everything that goes this way may be sent twice: entries and sessions bring their ids along.
"""

import http
import threading
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
import urllib3

from novacore import journal, kit, memory, settings
from novacore.remote import errors

STORE_PATH: Final = "api/v1/store"
"""Where a server's store is, below its address."""
_FIRST_PAUSE_S: Final = 0.05
_PAUSE_MAX_S: Final = 1.0
_BUSY_S: Final = 60.0
"""How long a server that is there, but limits how often it is asked, is waited for."""
_AGAIN: Final = (
    http.HTTPStatus.TOO_MANY_REQUESTS,
    http.HTTPStatus.BAD_GATEWAY,
    http.HTTPStatus.SERVICE_UNAVAILABLE,
    http.HTTPStatus.GATEWAY_TIMEOUT,
)


class _Facts(msgspec.Struct, kw_only=True, frozen=True):
    message: str = ""
    hint: str = ""
    nova: journal.Told | None = None


class _Problem(msgspec.Struct, kw_only=True, frozen=True):
    error: _Facts


class HTTPChannel:
    """`journal.Channel` over HTTP. Safe between threads.

    Args:
        url: the server's address, as people use it.
        key: an API key of the account.
        config: how patient to be.
        root: what stands between the address and the paths.

    Raises:
        AddressInvalid: it is no http or https address.
        KeyRefused: a key that no server can have given.
    """

    def __init__(
        self, url: str, key: str, *, config: settings.RemoteConfig, root: str = STORE_PATH
    ) -> None:
        self.url = _checked_url(url)
        """The server's address, without a slash at its end."""
        self._root = f"{self.url}/{root}"
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise errors.KeyRefused("This is no API key.")
        self._config = config
        self._closed = threading.Event()
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": "novacore"}
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=config.connections_max,
            retries=False,
            timeout=urllib3.Timeout(
                connect=config.connect_timeout_ms / 1_000, read=config.answer_timeout_ms / 1_000
            ),
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
    ) -> bytes:
        """See `journal.Channel`.

        Raises:
            ServerAway, ServerBusy: still, after `remote.retry_ms`.
            RemoteError: the server refused the key, or is none of ours.
            NovaError: what it refused otherwise.
        """
        address = f"{self._root}/{path}".rstrip("/")
        if query:
            address += "?" + urllib.parse.urlencode(query)
        patience_s = self._config.retry_ms / 1_000
        began_s = time.monotonic()
        pause_s = _FIRST_PAUSE_S
        while True:
            if self._closed.is_set():
                raise journal.StoreClosed
            try:
                return self._once(method, address, body)
            except (errors.ServerAway, errors.ServerBusy) as error:
                left_s = patience_s
                if isinstance(error, errors.ServerBusy):
                    pause_s = max(pause_s, float(error.retry_after_s))
                    # It is there and says when: that is worth a longer wait.
                    left_s = max(patience_s, _BUSY_S) if patience_s else 0.0
                if time.monotonic() + pause_s > began_s + left_s:
                    raise
            self._closed.wait(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)

    def _once(self, method: str, address: str, body: bytes | None) -> bytes:
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._pool.request(method, address, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise errors.ServerAway(self.url, why=_why(error)) from error
        if 200 <= answer.status < 300:
            return answer.data
        raise self._refusal(answer)

    def _refusal(self, answer: urllib3.BaseHTTPResponse) -> kit.NovaError:
        try:
            facts = msgspec.json.decode(answer.data, type=_Problem).error
        except (msgspec.DecodeError, ValueError):
            facts = _Facts()
        if answer.status in _AGAIN:
            wait = answer.headers.get("Retry-After", "")
            seconds = int(wait) if wait.isdecimal() else 1
            return errors.ServerBusy(facts.message, retry_after_s=seconds)
        if facts.nova is not None:
            return journal.error_from(facts.nova, known=_MEMORY_ERRORS)
        if answer.status == http.HTTPStatus.UNAUTHORIZED:
            return errors.KeyRefused(hint=facts.hint)
        if answer.status == http.HTTPStatus.FORBIDDEN:
            return errors.AccessRefused(facts.message, hint=facts.hint)
        if answer.status == http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return journal.EntryRefused(
                facts.message or "The server takes no request of this size.",
                hint="Append less at once; server.body_bytes_max on the server is the limit.",
            )
        if answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            return journal.StorageFailed(
                f"The server failed: {facts.message or answer.status}", hint=facts.hint
            )
        what = facts.message or f"It answered with status {answer.status}."
        return errors.ServerStrange(
            f"{self.url} did not do what a NovaCore server does: {what}",
            hint=facts.hint or "Check the address, and that both are of a like version.",
        )

    def close(self) -> None:
        """See `journal.Channel`."""
        self._closed.set()
        self._pool.clear()


def _checked_url(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    try:
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or parts.username or parts.query or parts.fragment:
        raise errors.AddressInvalid(url)
    return url.rstrip("/")


def _why(error: urllib3.exceptions.HTTPError) -> str:
    """In a few words; the library's own name objects and repeat the address."""
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "its answer does not come"
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "there is no such name"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "nobody takes the connection"
    # Of this one the two above are kinds.
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "it does not answer"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "its certificate is not trusted, or TLS failed"
    return "the connection was lost"


def _errors_below(root: type[kit.NovaError]) -> dict[str, type[kit.NovaError]]:
    found = {root.__name__: root}
    for each in root.__subclasses__():
        found |= _errors_below(each)
    return found


_MEMORY_ERRORS: Final = cast(
    "dict[str, type[Any]]",
    _errors_below(memory.MemoriesError) | _errors_below(memory.RecallError),
)
