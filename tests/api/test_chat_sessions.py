"""Conversations over HTTP: found, changed, forked, exported, deleted, and nobody else's."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from tests.api.chatting import counted, entries_of, messages_of, said_in, say, session_of, usages_of
from tests.api.stage import Person, Stage

from novacore import journal

PATH = "/api/v1/sessions"


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"NOVA_CHAT_TITLES": "false"}


@pytest.fixture
async def ada(stage: Stage) -> Person:
    return await stage.person()


async def listed(person: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await person.client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["sessions"]


async def talk(stage: Stage, person: Person, *texts: str) -> str:
    """A conversation of these questions, each answered with its own words."""
    session = await session_of(person)
    for text in texts:
        stage.provider.play({"text": f"You said {text}"})
        await say(person, session, text, memory=False)
    return session


async def test_a_conversation_is_named_pinned_archived_and_found(stage: Stage, ada: Person) -> None:
    first = await talk(stage, ada, "Where do tulips grow?")
    second = await session_of(ada, title="Straße nach Rom")
    assert [each["id"] for each in await listed(ada)] == [second, first]
    pinned = await ada.client.patch(f"{PATH}/{first}", json={"is_pinned": True})
    assert pinned.json()["is_pinned"]
    assert [each["id"] for each in await listed(ada)] == [first, second]
    named = await ada.client.patch(f"{PATH}/{first}", json={"title": "Flowers"})
    assert (named.json()["title"], named.json()["title_by"]) == ("Flowers", "person")
    assert [each["id"] for each in await listed(ada, query="STRASSE")] == [second]
    assert [each["id"] for each in await listed(ada, query="tulips")] == [first]
    await ada.client.patch(f"{PATH}/{second}", json={"is_archived": True})
    assert [each["id"] for each in await listed(ada)] == [first]
    assert [each["id"] for each in await listed(ada, archived=True)] == [second]


async def test_pages_follow_each_other(stage: Stage, ada: Person) -> None:
    for number in range(12):
        await session_of(ada, title=f"{number % 3}")
    made = [each["id"] for each in await listed(ada)]
    await ada.client.patch(f"{PATH}/{made[5]}", json={"is_pinned": True})
    wanted = [made[5], *(each for each in made if each != made[5])]
    for limit in (1, 5, 12):
        found: list[str] = []
        query: dict[str, Any] = {"limit": limit}
        while True:
            page = (await ada.client.get(PATH, params=query)).json()
            found += [each["id"] for each in page["sessions"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert found == wanted
    wrong = await ada.client.get(PATH, params={"cursor": "abc"})
    assert wrong.status_code == 404
    assert wrong.json()["error"]["code"] == "cursor_invalid"


async def test_a_list_of_twenty_takes_as_many_queries_as_one_of_two(
    stage: Stage, ada: Person
) -> None:
    counts: list[int] = []
    for more in (2, 18):
        for _ in range(more):
            await session_of(ada, title="x")
        with Counting(stage) as queries:
            assert len(await listed(ada)) == sum((2, 18)[: len(counts) + 1])
        counts.append(len(queries))
    assert counts == [1, 1]


class Counting:
    """The statements that the business database is sent."""

    def __init__(self, stage: Stage) -> None:
        # Whoever sends a statement, by SQLAlchemy or past it, has its time noted here.
        self._slowness = stage.platform.database._slowness
        self.found: list[str] = []

    def _note(self, statement: str, *, took_ms: float) -> None:
        assert took_ms >= 0
        if "chat_session" in statement:
            self.found.append(statement)

    def __enter__(self) -> list[str]:
        self._slowness.note = self._note
        return self.found

    def __exit__(self, *_: object) -> None:
        del self._slowness.note


async def test_messages_come_in_pages_oldest_first(stage: Stage, ada: Person) -> None:
    session = await talk(stage, ada, "one", "two", "three")
    newest = (await ada.client.get(f"{PATH}/{session}/messages", params={"limit": 4})).json()
    assert [each["text"] for each in newest["messages"]][::2] == ["two", "three"]
    assert newest["has_more"]
    before = newest["messages"][0]["position"]
    older = (await ada.client.get(f"{PATH}/{session}/messages", params={"before": before})).json()
    assert [each["text"] for each in older["messages"]] == ["one", "You said one"]
    assert not older["has_more"]


async def test_a_fork_goes_on_by_itself(stage: Stage, ada: Person) -> None:
    session = await talk(stage, ada, "one", "two")
    position = (await messages_of(ada, session))[2]["position"]
    forked = await ada.client.post(f"{PATH}/{session}/fork", json={"at": position})
    assert forked.status_code == 201, forked.text
    fork = forked.json()["id"]
    stage.provider.play({"text": "Another way"})
    await say(ada, fork, "else")
    assert [each[1] for each in await said_in(ada, fork)] == [
        "one", "You said one", "else", "Another way",
    ]  # fmt: skip
    assert [each[1] for each in await said_in(ada, session)][2:] == ["two", "You said two"]
    far = await ada.client.post(f"{PATH}/{session}/fork", json={"at": 10_000})
    assert far.status_code == 404


async def test_rewinding_goes_on_from_an_earlier_place_and_loses_nothing(
    stage: Stage, ada: Person
) -> None:
    session = await talk(stage, ada, "one", "two")
    await ada.client.patch(f"{PATH}/{session}", json={"title": "Plan", "is_pinned": True})
    position = (await messages_of(ada, session))[2]["position"]
    rewound = (await ada.client.post(f"{PATH}/{session}/rewind", json={"at": position})).json()
    assert (rewound["title"], rewound["is_pinned"]) == ("Plan", True)
    assert [each[1] for each in await said_in(ada, rewound["id"])] == ["one", "You said one"]
    assert [each["id"] for each in await listed(ada)] == [rewound["id"]]
    assert [each["id"] for each in await listed(ada, archived=True)] == [session]
    assert len(await said_in(ada, session)) == 4


async def test_an_export_holds_every_word(stage: Stage, ada: Person, tmp_path: Any) -> None:
    session = await talk(stage, ada, "one", "two\n\n# three")
    await ada.client.patch(f"{PATH}/{session}", json={"title": "Ünï"})
    got = {
        each: await ada.client.get(f"{PATH}/{session}/export", params={"format": each})
        for each in ("jsonl", "markdown", "json")
    }
    assert all("attachment" in each.headers["content-disposition"] for each in got.values())
    assert got["markdown"].text.startswith("# Ünï\n")
    assert "two\n\n# three" in got["markdown"].text
    told = json.loads(got["json"].text)
    assert told["messages"][0]["message"]["content"] == "one"
    exported = await asyncio.to_thread(imported, got["jsonl"].content, tmp_path / "a.jsonl")
    assert exported == [each["message"] for each in await messages_of(ada, session)]


def imported(data: bytes, path: Any) -> list[dict[str, Any]]:
    """The messages of an export, read back into a fresh journal."""
    path.write_bytes(data)
    with journal.open_memory() as store:
        journal.import_lines(store, path)
        (info,) = store.all_sessions()
        return [dict(each) for each in store.get_session(info.id).messages]


async def test_feedback_stands_beside_its_answer(stage: Stage, ada: Person) -> None:
    session = await talk(stage, ada, "one")
    question, answer = [each["position"] for each in await messages_of(ada, session)]
    place = f"{PATH}/{session}/messages"
    given = {"rating": "up", "comment": "Good"}
    assert (await ada.client.put(f"{place}/{answer}/feedback", json=given)).status_code == 204
    assert (await messages_of(ada, session))[1]["feedback"] == given
    kinds = [each.kind for each in await entries_of(stage, ada)]
    assert kinds.count("feedback") == 1
    nothing = {"rating": None}
    assert (await ada.client.put(f"{place}/{answer}/feedback", json=nothing)).status_code == 204
    assert (await messages_of(ada, session))[1]["feedback"] is None
    for wrong in (question, 999):
        refused = await ada.client.put(f"{place}/{wrong}/feedback", json=given)
        assert refused.status_code == 404


async def test_a_deleted_conversation_is_gone_and_what_it_cost_is_not(
    stage: Stage, ada: Person
) -> None:
    session = await talk(stage, ada, "The code is xyzzy", "Again")
    before = await counted(stage, ada)
    assert (await ada.client.delete(f"{PATH}/{session}")).status_code == 204
    assert await listed(ada) == []
    for path in ("", "/messages", "/export"):
        assert (await ada.client.get(f"{PATH}/{session}{path}")).status_code == 404
    assert "xyzzy" not in str([each.body for each in await entries_of(stage, ada)])
    assert await counted(stage, ada) == before > 0
    assert len(await usages_of(stage, ada)) == 2
    assert await listed(ada, query="xyzzy") == []
    streams = [each.session for each in await stage.platform.chat.streams.heads()]
    assert session not in streams
    # The journal is read again from its start: what is left of it brings nothing back.
    observer = stage.platform.metering.feed.observer
    await asyncio.to_thread(observer, await entries_of(stage, ada))
    assert await listed(ada) == []


async def test_what_a_fork_still_shows_stays_until_the_fork_goes(stage: Stage, ada: Person) -> None:
    session = await talk(stage, ada, "shared words", "own words")
    position = (await messages_of(ada, session))[2]["position"]
    fork = (await ada.client.post(f"{PATH}/{session}/fork", json={"at": position})).json()["id"]
    await ada.client.delete(f"{PATH}/{session}")
    assert [each[1] for each in await said_in(ada, fork)] == [
        "shared words", "You said shared words",
    ]  # fmt: skip
    assert "own words" not in str([each.body for each in await entries_of(stage, ada)])
    await ada.client.delete(f"{PATH}/{fork}")
    assert "shared words" not in str([each.body for each in await entries_of(stage, ada)])


async def test_the_list_can_be_made_again_from_the_journal(stage: Stage, ada: Person) -> None:
    first = await talk(stage, ada, "one")
    await ada.client.patch(f"{PATH}/{first}", json={"title": "Kept", "is_pinned": True})
    before = await listed(ada)
    database = stage.platform.database

    def forget() -> None:
        with database.begin() as connection:
            connection.execute(sqlalchemy.text("DELETE FROM chat_session"))

    await asyncio.to_thread(forget)
    await asyncio.to_thread(stage.platform.metering.feed.observer, await entries_of(stage, ada))
    assert await listed(ada) == before


async def test_a_conversation_from_elsewhere_is_listed_too(stage: Stage, ada: Person) -> None:
    def elsewhere() -> None:
        store = stage.platform.store_of(ada.account_id)
        session = store.session("my project", workspace="/home/ada/code")
        session.append({"role": "user", "content": "from the terminal"})
        stage.platform.metering.feed.drain()

    await asyncio.to_thread(elsewhere)
    (found,) = await listed(ada)
    assert (found["title"], found["messages"]) == ("my project", 1)
    stage.provider.play({"text": "welcome"})
    await say(ada, found["id"], "from the browser")
    assert len(await said_in(ada, found["id"])) == 3


def routes_of_one(session: str, stream: str) -> Iterator[tuple[str, str, Any]]:
    """Every route that names a session or a stream."""
    one = f"{PATH}/{session}"
    yield "GET", one, None
    yield "PATCH", one, {"title": "mine"}
    yield "GET", f"{one}/messages", None
    yield "POST", f"{one}/fork", {"at": 1}
    yield "POST", f"{one}/rewind", {"at": 1}
    yield "GET", f"{one}/export", None
    yield "PUT", f"{one}/messages/1/feedback", {"rating": "up"}
    yield "POST", f"{one}/turns", {"text": "hello"}
    yield "DELETE", one, None
    yield "GET", f"/api/v1/streams/{stream}", None
    yield "POST", f"/api/v1/streams/{stream}/stop", None


async def test_another_accounts_conversation_is_as_if_there_were_none(
    stage: Stage, ada: Person
) -> None:
    session = await session_of(ada, title="private")
    stage.provider.play({"text": "ok"})
    events = await say(ada, session, "secret")
    mallory = await stage.person()
    before = [each.id for each in await entries_of(stage, ada)]
    tried = list(routes_of_one(session, events[0][2]["stream"]))
    known = {
        (method.upper(), path)
        for path, methods in stage.app.api.openapi()["paths"].items()
        for method in methods
        if path.startswith((f"{PATH}/{{", "/api/v1/streams/{"))
    }
    assert len(tried) == len(known)
    nobody = "01a201f2-486a-73a3-85a8-bf6461cf74e4"
    for asked, unknown in zip(tried, routes_of_one(nobody, "x" * 24), strict=True):
        theirs = await mallory.client.request(asked[0], asked[1], json=asked[2])
        none = await ada.client.request(unknown[0], unknown[1], json=unknown[2])
        assert theirs.status_code == none.status_code == 404, asked
        told = [each.json()["error"]["message"] for each in (theirs, none)]
        assert told[0] == told[1]
    assert [each.id for each in await entries_of(stage, ada)] == before
    assert await listed(mallory) == []
