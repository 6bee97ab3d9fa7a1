"""Where a request really comes from: forwarding headers count only from trusted proxies."""

import functools
import ipaddress
from collections.abc import Callable, Mapping, Sequence

_CACHE_ENTRIES = 4_096


class Proxies:
    """The proxies that are trusted, and what they tell.

    Args:
        networks: their addresses, as `10.0.0.0/8`; none: nobody is believed.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        parsed = [ipaddress.ip_network(each) for each in networks]

        def is_trusted(ip: str) -> bool:
            address = parse_ip(ip)
            return address is not None and any(address in each for each in parsed)

        self.is_any = bool(parsed)
        self.is_trusted: Callable[[str], bool] = functools.lru_cache(_CACHE_ENTRIES)(is_trusted)

    def client_of(
        self, peer: str, headers: Mapping[bytes, bytes], *, is_https: bool
    ) -> tuple[str, bool]:
        """The client's address and whether it speaks TLS.

        Of the hops in X-Forwarded-For the right-most that is no trusted proxy is the client:
        what stands left of it was written by somebody whom nobody vouches for.

        Args:
            peer: who is connected to us.
            headers: of the request, by lower-case name.
            is_https: the connection to us has TLS.
        """
        if not self.is_any or not self.is_trusted(peer):
            return peer, is_https
        client = peer
        hops = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        for hop in reversed(hops):
            address = parse_ip(hop)
            if address is None:
                break
            client = str(address)
            if not self.is_trusted(client):
                break
        told = headers.get(b"x-forwarded-proto", b"").lower()
        return client, b"https" in told if told else is_https


def parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `text`, with or without a port; an IPv4 address within IPv6 as IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


@functools.lru_cache(_CACHE_ENTRIES)
def neighbourhood(ip: str) -> str:
    """What counts as one place for a rate limit: an IPv4 address, or an IPv6 network of /64."""
    address = parse_ip(ip)
    if address is None:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


@functools.lru_cache(_CACHE_ENTRIES)
def is_loopback(ip: str) -> bool:
    """Whether this is the machine itself."""
    address = parse_ip(ip)
    return address is not None and address.is_loopback


@functools.lru_cache(_CACHE_ENTRIES)
def is_local_name(host: str) -> bool:
    """Whether a Host header names the machine itself: `localhost:8080`, `127.0.0.1`."""
    name = host.rpartition(":")[0] if host.count(":") == 1 else host
    return name.lower() == "localhost" or is_loopback(name)


def within(networks: Sequence[str]) -> Callable[[str], bool]:
    """A test whether an address is in one of these networks."""
    return Proxies(networks).is_trusted
