"""How tests of chat speak, read streams, and look at what is kept and counted."""

import asyncio
import json
from typing import Any

from tests.api.stage import Person, Stage

from novacore import journal

Event = tuple[int, str, Any]


def events_of(text: str) -> list[Event]:
    """The events of a stream."""
    found: list[Event] = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":")
        )
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def named(events: list[Event], name: str) -> list[Any]:
    """What the events of a name say."""
    return [data for _, each, data in events if each == name]


def text_of(events: list[Event]) -> str:
    """The answer as far as it was streamed."""
    return "".join(each["text"] for each in named(events, "delta"))


async def session_of(person: Person, **body: Any) -> str:
    """A fresh conversation."""
    made = await person.client.post("/api/v1/sessions", json=body)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def say(person: Person, session: str, text: str, **more: Any) -> list[Event]:
    """One turn; its events once it has ended."""
    headers = more.pop("headers", {})
    answer = await person.client.post(
        f"/api/v1/sessions/{session}/turns", json={"text": text, **more}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return events_of(answer.text)


async def messages_of(person: Person, session: str, **query: Any) -> list[dict[str, Any]]:
    """The messages of a conversation."""
    answer = await person.client.get(f"/api/v1/sessions/{session}/messages", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["messages"]


async def said_in(person: Person, session: str) -> list[tuple[str, str]]:
    """Who said what."""
    return [(each["role"], each["text"]) for each in await messages_of(person, session)]


def _entries(stage: Stage, account: str) -> list[journal.Entry]:
    return stage.platform.store_of(account).read(limit=10_000)


async def entries_of(stage: Stage, person: Person) -> list[journal.Entry]:
    """Everything that the journal has of an account."""
    return await asyncio.to_thread(_entries, stage, person.account_id)


async def usages_of(stage: Stage, person: Person, purpose: str = "chat") -> list[dict[str, Any]]:
    """What the journal says that calls cost."""
    found = [dict(each.body) for each in await entries_of(stage, person) if each.kind == "usage"]
    return [each for each in found if each["purpose"] == purpose]


async def counted(stage: Stage, person: Person) -> int:
    """How many tokens the ledger has of an account, today."""
    await asyncio.to_thread(stage.platform.metering.feed.drain)
    quota = await asyncio.to_thread(stage.platform.billing.quota, person.account_id)
    return quota.of("tokens").used


async def is_idle(stage: Stage, person: Person, session: str) -> None:
    """Wait until nothing answers in a conversation."""
    async with asyncio.timeout(60):
        while True:
            got = await person.client.get(f"/api/v1/sessions/{session}")
            if got.json()["active_stream"] is None:
                return
            await asyncio.sleep(0.02)


async def event_named(stage: Stage, person: Person, stream: str, name: str) -> None:
    """Wait until a stream has an event of this name."""
    async with asyncio.timeout(60):
        async for events in stage.platform.chat.follow(person.account_id, stream):
            if any(event.name == name for event in events):
                return
