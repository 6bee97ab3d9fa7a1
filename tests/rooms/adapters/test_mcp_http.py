"""The MCP server over HTTP: who gets in, and who does not."""

import asyncio
import contextlib
import os
import socket

import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import novacore
from novacore import adapters, settings
from novacore.adapters import mcp
from novacore.adapters.mcp import http

TOKEN = "a-token-for-tests"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@contextlib.asynccontextmanager
async def serving(store, **limits):
    """The application on a free port of the loopback interface; gives its URL."""
    config = settings.MCPConfig(**limits)
    server = mcp.make_server(mcp.MemoryTools(store, config=config))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        address = mcp.Address(host="127.0.0.1", port=port)
        app = http.make_app(server, address, port=port, token=TOKEN, config=config)
        running = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        task = asyncio.create_task(running.serve(sockets=[listening]))
        while not running.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            running.should_exit = True
            await task


@pytest.fixture
def store(tmp_path):
    with novacore.open(tmp_path / "data") as opened:
        yield opened


@contextlib.asynccontextmanager
async def connected(url, mode="auto"):
    """The official client, with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx2.AsyncClient(headers=headers) as web,
        Client(streamable_http_client(url, http_client=web), mode=mode) as client,
    ):
        yield client


async def post(url, *, body=HELLO, **headers):
    known = {
        "authorization": f"Bearer {TOKEN}",
        "accept": "application/json, text/event-stream",
    }
    wanted = {key.replace("_", "-"): value for key, value in {**known, **headers}.items() if value}
    async with httpx2.AsyncClient() as client:
        return await client.post(url, json=body, headers=wanted)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_uses_the_tools_over_http(store, mode):
    async with serving(store) as url, connected(url, mode=mode) as client:
        stored = await client.call_tool("store", {"text": "Ada plays the violin"})
        found = await client.call_tool("recall", {"query": "violin"})
    assert found.structured_content["results"][0]["id"] == stored.structured_content["id"]


async def test_several_clients_use_it_at_once(store):
    async def work(url, name):
        async with connected(url) as client:
            for n in range(3):
                await client.call_tool("store", {"text": f"{name} {n}"})

    async with serving(store) as url:
        await asyncio.gather(*(work(url, f"client {n}") for n in range(6)))
    assert len(store.memories.list().memories) == 18


async def test_a_request_without_the_token_is_refused(store):
    async with serving(store) as url:
        for authorization in ("", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"):
            answer = await post(url, authorization=authorization)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        assert (await post(url)).status_code == 200


async def test_a_page_that_points_its_name_at_this_machine_is_refused(store):
    async with serving(store) as url:
        port = url.split(":")[2].split("/")[0]
        assert (await post(url, host=f"evil.example:{port}")).status_code == 421
        assert (await post(url, host="127.0.0.1:1")).status_code == 421
        assert (await post(url, origin="http://evil.example")).status_code == 403
        assert (await post(url, origin=f"http://localhost.evil.example:{port}")).status_code == 403
        assert (await post(url, origin=f"http://localhost:{port}")).status_code == 200
        assert (await post(url, host=f"localhost:{port}")).status_code == 200


async def test_a_name_that_the_settings_allow_is_let_in(store):
    async with serving(store, allowed_hosts=("memory.example:443",)) as url:
        answer = await post(url, host="memory.example:443", origin="https://memory.example:443")
        assert answer.status_code == 200


async def test_a_request_over_the_limit_is_refused(store):
    async with serving(store, request_bytes_max=2_000) as url:
        answer = await post(url, body=HELLO | {"padding": "x" * 3_000})
        assert answer.status_code == 413


def test_a_token_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "mcp-token"
    token = mcp.make_token(path)
    assert len(token) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert mcp.make_token(path) == token
    assert mcp.make_token(tmp_path / "other") != token


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_a_token_that_others_may_read_is_not_used(tmp_path, mode):
    path = tmp_path / "mcp-token"
    mcp.make_token(path)
    os.chmod(path, mode)
    with pytest.raises(adapters.TokenExposed):
        mcp.make_token(path)


def test_an_empty_token_is_not_used(tmp_path):
    path = tmp_path / "mcp-token"
    path.touch(mode=0o600)
    with pytest.raises(adapters.TokenExposed, match="empty"):
        mcp.make_token(path)


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:8091", "127.0.0.1", 8091, True),
        (":8091", "127.0.0.1", 8091, True),
        ("8091", "127.0.0.1", 8091, True),
        ("localhost:0", "localhost", 0, True),
        ("[::1]:80", "::1", 80, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("memory.example:80", "memory.example", 80, False),
    ],
)
def test_an_address_is_a_host_and_a_port(text, host, port, is_loopback):
    found = mcp.read_address(text)
    assert (found.host, found.port, found.is_loopback) == (host, port, is_loopback)


@pytest.mark.parametrize("text", ["", "here", "here:", "here:99999", "here:-1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(adapters.AddressInvalid):
        mcp.read_address(text)


def test_an_address_that_is_taken_is_named(store):
    server = mcp.make_server(mcp.MemoryTools(store))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = mcp.Address(host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(adapters.AddressInvalid, match=str(address.port)):
            mcp.serve_http(
                server, address, token=TOKEN, config=settings.MCPConfig(), ready=lambda _: None
            )
