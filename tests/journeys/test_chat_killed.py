"""kill -9 of the server in mid-stream: nothing that had arrived is lost, free or double."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy
from tests.journeys.web_server import WebServer
from tests.scripted_provider import ScriptedProvider

from novacore import bootstrap, settings

PATIENCE_S = 60
SETTINGS = {
    "NOVA_BILLING_HOLD_LEASE_S": "3600",
    "NOVA_CHAT_TITLES": "false",
    "NOVA_TIERS_PROJECTOR": "off",
}


def ledger_of(server: WebServer) -> list[dict[str, Any]]:
    chosen = settings.load(
        env={}, overrides={"data_dir": str(server.data_dir)}, workspace=server.data_dir
    )
    opened = bootstrap.open_database(chosen)
    try:
        with opened.read() as connection:
            found = connection.execute(sqlalchemy.text("SELECT * FROM billing_ledger")).mappings()
            return [dict(each) for each in found]
    finally:
        opened.close()


def follow(client: httpx.Client, path: str, seen: list[str], half: threading.Event) -> None:
    """Read a stream until it ends or the server is gone."""
    try:
        with client.stream("POST", path, json={"text": "Tell me"}) as answer:
            for line in answer.iter_lines():
                seen.append(line)
                if "half" in line:
                    half.set()
    except httpx.HTTPError:
        half.set()


@pytest.mark.heavy
def test_a_server_killed_in_mid_stream_keeps_the_half_answer_and_counts_it_once(
    tmp_path: Path,
) -> None:
    with ScriptedProvider() as provider:
        provider.play({"text": ["half ", "of it ", "never"], "hang_after": 3}, {"text": "whole"})
        first = WebServer(tmp_path, provider, **SETTINGS)
        key = first.nova("users", "create", "ada@example.org", "--api-key").split()[-1]
        headers = {"Authorization": f"Bearer {key}"}
        seen: list[str] = []
        half = threading.Event()
        with httpx.Client(base_url=first.url, headers=headers, timeout=PATIENCE_S) as client:
            session = client.post("/api/v1/sessions", json={}).json()["id"]
            path = f"/api/v1/sessions/{session}/turns"
            reading = threading.Thread(target=follow, args=(client, path, seen, half))
            reading.start()
            assert half.wait(PATIENCE_S)
            # The copy that survives is written a moment after what is shown.
            logs = first.data_dir / "streams"
            ends = threading.Event()
            for _ in range(600):
                if any("half" in each.read_text() for each in logs.glob("*.stream")):
                    break
                ends.wait(0.1)
            first.kill()
            reading.join(PATIENCE_S)
        first.stop()
        start = next(json.loads(each[6:]) for each in seen if each.startswith('data: {"stream"'))
        assert ledger_of(first) == []
        second = WebServer(tmp_path, provider, **SETTINGS)
        try:
            with httpx.Client(base_url=second.url, headers=headers, timeout=PATIENCE_S) as client:
                resumed = client.get(f"/api/v1/streams/{start['stream']}").text
                assert "half " in resumed
                assert resumed.count("event: error") == 1
                assert "event: done" not in resumed
                got = client.get(f"/api/v1/sessions/{session}/messages").json()["messages"]
                assert [(each["role"], each["is_partial"]) for each in got] == [
                    ("user", False),
                    ("assistant", True),
                ]
                assert got[1]["text"].startswith("half ")
                listed = client.get("/api/v1/sessions").json()["sessions"]
                assert [each["active_stream"] for each in listed] == [None]
                again = client.post(path, json={"text": "Go on"}).text
                assert "whole" in again
        finally:
            second.stop()
        rows = ledger_of(second)
        assert [(each["source"], each["outcome"]) for each in rows] == [
            ("estimate", "expired"),
            ("provider", "done"),
        ]
