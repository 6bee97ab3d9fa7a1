"""`nova serve` as a process: what it takes from a socket, what it writes down, and how it ends."""

import json
import signal
import socket
import ssl
import time

import httpx
import pytest
from tests.api.served import Served, serve
from tests.rooms.gateway.certificates import make_certificate

pytestmark = pytest.mark.heavy

PATIENCE_S = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests that leave it as it was."""
    limits = {"NOVA_SERVER_IDLE_TIMEOUT_S": "1", "NOVA_SERVER_BODY_TIMEOUT_MS": "1000"}
    with serve(tmp_path_factory.mktemp("served"), **limits) as served:
        yield served


def knock(server: Served) -> socket.socket:
    """A bare connection."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)


def read_all(link: socket.socket) -> bytes:
    """What comes until the server closes."""
    got = b""
    while piece := link.recv(65_536):
        got += piece
    return got


def wait_until(is_so) -> None:
    """Ask until it is so; a test that waits in vain fails."""
    until_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_s, "it never came"
        time.sleep(0.01)


def answers(url: str, trust: ssl.SSLContext) -> bool:
    """Whether somebody answers there whom we trust."""
    try:
        return httpx.get(url, verify=trust).status_code == 200
    except httpx.ConnectError:
        return False


def test_it_says_in_one_line_where_it_is(server):
    assert len(server.said) == 1
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/", "/chats", "/status", "/outbox", "/openapi.json"]
)
def test_a_page_is_asked_for_by_head_as_by_get_and_comes_without_a_body(server, path):
    got = httpx.get(server.url + path)
    head = httpx.head(server.url + path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert int(head.headers["content-length"]) > 0
    for name in ("content-type", "etag", "content-security-policy"):
        assert head.headers.get(name) == got.headers.get(name), name


def test_one_connection_too_many_is_told_so_in_our_words_and_closed(tmp_path):
    ask = b"GET /api/v1/config HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serve(tmp_path, NOVA_SERVER_CONNECTIONS_MAX="2") as served:
        with knock(served) as first, knock(served) as second:
            for link in (first, second):
                link.sendall(ask)
                assert b"HTTP/1.1 200" in link.recv(65_536)
            answer = httpx.get(f"{served.url}/api/v1/config")
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["connection"] == "close"
            told = answer.json()["error"]
            assert (told["type"], told["code"]) == ("overloaded_error", "server_full")
            assert told["correlation_id"] == answer.headers["x-correlation-id"]
            claude = httpx.post(f"{served.url}/v1/messages", json={})
            assert (claude.status_code, claude.json()["type"]) == (503, "error")
            # Whoever watches is told that the process lives.
            assert httpx.get(f"{served.url}/healthz").status_code == 200
        wait_until(lambda: httpx.get(f"{served.url}/api/v1/config").status_code == 200)


def test_a_head_without_end_is_cut_off(server):
    with knock(server) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        try:
            for number in range(200):
                link.sendall(b"X-Filler-%d: %s\r\n" % (number, b"x" * 1_000))
            answer = read_all(link)
        except ConnectionError:
            answer = b""
    assert b"200 OK" not in answer


def test_a_head_that_does_not_come_is_not_waited_for(server):
    with knock(server) as silent, knock(server) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: local")
        assert read_all(silent) == b""
        assert read_all(slow) == b""


def test_a_body_that_does_not_come_is_not_waited_for(server):
    with knock(server) as link:
        link.sendall(
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n"
            b"Content-Type: application/json\r\nConnection: close\r\n\r\n{"
        )
        assert b"HTTP/1.1 408" in read_all(link)


def test_ten_megabytes_are_the_limit_however_they_are_sent(server):
    url, headers = f"{server.url}/api/v1/auth/login", {"Content-Type": "application/json"}

    def chunks(size: int):
        for _ in range(size // 100_000):
            yield b" " * 100_000
        yield b" " * (size % 100_000)

    assert httpx.post(url, headers=headers, content=b" " * 10_000_001).status_code == 413
    assert httpx.post(url, headers=headers, content=b" " * 10_000_000).status_code == 400
    assert httpx.post(url, headers=headers, content=chunks(10_000_001)).status_code == 413


def test_no_planted_secret_is_in_any_log_error_or_metric(tmp_path):
    """Canaries in every place that a client fills, and in what the server is told."""
    body = {"email": "canary@example.org", "password": "canary-password-1"}
    with serve(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        headers = {
            "Authorization": "Bearer nova_canary_key_0123456789",
            "Cookie": "nova_refresh=canary-refresh-token; other=canary-cookie",
            "X-Correlation-ID": "sk-canary-correlation-01",
            "User-Agent": "canary-agent sk-canary-agent-0123",
            "X-User-Id": "canary-user",
        }
        answers = [
            client.get("/api/v1/auth/verify-email?token=canary-query-token", headers=headers),
            client.get("/canary@example.org/sk-canary-path-012345", headers=headers),
            client.get("/api/v1/canary-unknown-path?api_key=sk-canary-query-01", headers=headers),
            client.post("/api/v1/auth/login", json=body, headers=headers),
            client.post("/api/v1/auth/login", json=body | {"odd": "canary-value"}, headers=headers),
            client.post("/api/v1/auth/register", json=body, headers=headers),
            client.post("/api/v1/auth/reset-password", headers=headers,
                        json={"token": "canary-reset-token", "password": "canary-password-2"}),
            client.post("/api/v1/auth/refresh", json={"refresh_token": "canary-refresh-2"}),
            client.post("/v1/chat/completions", headers=headers,
                        json={"model": "canary-model", "messages": []}),
            client.request("CANARYMETHOD", "/", headers=headers),
        ]  # fmt: skip
        metrics = client.get("/metrics").text
        server.tell(signal.SIGTERM)
        assert server.wait() == 0
        lines = [json.loads(line) for line in server.logged]
        shown = "\n".join([*server.logged, metrics])
        for answer in answers:
            # The page that confirms an address holds its token on purpose: who has it sent it.
            shown += f"\n{answer.headers}\n{answer.text if answer.is_error else ''}"
    assert sum(line["logger"] == "novacore.access" for line in lines) >= len(answers)
    found = [line for line in shown.splitlines() if "canary" in line.lower()]
    # A path that no route has is told, without what looks like a secret in it.
    assert [line[:300] for line in found if "canary-unknown-path" not in line] == []


def test_told_to_stop_it_lets_a_running_answer_finish(tmp_path):
    with serve(tmp_path) as server, knock(server) as link:
        link.sendall(
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
            b"Content-Type: application/json\r\nConnection: close\r\n\r\n{"
        )
        with httpx.Client(base_url=server.url) as client:
            wait_until(lambda: "requests_running 2.0" in client.get("/metrics").text)
            server.tell(signal.SIGTERM)
            wait_until(lambda: client.get("/readyz").status_code == 503)
            assert client.get("/readyz").json() == {"status": "not ready", "failing": ["stopping"]}
            refused = client.get("/api/v1/config")
            assert refused.status_code == 503
            assert "retry-after" in refused.headers
        assert server.process.poll() is None
        link.sendall(b"}")
        assert b"HTTP/1.1 400" in read_all(link)
        assert server.wait() == 0
    assert server.said[-1].startswith("Stopping")


def test_what_does_not_finish_in_time_is_cut_off(tmp_path):
    with serve(tmp_path, NOVA_SERVER_DRAIN_MS="100") as server, knock(server) as link:
        link.sendall(
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )
        with httpx.Client(base_url=server.url) as client:
            wait_until(lambda: "requests_running 2.0" in client.get("/metrics").text)
        server.tell(signal.SIGTERM)
        assert server.wait() == 0
        assert b"200" not in read_all(link)


def test_it_speaks_tls_by_itself(tmp_path):
    certificate, key = make_certificate(tmp_path / "tls")
    trust = ssl.create_default_context(cafile=str(certificate))
    arguments = ("--host", "localhost", "--tls-cert", str(certificate), "--tls-key", str(key))
    with serve(tmp_path, *arguments) as server, httpx.Client(verify=trust) as client:
        assert server.url.startswith("https://localhost:")
        answer = client.get(f"{server.url}/healthz")
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        renewed, new_key = make_certificate(tmp_path / "new")
        certificate.write_bytes(renewed.read_bytes())
        key.write_bytes(new_key.read_bytes())
        server.tell(signal.SIGHUP)
        trust = ssl.create_default_context(cafile=str(renewed))
        wait_until(lambda: answers(f"{server.url}/healthz", trust))
