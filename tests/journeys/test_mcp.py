"""`nova mcp` as other agents start it: on the standard streams, and over HTTP."""

import asyncio
import json
import signal
import subprocess
import sys

import httpx2
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

import novacore

pytestmark = pytest.mark.heavy

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


def command(place, *arguments):
    return [sys.executable, "-m", "novacore.cli", "mcp", *arguments]


def stdio(place, *arguments):
    program, *rest = command(place, *arguments)
    return stdio_client(StdioServerParameters(command=program, args=rest, env=place.env))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_remembers_over_the_standard_streams(place, mode):
    async with Client(stdio(place), mode=mode) as client:
        stored = await client.call_tool("store", {"text": "Ada lives in Turin"})
        assert not stored.is_error
    async with Client(stdio(place), mode=mode) as client:
        found = await client.call_tool("recall", {"query": "where does Ada live?"})
    assert found.structured_content["results"][0]["text"] == "Ada lives in Turin"
    with novacore.open(place.data_dir) as store:
        assert store.memories.get(stored.structured_content["id"]).text == "Ada lives in Turin"


def test_the_output_carries_nothing_but_the_protocol(place):
    lines = [json.dumps(HELLO), "this is no JSON", json.dumps({"jsonrpc": "2.0", "method": "x"})]
    told = subprocess.run(
        command(place),
        env=place.env | {"NOVA_DEBUG": "1"},
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    messages = [json.loads(line) for line in told.stdout.splitlines()]
    assert messages
    assert all(message["jsonrpc"] == "2.0" for message in messages)
    assert messages[0]["result"]["serverInfo"]["name"] == "novacore"


def test_a_server_that_is_killed_loses_nothing_that_was_acknowledged(place):
    server = subprocess.Popen(
        command(place), env=place.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(number, method, params):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        server.stdin.write(json.dumps(message) + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())["result"]

    with server:
        ask(0, "initialize", HELLO["params"])
        ids = []
        for n in range(1, 6):
            wanted = {"name": "store", "arguments": {"text": f"fact {n}"}}
            ids.append(ask(n, "tools/call", wanted)["structuredContent"]["id"])
        server.kill()
    with novacore.open(place.data_dir) as store:
        assert [store.memories.get(each).text for each in ids] == [f"fact {n}" for n in range(1, 6)]
        assert store.verify().is_sound


def test_it_is_served_over_http_with_a_token_of_its_own(place):
    server = subprocess.Popen(
        command(place, "--http", "127.0.0.1:0"), env=place.env, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        first = server.stderr.readline()
        url = first.split(" at ")[1].rstrip(".\n")
        path = place.data_dir / "mcp-token"
        token = path.read_text().strip()
        assert path.stat().st_mode & 0o777 == 0o600

        async def use():
            headers = {"Authorization": f"Bearer {token}"}
            async with (
                httpx2.AsyncClient(headers=headers) as web,
                Client(streamable_http_client(url, http_client=web)) as client,
            ):
                await client.call_tool("store", {"text": "Ada sails"})
                return await client.call_tool("recall", {"query": "sails"})

        found = asyncio.run(use())
        assert found.structured_content["results"][0]["text"] == "Ada sails"
        assert httpx2.post(url, json={}).status_code == 401
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=30)
    finally:
        server.kill()
        server.wait()
    assert server.returncode == 0
    assert out == ""
    assert token not in first + err


def test_an_address_that_is_none_is_named_before_anything_is_opened(place):
    told = subprocess.run(
        command(place, "--http", "nonsense"),
        env=place.env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert "'nonsense' is no address" in told.stderr
    assert not place.data_dir.exists()
