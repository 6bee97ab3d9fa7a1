"""Where a server may listen, and what it says where it may not."""

import socket

import pytest
from tests.rooms.gateway.certificates import make_certificate

from novacore import kit, settings
from novacore.gateway import errors
from novacore.gateway.server import listen


def config(**given) -> settings.ServerConfig:
    return settings.ServerConfig(**{"port": 0} | given)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_it_listens_and_knows_its_port(host):
    listening = listen(config(host=host))
    port = listening.sockets[0].getsockname()[1]
    assert listening.config.port == port
    assert listening.config.base_url.endswith(f":{port}")
    listening.close()


def test_beyond_this_machine_it_names_both_ways_to_be_safe():
    with pytest.raises(errors.BindUnsafe) as refused:
        listen(config(host="0.0.0.0"))
    assert "--tls-cert" in refused.value.hint
    assert "server.trusted_proxies" in refused.value.hint


def test_on_every_address_it_has_to_know_its_own():
    with pytest.raises(errors.BindUnsafe) as refused:
        listen(config(host="0.0.0.0", trusted_proxies=("10.0.0.0/8",)))
    assert "public_url" in refused.value.hint


def test_behind_a_proxy_that_it_trusts_it_listens_everywhere():
    proxied = config(
        host="0.0.0.0", trusted_proxies=("10.0.0.0/8",), public_url="https://nova.example.org"
    )
    listening = listen(proxied)
    assert listening.config.base_url == "https://nova.example.org"
    listening.close()


def test_a_taken_port_says_which_setting_to_change():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(errors.PortTaken) as refused:
            listen(config(port=port))
    assert str(port) in refused.value.message
    assert "--port" in refused.value.hint
    assert "NOVA_SERVER_PORT" in refused.value.hint


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(errors.AddressUnusable):
        listen(config(host="203.0.113.1", trusted_proxies=("10.0.0.0/8",)))


def test_a_certificate_that_does_not_fit_is_refused(tmp_path):
    certificate, _ = make_certificate(tmp_path / "a")
    _, key = make_certificate(tmp_path / "b")
    with pytest.raises(errors.TLSUnusable):
        listen(config(tls_cert=str(certificate), tls_key=str(key)))
    with pytest.raises(errors.TLSUnusable):
        listen(config(tls_cert=str(tmp_path / "none"), tls_key=str(key)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "nova.example.org"},
        {"public_url": "https://nova.example.org/path"},
        {"public_url": "ftp://nova.example.org"},
        {"cors_origins": ("*",)},
        {"cors_origins": ("https://a.example/",)},
        {"allowed_hosts": ("a.example:8080",)},
        {"allowed_hosts": ("*",)},
        {"trusted_proxies": ("everybody",)},
        {"tls_cert": "a.pem"},
        {"tls_key": "a.pem"},
        {"port": 65_536},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_its_name(wrong):
    with pytest.raises(kit.SettingInvalid) as refused:
        settings.ServerConfig(**wrong)
    names = set(wrong) | {"tls_key", "tls_cert"} if "tls" in str(wrong) else set(wrong)
    assert refused.value.name in names


def test_a_refusal_closes_what_was_opened(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(errors.PortTaken):
            listen(config(host="localhost", port=other.getsockname()[1]))
