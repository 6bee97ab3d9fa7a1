"""The server over Streamable HTTP: one address, one key, and only clients that mean us."""

import contextlib
import hmac
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from novacore import settings
from novacore.adapters.errors import AddressInvalid

PATH = "/mcp"
_SHUTDOWN_S = 5


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where to listen."""

    host: str
    port: int
    """0: a free one."""

    @property
    def is_loopback(self) -> bool:
        """True: only programs on this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def authority(self, port: int) -> str:
        """Host and port as a URL has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{port}"


def read_address(text: str) -> Address:
    """An address written as HOST:PORT, or as PORT alone: then on the loopback interface.

    Raises:
        AddressInvalid: it is neither.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdecimal() or int(port) > 65_535:
        raise AddressInvalid(text)
    return Address(host=host, port=int(port))


def serve_http(
    server: Server[Any],
    address: Address,
    *,
    token: str,
    config: settings.MCPConfig,
    ready: Callable[[str], None],
) -> None:
    """Serve clients at an address until a signal ends it.

    A request needs the token as `Authorization: Bearer …`, and a Host and Origin that are this
    server's own: a web page that was made to point at this machine is refused.

    Args:
        server: what `make_server` gave.
        address: where.
        token: the key.
        config: limits, and other names that the server goes by.
        ready: is told the URL once connections are taken.

    Raises:
        AddressInvalid: it can't be listened on.
    """
    listening = _listen(address)
    with listening:
        port = int(listening.getsockname()[1])
        app = make_app(server, address, port=port, token=token, config=config)
        ready(f"http://{address.authority(port)}{PATH}")
        options = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
        # Ctrl+C is how a server is ended. Whether it also arrives here hangs on the instant.
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(options).run(sockets=[listening])


def make_app(
    server: Server[Any], address: Address, *, port: int, token: str, config: settings.MCPConfig
) -> ASGIApp:
    """The server as an ASGI application that refuses whoever has not the token."""
    hosts = _own_names(address, port, config.allowed_hosts)
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=config.request_bytes_max,
        session_idle_timeout=config.idle_timeout_ms / 1_000,
        max_sessions=config.clients_max,
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=hosts,
            allowed_origins=[f"{scheme}://{host}" for host in hosts for scheme in _SCHEMES],
        ),
    )
    return _Guarded(app, token=token)


_SCHEMES = ("http", "https")


def _own_names(address: Address, port: int, others: Sequence[str]) -> list[str]:
    names = [address.authority(port)]
    if address.is_loopback:
        names += [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    return list(dict.fromkeys([*names, *others]))


def _listen(address: Address) -> socket.socket:
    try:
        return socket.create_server(
            (address.host, address.port),
            family=socket.AF_INET6 if ":" in address.host else socket.AF_INET,
        )
    except OSError as error:
        text = address.authority(address.port)
        raise AddressInvalid(text, reason=error.strerror or str(error)) from error


class _Guarded:
    """Lets requests through that show the token."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            shown = Headers(scope=scope).get("authorization", "").encode("latin-1")
            if not hmac.compare_digest(shown, self._wanted):
                answer = PlainTextResponse(
                    "This server needs its token: Authorization: Bearer …\n",
                    status_code=401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
