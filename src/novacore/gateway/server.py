"""The server's process: where it listens, when it is ready, and how it ends without cutting off."""

import asyncio
import contextlib
import dataclasses
import errno
import gc
import logging
import signal
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn
import uvloop

from novacore import settings
from novacore.gateway import errors
from novacore.gateway.app import Gateway
from novacore.gateway.protocol import BoundedHTTP

_LOG = logging.getLogger("novacore.gateway")
_TICK_S = 0.02
_GC_THRESHOLDS = (20_000, 20, 20)
"""Objects more than before until the young are looked at, and how often older ones are."""
_CLOSE_S = 2
"""Once nothing runs, connections are given so long to close."""
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""One of a host's addresses that this machine does not have: `::1` where IPv6 is off."""
_WILDCARDS = frozenset({"0.0.0.0", "::", "[::]", ""})  # noqa: S104 - compared with, not bound to


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listening:
    """Sockets that listen already, and the settings with the port that they have."""

    config: settings.ServerConfig
    sockets: Sequence[socket.socket]

    def close(self) -> None:
        """Stop listening, where the server never ran."""
        for each in self.sockets:
            each.close()


def listen(config: settings.ServerConfig) -> Listening:
    """Listen where the settings say; connections wait until the server runs.

    Raises:
        BindUnsafe: others could reach it, and nothing speaks TLS.
        PortTaken: another program listens there.
        AddressUnusable: nothing can listen there.
        TLSUnusable: the certificate or its key can't be used.
    """
    check_exposure(config)
    if config.has_tls:
        open_tls(config)
    sockets = _bind(config)
    port = sockets[0].getsockname()[1]
    return Listening(config=dataclasses.replace(config, port=port), sockets=sockets)


def check_exposure(config: settings.ServerConfig) -> None:
    """Refuse to be reachable without TLS, or without knowing one's own address.

    Raises:
        BindUnsafe: says how to mend it.
    """
    if config.is_loopback:
        return
    if not config.has_tls and not config.trusted_proxies:
        raise errors.BindUnsafe(
            f"{config.host or 'every address'} can be reached from other machines, and nothing "
            "there speaks TLS: passwords would travel in the open.",
            hint="Give the server a certificate (--tls-cert FILE --tls-key FILE), or put a proxy "
            "that speaks TLS before it and name its network in server.trusted_proxies.",
        )
    if config.host in _WILDCARDS and not config.public_url:
        raise errors.BindUnsafe(
            "The server listens on every address and does not know its own name.",
            hint="Set server.public_url to the address that people use, as "
            "https://nova.example.org: links in letters and redirects need it.",
        )


def open_tls(config: settings.ServerConfig) -> ssl.SSLContext:
    """The TLS side of the server: its certificate, TLS 1.2 and newer.

    Raises:
        TLSUnusable: a file is missing, no PEM, or the two do not belong together.
    """
    certificate, key = config.tls_files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise errors.TLSUnusable(
            f"The certificate {certificate} with the key {key} can't be used: {reason}.",
            hint="server.tls_cert and server.tls_key name PEM files that belong together.",
        ) from error
    return context


def run_server(
    app: Gateway, listening: Listening, *, ready: Callable[[], None], stopping: Callable[[], None]
) -> None:
    """Serve until a signal says to stop; then let running answers finish, within their bound.

    Args:
        app: what answers.
        listening: from `listen`; closed at the end.
        ready: called once, when the first request can be answered.
        stopping: called once, when a signal came.
    """
    config = listening.config
    server = _Server(_uvicorn_config(app, config), app, ready=ready, stopping=stopping)

    async def serve() -> None:
        async with app.running():
            collect_seldom()
            await server.serve(sockets=list(listening.sockets))

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    finally:
        listening.close()


def collect_seldom() -> None:
    """Look for garbage in cycles less often, and never again at what is there from the start.

    A request makes few cycles and many objects: at the interpreter's own pace the search is a tenth
    of what a request costs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


class _Server(uvicorn.Server):
    """Uvicorn's server, which on a signal first says so, and then waits for what runs."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: Gateway,
        *,
        ready: Callable[[], None],
        stopping: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready
        self._stopping = stopping
        self._leaving: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self._app.config.has_tls:
            self._loop.add_signal_handler(signal.SIGHUP, self._renew)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: leave in order; a second one: at once."""
        if self._leaving is not None or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        if self._leaving is None:
            self._stopping()
            self._leaving = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        config, standing = self._app.config, self._app.standing
        standing.is_leaving = True
        await asyncio.sleep(config.drain_notice_ms / 1_000)
        standing.is_draining = True
        until_s = time.monotonic() + config.drain_ms / 1_000
        # An event would cost every request; the counter is looked at only here.
        while standing.running and time.monotonic() < until_s and not self.should_exit:  # noqa: ASYNC110
            await asyncio.sleep(_TICK_S)
        if standing.running:
            _LOG.warning("%d answers were cut off: they took too long", standing.running)
        self.should_exit = True

    def _renew(self) -> None:
        """SIGHUP: read the certificate again, for connections that come from now on."""
        with contextlib.suppress(errors.TLSUnusable):
            certificate, key = self._app.config.tls_files
            open_tls(self._app.config)
            if self.config.ssl is not None:
                self.config.ssl.load_cert_chain(certificate, key)


def _uvicorn_config(app: Gateway, config: settings.ServerConfig) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHTTP,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=config.connections_max,
        timeout_keep_alive=config.idle_timeout_s,
        timeout_graceful_shutdown=_CLOSE_S,
        ssl_context_factory=(lambda *_: open_tls(config)) if config.has_tls else None,
    )


def _bind(config: settings.ServerConfig) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, place in _places(config):
            try:
                sockets.append(_opened(family, place))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
        if not sockets:
            raise missing or OSError(errno.EADDRNOTAVAIL, "no such address")
    except OSError as error:
        for opened in sockets:
            opened.close()
        raise _refusal(config, error) from error
    return sockets


def _opened(family: int, place: tuple[str, int]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(place)
        opened.listen(2_048)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _places(config: settings.ServerConfig) -> list[tuple[int, tuple[str, int]]]:
    """The addresses of the host; of `localhost` the first one only where the port is free."""
    found = socket.getaddrinfo(
        config.host.strip("[]"), config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    places = list(dict.fromkeys((int(each[0]), (str(each[4][0]), config.port)) for each in found))
    return places if config.port else places[:1]


def _refusal(config: settings.ServerConfig, error: OSError) -> errors.ServerRefused:
    where = f"{config.host}:{config.port}"
    if error.errno == errno.EADDRINUSE:
        return errors.PortTaken(
            f"Another program listens on {where} already.",
            hint="Choose another port with --port N or the setting server.port "
            "(NOVA_SERVER_PORT); 0 takes any free one.",
        )
    if error.errno == errno.EACCES:
        return errors.AddressUnusable(
            f"This user may not listen on {where}.",
            hint="Choose a port from 1024 with --port N or the setting server.port.",
        )
    return errors.AddressUnusable(
        f"Nothing can listen on {where}: {error.strerror or error}.",
        hint="server.host names an address of this machine, as 127.0.0.1.",
    )
