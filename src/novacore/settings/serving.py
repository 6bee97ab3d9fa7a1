"""The section `server`: where the server listens, whom it trusts, and what it takes at most."""

import dataclasses
import ipaddress
import re
import urllib.parse
from pathlib import Path

from novacore import kit

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """The section `server`: the address, the trust, and the limits of `nova serve`."""

    host: str = kit.setting(
        "127.0.0.1",
        doc="The address to listen on. Beyond loopback it needs TLS or a trusted proxy.",
    )
    port: int = kit.setting(
        8080, minimum=0, maximum=65_535, doc="The port to listen on; 0 takes any free one."
    )
    public_url: str = kit.setting(
        "",
        doc="The address that people use, as https://nova.example.org: links in mails, cookies "
        "and redirects follow it. Empty: the address that is listened on.",
    )
    name: str = kit.setting("NovaCore", doc="What this installation is called on its pages.")
    tls_cert: str = kit.setting(
        "", doc="The file of the TLS certificate, with its chain. Empty: no TLS here."
    )
    tls_key: str = kit.setting("", doc="The file of the certificate's private key.")
    trusted_proxies: tuple[str, ...] = kit.setting(
        (),
        doc="Networks whose X-Forwarded-* headers are believed, as 127.0.0.1/32; others' are not.",
    )
    allowed_hosts: tuple[str, ...] = kit.setting(
        (),
        doc="Other names that the server answers under, without port, besides that of public_url, "
        "localhost and plain addresses.",
    )
    cors_origins: tuple[str, ...] = kit.setting(
        (),
        doc="Other websites whose scripts may call the API, as https://app.example.org.",
    )
    shared_url: str = kit.setting(
        "",
        secret=True,
        doc="A server of the Redis protocol (redis://…) that several servers share for rate "
        "limits and streams. Empty: each keeps its own.",
    )
    shared_timeout_ms: int = kit.setting(
        250,
        unit="ms",
        minimum=10,
        maximum=60_000,
        doc="How long a request waits for that server to count it; then this one counts alone for "
        "a moment.",
    )
    metrics_from: tuple[str, ...] = kit.setting(
        ("127.0.0.0/8", "::1/128"),
        doc="Networks from which /metrics may be read; as a proxy we trust tells the address.",
    )
    log_format: str = kit.setting(
        "auto",
        choices=("auto", "json", "text"),
        doc="Log lines on the error stream: JSON with a line for each request, or short text with "
        "what went wrong; auto writes text on a terminal.",
    )
    body_bytes_max: int = kit.setting(
        10_000_000,
        unit="bytes",
        minimum=1_024,
        maximum=1_073_741_824,
        doc="Largest body of a request.",
    )
    body_timeout_ms: int = kit.setting(
        60_000, unit="ms", minimum=100, maximum=3_600_000, doc="A body has to arrive in this time."
    )
    connections_max: int = kit.setting(
        4_000, unit="connections", minimum=1, maximum=1_000_000, doc="Most connections at once."
    )
    idle_timeout_s: int = kit.setting(
        15,
        unit="s",
        minimum=1,
        maximum=3_600,
        doc="A connection on which nothing is asked for so long is closed.",
    )
    drain_ms: int = kit.setting(
        30_000,
        unit="ms",
        minimum=0,
        maximum=3_600_000,
        doc="When told to stop, the server lets running answers finish for so long.",
    )
    drain_notice_ms: int = kit.setting(
        0,
        unit="ms",
        minimum=0,
        maximum=600_000,
        doc="When told to stop, /readyz says so for so long before new requests are refused.",
    )
    threads_max: int = kit.setting(
        8,
        unit="threads",
        minimum=1,
        maximum=256,
        doc="Threads for what waits for the database.",
    )
    waiting_calls_max: int = kit.setting(
        1_000,
        unit="calls",
        minimum=1,
        maximum=1_000_000,
        doc="Calls that may wait for such a thread; more are refused with 503.",
    )
    requests_per_minute: int = kit.setting(
        1_200,
        unit="requests",
        minimum=1,
        maximum=10_000_000,
        doc="Requests a minute for each account whose plan says nothing, and for each of its keys.",
    )
    requests_burst: int = kit.setting(
        200, unit="requests", minimum=1, maximum=1_000_000, doc="So many of them may come at once."
    )
    model_requests_per_minute: int = kit.setting(
        600,
        unit="requests",
        minimum=1,
        maximum=10_000_000,
        doc="Of these, requests a minute that call a model, for each account and key.",
    )
    model_requests_burst: int = kit.setting(
        100, unit="requests", minimum=1, maximum=1_000_000, doc="So many of them may come at once."
    )
    ip_requests_per_minute: int = kit.setting(
        6_000,
        unit="requests",
        minimum=1,
        maximum=10_000_000,
        doc="Requests a minute from one address, by everybody there.",
    )
    ip_requests_burst: int = kit.setting(
        1_000,
        unit="requests",
        minimum=1,
        maximum=1_000_000,
        doc="So many of them may come at once.",
    )
    anonymous_requests_per_minute: int = kit.setting(
        600,
        unit="requests",
        minimum=1,
        maximum=10_000_000,
        doc="Of these, requests a minute of those who are not signed in.",
    )
    anonymous_requests_burst: int = kit.setting(
        200, unit="requests", minimum=1, maximum=1_000_000, doc="So many of them may come at once."
    )
    auth_requests_per_minute: int = kit.setting(
        60,
        unit="requests",
        minimum=1,
        maximum=10_000_000,
        doc="Requests a minute from one address that sign in, register or reset a password.",
    )
    auth_requests_burst: int = kit.setting(
        30, unit="requests", minimum=1, maximum=1_000_000, doc="So many of them may come at once."
    )
    rate_entries_max: int = kit.setting(
        100_000,
        unit="entries",
        minimum=100,
        maximum=10_000_000,
        doc="Accounts, keys and addresses whose recent requests are remembered in this process.",
    )

    def __post_init__(self) -> None:
        kit.check(self)
        if self.public_url and not _is_origin(self.public_url.rstrip("/")):
            raise _wrong("public_url", self.public_url, "a URL without a path: https://HOST")
        for origin in self.cors_origins:
            if not _is_origin(origin):
                raise _wrong("cors_origins", origin, "origins as https://app.example.org")
        for host in self.allowed_hosts:
            if not _HOST.fullmatch(host):
                raise _wrong("allowed_hosts", host, "names of hosts, without port")
        _check_networks("trusted_proxies", self.trusted_proxies)
        _check_networks("metrics_from", self.metrics_from)
        if bool(self.tls_cert) != bool(self.tls_key):
            missing = "tls_key" if self.tls_cert else "tls_cert"
            raise _wrong(missing, "", "a file: certificate and key belong together")

    @property
    def has_tls(self) -> bool:
        """This server speaks TLS itself."""
        return bool(self.tls_cert)

    @property
    def is_loopback(self) -> bool:
        """Only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def base_url(self) -> str:
        """What links begin with, without a slash at the end: public_url, or where we listen."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = "https" if self.has_tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def is_https(self) -> bool:
        """People reach the server over TLS."""
        return self.base_url.startswith("https://")

    @property
    def tls_files(self) -> tuple[Path, Path]:
        """Certificate and key; only where `has_tls`."""
        return Path(self.tls_cert).expanduser(), Path(self.tls_key).expanduser()


def _is_origin(text: str) -> bool:
    parts = urllib.parse.urlsplit(text)
    try:
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_bare and has_port


def _check_networks(name: str, networks: tuple[str, ...]) -> None:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise _wrong(name, network, "networks as 10.0.0.0/8") from None


def _wrong(name: str, value: str, expected: str) -> kit.SettingInvalid:
    return kit.SettingInvalid(f"{name} is {value!r}; expected {expected}.", name=name)
