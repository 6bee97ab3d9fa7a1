"""Where a request comes from, as far as anybody whom we trust tells."""

import pytest

from novacore.gateway.addresses import Proxies, is_local_name, neighbourhood

PROXIES = Proxies(["10.0.0.0/8", "127.0.0.1/32"])


def client_of(peer: str, forwarded: str, **headers: str) -> tuple[str, bool]:
    given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    given[b"x-forwarded-for"] = forwarded.encode()
    return PROXIES.client_of(peer, given, is_https=False)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody we trust says so
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # the left one is the client's word
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_right_most_hop_that_nobody_trusts_is_the_client(peer, forwarded, client):
    assert client_of(peer, forwarded)[0] == client


def test_only_a_trusted_proxy_says_that_there_was_tls():
    assert client_of("10.0.0.1", "", x_forwarded_proto="https")[1]
    assert not client_of("203.0.113.9", "", x_forwarded_proto="https")[1]


def test_a_place_is_an_address_or_a_network_of_ipv6():
    assert neighbourhood("198.51.100.7") == "198.51.100.7"
    assert neighbourhood("2001:db8:1:2:3::9") == "2001:db8:1:2::/64"
    assert neighbourhood("testclient") == "unknown"


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost:8080", True), ("127.0.0.1", True), ("[::1]:8080", True), ("127.0.0.1:1", True),
        ("nova.example.org", False), ("localhost.evil.example", False), ("10.0.0.1", False),
    ],
)  # fmt: skip
def test_the_machines_own_names(host, is_local):
    assert is_local_name(host) is is_local
