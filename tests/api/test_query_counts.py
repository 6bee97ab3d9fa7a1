"""Every list of the API asks the database as often for a thousand rows as for ten."""

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from tests.api.chatting import say, session_of
from tests.api.stage import Person, Stage

from novacore import journal, kit

LISTS = {
    "/api/v1/account/exports": "",
    "/api/v1/admin/users": "limit=100",
    "/api/v1/agents": "",
    "/api/v1/api-keys": "",
    "/api/v1/auth/keys": "",
    "/api/v1/auth/sessions": "",
    "/api/v1/models": "",
    "/api/v1/plans": "",
    "/api/v1/sessions": "limit=100",
    "/api/v1/sessions/{session_id}/messages": "limit=100",
    "/api/v1/store/erasures": "",
    "/api/v1/store/problems": "",
    "/api/v1/usage/history": "days=366",
    "/api/v1/usage/quota": "",
    "/v1/models": "",
}
"""Every route that answers with a list, and how to ask for a long one."""

COPIED = {
    "identity_account": ("id", "email", "email_key"),
    "identity_key": ("id", "digest"),
    "identity_session": ("id",),
    "chat_session": ("id",),
    "billing_daily": ("model",),
    "billing_ledger": ("hold_id",),
}
"""Of which tables rows are copied, and what differs between the copies."""


@pytest.fixture
async def ada(stage: Stage) -> Person:
    """An administrator with one of everything."""
    person = await stage.person(admin=True)
    for path in ("api-keys", "agents"):
        made = await person.client.post(f"/api/v1/{path}", json={"name": "first"})
        assert made.status_code == 201, made.text
    stage.provider.play({"text": "Hello.", "repeat": True})
    await say(person, await session_of(person), "Hello")
    return person


@contextlib.contextmanager
def _counting(stage: Stage) -> Iterator[list[str]]:
    """Under which correlation id each statement is sent: what the server does beside a request
    asks the database too.
    """
    found: list[str] = []
    slowness = stage.platform.database._slowness

    def note(_statement: str, *, took_ms: float) -> None:
        assert took_ms >= 0
        trace = kit.current_trace()
        found.append(trace.correlation_id if trace else "")

    slowness.note = note
    yield found
    del slowness.note


def _copy(stage: Stage, count: int) -> None:
    """Make each row of the tables into so many more."""
    metadata = sqlalchemy.MetaData()
    with stage.platform.database.begin() as connection:
        metadata.reflect(connection, only=list(COPIED))
        for name, unique in COPIED.items():
            table = metadata.tables[name]
            for row in connection.execute(table.select()).mappings().all():
                filled = [column for column in unique if row[column] is not None]
                copies = [
                    {**row, **{column: str(uuid.uuid4()) for column in filled}}
                    for _ in range(count)
                ]
                connection.execute(table.insert(), copies)


def _write(stage: Stage, person: Person, session_id: str, count: int) -> None:
    """Say so much more in a conversation."""
    opened = stage.platform.store_of(person.account_id).get_session(session_id)
    opened.append(
        *(
            journal.NewEntry(body={"role": "user", "content": f"Note {number}"})
            for number in range(count)
        )
    )


async def test_the_lists_that_are_looked_at_are_all_there_are(stage: Stage) -> None:
    document = (await stage.visitor().get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    found: set[str] = set()
    for path, item in document["paths"].items():
        content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        name = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        fields = schemas.get(name.rpartition("/")[2], {}).get("properties", {})
        if any(each.get("type") == "array" for each in fields.values()):
            found.add(path)
    # These tell how the server stands, and hold nothing of anybody.
    assert found - {"/readyz", "/api/v1/status"} == LISTS.keys()


async def test_a_list_of_a_thousand_takes_as_many_queries_as_one_of_ten(
    stage: Stage, ada: Person
) -> None:
    run = stage.app.services.run
    session = (await ada.client.get("/api/v1/sessions")).json()["sessions"][0]["id"]
    # The rows that are there make ten each, then a thousand and more.
    await run(_copy, stage, 9)
    await run(_write, stage, ada, session, 10)
    few = await _counts(stage, ada, session)
    await run(_copy, stage, 100)
    await run(_write, stage, ada, session, 1_000)
    assert await _counts(stage, ada, session) == few


async def _counts(stage: Stage, person: Person, session: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for path, query in LISTS.items():
        place = path.replace("{session_id}", session)
        # The first request fills what is remembered of the account.
        for _ in range(2):
            with _counting(stage) as ids:
                answer: Any = await person.client.get(f"{place}?{query}")
        assert answer.status_code == 200, (path, answer.text)
        counts[path] = ids.count(answer.headers["x-correlation-id"])
    assert sum(counts.values()) > len(counts)
    return counts
