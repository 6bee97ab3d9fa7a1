"""Turns over HTTP, with a scripted model behind them: the answer, its words kept, counted once."""

import json
from typing import Any

import pytest
from tests.api.stage import Person, Stage


def events_of(text: str) -> list[tuple[int, str, Any]]:
    """The events of a stream."""
    found: list[tuple[int, str, Any]] = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":")
        )
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


async def session_of(person: Person, **body: Any) -> str:
    made = await person.client.post("/api/v1/sessions", json=body)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def say(person: Person, session: str, text: str, **more: Any) -> list[tuple[int, str, Any]]:
    headers = more.pop("headers", {})
    answer = await person.client.post(
        f"/api/v1/sessions/{session}/turns", json={"text": text, **more}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return events_of(answer.text)


def named(events: list[tuple[int, str, Any]], name: str) -> list[Any]:
    return [data for _, each, data in events if each == name]


@pytest.fixture
async def ada(stage: Stage) -> Person:
    return await stage.person()


async def test_an_answer_streams_is_kept_and_counted_once(stage: Stage, ada: Person) -> None:
    stage.provider.play(
        {"text": ["Hel", "lo!"], "usage": {"input": 11, "output": 3}}, {"text": "Greetings"}
    )
    session = await session_of(ada)
    events = await say(ada, session, "Good\nmorning <b>you</b>")
    assert [each[0] for each in events] == sorted({each[0] for each in events})
    assert events[0][1] == "start"
    assert "".join(each["text"] for each in named(events, "delta")) == "Hello!"
    (done,) = named(events, "done")
    assert events[-1][1] == "done"
    assert done["usage"] == {"input_tokens": 11, "output_tokens": 3}
    got = (await ada.client.get(f"/api/v1/sessions/{session}/messages")).json()
    assert [(each["role"], each["text"]) for each in got["messages"]] == [
        ("user", "Good\nmorning <b>you</b>"),
        ("assistant", "Hello!"),
    ]
    assert got["messages"][1]["position"] == done["position"]
