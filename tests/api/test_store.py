"""A store on a server, by the key of an account: `novacore.connect` against the whole app."""

import asyncio
import contextlib
import dataclasses
import functools
import socket

import pytest
import uvicorn

import novacore
from novacore import journal, memory, remote


def said(text):
    return {"role": "user", "content": text}


@pytest.fixture
async def url(stage):
    """The app on a loopback socket."""
    server = uvicorn.Server(uvicorn.Config(stage.app, log_level="error", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def connected(stage, url):
    """Opens the store of a person, in a thread as whoever uses it does."""
    with contextlib.ExitStack() as closing:

        async def connect(person, **options):
            key = await stage.key_of(person, **options)
            store = await asyncio.to_thread(novacore.connect, url, key)
            closing.callback(store.close)
            return store

        yield connect
        await asyncio.to_thread(closing.close)


async def test_a_key_opens_the_sessions_memories_and_recall_of_its_account(stage, connected):
    anna, bert = await stage.person(), await stage.person()
    hers, his = await connected(anna), await connected(bert)

    def use():
        hers.session("plans", workspace="/w").append(said("The harbour tour is on Friday at nine."))
        hers.memories.create("Anna is allergic to nuts", term="long")
        return (
            hers.recall("when is the harbour tour?")[0],
            hers.recall("what is Anna allergic to?", kind="memory")[0],
            hers.open_context("plans", parts=("history", "working_memory"), deadline_ms=5_000),
            [info.name for info in his.list_sessions()],
            his.recall("harbour tour"),
        )

    tour, allergy, context, his_sessions, his_hits = await asyncio.to_thread(use)
    assert tour.message == said("The harbour tour is on Friday at nine.")
    assert (tour.session, tour.session.workspace, tour.position) == ("plans", "/w", 0)
    assert allergy.message["text"] == "Anna is allergic to nuts"
    assert [dict(each) for each in context.history] == [dict(tour.message)]
    assert [dict(each) for each in context.working_memory] == [dict(tour.message)]
    assert context.missing == {}
    assert (his_sessions, his_hits) == ([], [])
    assert hers.scope.owner == anna.account_id


async def test_a_hit_is_the_same_from_here_and_from_the_server(stage, connected):
    person = await stage.person()
    store = await connected(person)
    message = {"role": "user", "content": "odd tea \ud83d", "n": 2**70, "f": 1.0, "k\udc00": None}

    def use():
        store.session("odd").append(said("before"), message, said("after"))
        return store.recall("odd tea", neighbours=1)

    found = await asyncio.to_thread(use)
    local = stage.platform.store_of(person.account_id)
    there = await stage.app.services.run(functools.partial(local.recall, "odd tea", neighbours=1))
    # Scores age by the clock: everything else is the same to the last bit.
    alike = [dataclasses.replace(each, score=0.0, parts={}) for each in found]
    assert alike == [dataclasses.replace(each, score=0.0, parts={}) for each in there]
    assert [each.score for each in found] == pytest.approx([each.score for each in there])
    assert [each.parts.keys() for each in found] == [each.parts.keys() for each in there]
    assert message in [dict(each.message) for each in found]
    assert [each.session.id for each in found] == [each.session.id for each in there]


@pytest.mark.parametrize(
    ("key", "expected"),
    [("nova_wrong", remote.KeyRefused), ("two words", remote.KeyRefused)],
)
async def test_a_wrong_key_opens_nothing(url, key, expected):
    with pytest.raises(expected):
        await asyncio.to_thread(novacore.connect, url, key)


async def test_a_key_without_the_scope_of_memory_opens_nothing(stage, connected):
    with pytest.raises(remote.AccessRefused, match="memory"):
        await connected(await stage.person(), scopes=["usage"])


async def test_refusals_have_the_class_and_facts_that_they_have_here(stage, connected):
    store = await connected(await stage.person())

    def use():
        session = store.session("talk")
        session.append(said("a"))
        with pytest.raises(journal.PositionConflict) as conflict:
            session.append(said("b"), expected=7)
        with pytest.raises(memory.QueryRefused):
            store.recall("  ")
        with pytest.raises(journal.SessionUnknown) as unknown:
            store.recall("a", session="nobody")
        with pytest.raises(remote.AccessRefused):
            store.for_owner(journal.Scope(owner="other"))
        return session, conflict.value, unknown.value

    session, conflict, unknown = await asyncio.to_thread(use)
    facts = (conflict.session_id, conflict.expected, conflict.actual)
    assert facts == (session.id, 7, 1)
    assert unknown.name == "nobody"


async def test_what_calls_cost_can_neither_be_forged_nor_taken_back(stage, connected):
    person = await stage.person()
    store = await connected(person)
    forged = journal.NewEntry(kind="usage", body={"hold": "h", "account": person.account_id})
    noted = journal.NewEntry(kind="usage", body={"input_tokens": 3})

    def of_server():
        own = stage.platform.store_of(person.account_id)
        own.session("talk").append(noted, forged)
        own.session("usage/2026-11-22", workspace="usage").append(forged)

    def use():
        with pytest.raises(journal.EntryRefused, match="server"):
            store.session("talk").append(said("a"), forged)
        assert store.session("talk").open().position == 2
        with pytest.raises(journal.EntryRefused):
            store.erase("talk", positions=[1])
        with pytest.raises(journal.EntryRefused):
            store.erase("usage/2026-11-22")
        return store.erase("talk", positions=[0])

    await stage.app.services.run(of_server)
    assert await asyncio.to_thread(use) == 1


async def test_a_request_over_the_servers_limit_is_refused_and_the_limit_named(stage, connected):
    store = await connected(await stage.person())

    def use():
        session = store.session("talk")
        with pytest.raises(journal.EntryRefused, match="10,000,000"):
            session.append(said("x" * 11_000_000))
        done = session.append(said("x" * 3_000_000))
        return done.positions, session.open()[0]

    positions, message = await asyncio.to_thread(use)
    assert positions == (0,)
    assert message == said("x" * 3_000_000)


async def test_a_full_plan_takes_no_more_and_says_so(stage, connected):
    person = await stage.person()
    store = await connected(person)
    plans = stage.platform.billing

    def fill():
        plans.set_limits(person.account_id, storage_bytes=1_000)
        plans.record_storage(person.account_id, 900)

    def use():
        session = store.session("talk")
        session.append(said("short"))
        with pytest.raises(journal.EntryRefused, match="900 of the plan's 1,000 bytes"):
            session.append(said("long" * 100))
        return session.open().position

    await stage.app.services.run(fill)
    assert await asyncio.to_thread(use) == 1


ODD = (
    5, None, [], "text", {}, {"title": 7}, {"title": None, "is_pinned": "x"}, {"model": ["m"]},
    {"is_deleted": 1}, {"title": "t" * 100_000}, {"title": "\ud800"}, {"state": {"a": 1}},
)  # fmt: skip


async def test_odd_entries_of_one_account_stop_nothing_for_the_others(stage, connected):
    odd, other = await stage.person(), await stage.person()
    store = await connected(odd)

    def write():
        kinds = ("state", "usage", "message", "memory", "feedback", "view", "repair")
        entries = [
            journal.NewEntry(kind=kind, body=body)
            for kind in kinds
            for odd_one in ODD
            for body in (
                {"chat": odd_one},
                {"feedback": odd_one, "role": odd_one, "content": odd_one},
                odd_one if isinstance(odd_one, dict) else {},
            )
        ]
        for workspace in ("chat", "nul\0", "usage", "memory"):
            store.session("odd\0", workspace=workspace).append(*entries)

    await asyncio.to_thread(write)
    run = stage.app.services.run
    await run(stage.platform.metering.feed.drain)
    assert stage.platform.metering.feed.problem == ""
    stage.provider.play({"text": "still here"})
    answer = await other.client.post("/v1/chat/completions", json={
        "model": "default", "messages": [said("hello")],
    })  # fmt: skip
    assert answer.status_code == 200, answer.text
    await stage.platform.metering.flush()
    await run(stage.platform.metering.feed.drain)
    used = await run(stage.platform.billing.quota, other.account_id)
    assert used.of("tokens").used > 0
    for client in (odd.client, other.client):
        listed = await client.get("/api/v1/sessions")
        assert listed.status_code == 200, listed.text
    for told in (await odd.client.get("/api/v1/sessions")).json()["sessions"]:
        shown = await odd.client.get(f"/api/v1/sessions/{told['id']}/messages")
        assert shown.status_code == 200, shown.text
    assert isinstance(await asyncio.to_thread(store.recall, "text"), list)
