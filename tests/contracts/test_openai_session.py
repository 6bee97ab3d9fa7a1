"""The session for openai-agents on the journal, on every engine."""

import asyncio

import pytest
from agents.memory import Session, SessionSettings, SQLiteSession

from novacore import journal
from novacore.adapters.openai_agents import JournalSession

SAID = {"role": "user", "content": "ä 漢 😀"}
ITEMS = [
    SAID,
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x==", "odd": None},
    {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a": 1}'},
    {"type": "function_call_output", "call_id": "c1", "output": "2"},
    {"type": "message", "role": "assistant", "id": "m1", "status": "completed",
     "content": [{"type": "output_text", "text": "two", "annotations": [], "logprobs": []}]},
]  # fmt: skip


def said(count, start=0):
    return [{"role": "user", "content": str(n)} for n in range(start, start + count)]


@pytest.fixture
def talk(store):
    return JournalSession("talk", store)


def test_it_is_a_session(talk):
    assert isinstance(talk, Session)


async def test_items_come_back_equal_in_order_also_after_a_restart(place):
    store = place.open()
    await JournalSession("talk", store).add_items(ITEMS)
    again = JournalSession("talk", place.reopen(store))
    assert await again.get_items() == ITEMS


async def test_a_limit_gives_the_newest_items(store):
    talk = JournalSession("talk", store, session_settings=SessionSettings(limit=3))
    await talk.add_items(said(10))
    assert await talk.get_items() == said(3, 7)
    assert await talk.get_items(limit=2) == said(2, 8)
    assert await talk.get_items(limit=0) == []
    assert await talk.get_items(limit=99) == said(10)


async def test_popping_takes_the_newest_and_the_journal_still_has_it(talk, store):
    await talk.add_items(said(4))
    assert [await talk.pop_item() for _ in range(2)] == [said(1, 3)[0], said(1, 2)[0]]
    await talk.add_items(said(1, 9))
    for session in (talk, JournalSession("talk", store)):
        assert await session.get_items() == [*said(2), *said(1, 9)]
    kept = store.session("talk", workspace="openai-agents").messages
    assert [dict(each) for each in kept] == [*said(4), *said(1, 9)]
    assert store.verify().is_sound


async def test_popping_an_empty_session_gives_nothing_and_writes_nothing(talk, store):
    assert await talk.pop_item() is None
    await talk.clear_session()
    assert store.session("talk", workspace="openai-agents").info.entries == 0


async def test_clearing_hides_all_that_was_and_nothing_that_comes(talk, store):
    await talk.add_items(said(300))
    await talk.clear_session()
    assert await talk.get_items() == []
    assert await talk.pop_item() is None
    await talk.add_items(ITEMS)
    for session in (talk, JournalSession("talk", store)):
        assert await session.get_items() == ITEMS
    assert store.session("talk", workspace="openai-agents").info.entries == 301 + len(ITEMS)


async def test_popping_and_clearing_cost_one_entry_each(talk, store):
    await talk.add_items(said(400))
    for _ in range(20):
        await talk.pop_item()
    await talk.clear_session()
    assert store.session("talk", workspace="openai-agents").info.entries == 400 + 20 + 1


async def test_many_add_and_pop_at_once_and_nothing_is_taken_twice(store):
    talks = [JournalSession("talk", store) for _ in range(4)]
    await asyncio.gather(*(talks[n % 4].add_items(said(1, n)) for n in range(24)))
    popped = await asyncio.gather(*(talks[n % 4].pop_item() for n in range(10)))
    left = await talks[0].get_items()
    assert sorted(int(each["content"]) for each in [*popped, *left]) == list(range(24))


async def test_it_does_what_their_own_session_does(talk):
    theirs = SQLiteSession("talk")
    for session in (talk, theirs):
        await session.add_items([ITEMS[0], *ITEMS[2:]])
        await session.pop_item()
        await session.add_items(said(3))
    assert await talk.get_items() == await theirs.get_items()
    assert await talk.get_items(2) == await theirs.get_items(2)
    theirs.close()


async def test_what_was_said_is_a_message_and_calls_are_not(talk, store):
    await talk.add_items(ITEMS)
    session = store.session("talk", workspace="openai-agents")
    assert [dict(each) for each in session.messages] == [ITEMS[0], ITEMS[4]]
    assert [entry.actor for entry in session.open().entries] == ["user", "", "", "", "assistant"]


async def test_an_erased_item_is_gone_and_an_erased_session_begins_anew(talk, store):
    await talk.add_items(said(3))
    session = store.session("talk", workspace="openai-agents")
    store.erase(session.id, positions=[2])
    assert await talk.get_items() == said(2)
    assert await talk.pop_item() == said(1, 1)[0]
    store.erase(session.id)
    assert await talk.get_items() == []
    await talk.add_items(said(1, 7))
    assert await JournalSession("talk", store).get_items() == said(1, 7)


async def test_what_json_cannot_hold_is_refused_and_nothing_is_added(talk):
    with pytest.raises(journal.EntryRefused, match="content"):
        await talk.add_items([*said(1), {"role": "user", "content": b"bytes"}])
    assert await talk.get_items() == []


async def test_sessions_of_other_names_workspaces_and_owners_are_others(store):
    await JournalSession("a", store).add_items(said(1))
    other = store.for_owner(journal.Scope(owner="other"))
    for session in (
        JournalSession("b", store),
        JournalSession("a", store, workspace="mine"),
        JournalSession("a", other),
    ):
        assert await session.get_items() == []
