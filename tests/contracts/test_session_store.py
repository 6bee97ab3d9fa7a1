"""What the agent and the command line use of a session store; the same on every one of them."""

import asyncio
import inspect
import io

import pytest

from novacore import journal
from novacore.journal import NewEntry


def user(text):
    return {"role": "user", "content": text}


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [(journal.Store, journal.JournalStore), (journal.Session, journal.JournalSession)],
)
def test_a_store_has_what_the_protocol_says_with_the_same_arguments(protocol, kind):
    for name, wanted in inspect.getmembers(protocol, inspect.isfunction):
        if name.startswith("_"):
            continue
        promised = inspect.signature(wanted).parameters
        offered = inspect.signature(getattr(kind, name)).parameters
        assert set(promised) <= set(offered), name
        for each in promised.values():
            assert offered[each.name].kind is each.kind, f"{name}({each.name})"


async def test_a_conversation_is_kept_resumed_forked_and_found(place):
    with place.open() as store:
        assert store.last_session("/w") is None
        session = store.session("talk", workspace="/w")
        await asyncio.wrap_future(session.submit(user("hello")))
        await asyncio.wrap_future(
            session.submit(NewEntry(kind="usage", body={"input_tokens": 3}), expected=1)
        )
        session.append({"role": "assistant", "content": "hi", "tool_calls": None})
        reference = session.put_blob(b"\x00long output\xff")
        branch = session.fork(at=1)
        branch.append(user("another way"))
        place.clock.advance_ms(10)
        session.append(user("bye"))

    again = place.reopen(store) if place.is_durable else None
    if again is None:
        return
    session = again.last_session("/w")
    assert (session.name, session.workspace) == ("talk", "/w")
    transcript = session.open()
    assert [m["content"] for m in transcript.messages] == ["hello", "hi", "bye"]
    assert dict(transcript[1]) == {"role": "assistant", "content": "hi", "tool_calls": None}
    assert [entry.kind for entry in transcript.entries] == [
        "message", "usage", "message", "blob", "message",
    ]  # fmt: skip
    assert transcript.message_positions == [0, 2, 4]
    assert transcript.position == 5
    assert transcript.decode_all() == list(transcript)
    assert session.get_blob(reference) == b"\x00long output\xff"
    assert [m["content"] for m in session.open(1)] == ["hello"]
    branch = again.get_session("talk-2", workspace="/w")
    assert branch.info.parent_id == session.id
    assert [m["content"] for m in branch.messages] == ["hello", "another way"]
    assert [info.name for info in again.list_sessions(workspace="/w")] == ["talk", "talk-2"]
    assert [info.name for info in again.list_sessions(name="-2")] == ["talk-2"]
    assert again.verify().is_sound


@pytest.mark.parametrize("source", ["memory", "sqlite", "json"])
def test_sessions_move_from_any_store_to_any_other(place, source, tmp_path):
    openers = {
        "memory": journal.open_memory,
        "sqlite": lambda: journal.open_store(tmp_path / "from"),
        "json": lambda: journal.open_json(tmp_path / "from"),
    }
    with openers[source]() as store:
        session = store.session("talk", workspace="/w")
        session.append(user("a"), {"role": "user", "n": 10**30, "s": "\ud800", "f": 1.0})
        session.fork(at=1).append(user("b"))
        store.erase(session.id, positions=[0])
        out = io.BytesIO()
        journal.export_store(store, out)
        target = place.open()
        report = journal.import_lines(target, io.BytesIO(out.getvalue()))
        assert report.is_complete
        for info in store.all_sessions():
            digests = [
                journal.transcript_digest(each.get_session(info.id).open())
                for each in (store, target)
            ]
            assert digests[0] == digests[1]
        assert target.verify().is_sound


def test_an_entry_is_found_by_its_id_wherever_it_is(place):
    store = place.open()
    session = store.session("talk")
    session.append(user("a"))
    fork = session.fork()
    fork.append(user("b"))
    ids = [entry.id for entry in fork.open().entries]
    store.erase(fork.id, positions=[1])
    store = place.reopen(store)
    assert [store.find_place(each) for each in ids] == [(session.id, 0), (fork.id, 1)]
    assert store.find_place(session.id) is None
    assert store.for_owner(journal.Scope(owner="other")).find_place(ids[0]) is None
    with pytest.raises(journal.EntryRefused):
        store.find_place("talk")


def test_a_check_refuses_what_an_append_would_and_writes_nothing(store):
    store.check(NewEntry(body=user("a")))
    with pytest.raises(journal.EntryRefused):
        store.check(NewEntry(body={"x": float("nan")}))
    with pytest.raises(journal.EntryRefused, match="32"):
        store.check(NewEntry(body={}, erased_digest=b"short"))
    assert store.all_sessions() == []


def test_a_restored_session_has_the_id_birth_and_parent_it_had(place):
    store = place.open()
    session = store.session("talk")
    session.append(user("a"), user("b"))
    info = journal.SessionInfo(
        id="01890000-0000-7000-8000-000000000001", name="back", workspace="/w",
        created_at_us=7, updated_at_us=9, entries=99, messages=99, parent_id=session.id,
        forked_at=1,
    )  # fmt: skip
    restored = store.restore_session(info)
    assert (restored.id, restored.name, restored.workspace) == (info.id, "back", "/w")
    assert restored.info.created_at_us == 7
    assert [m["content"] for m in restored.open()] == ["a"]
    restored.append(user("c"))
    store = place.reopen(store)
    assert store.restore_session(info).open().position == 2
    assert store.find_session(info.id).info.parent_id == session.id
    assert store.verify().is_sound


def test_a_session_is_not_restored_over_another_one(store):
    session = store.session("talk")
    info = store.session("other").info

    def restore(**fields):
        facts = {
            name: getattr(info, name)
            for name in ("name", "workspace", "created_at_us", "updated_at_us")
        }
        new_id = "01890000-0000-7000-8000-000000000002"
        return store.restore_session(
            journal.SessionInfo(**({"id": new_id, "entries": 0, "messages": 0} | facts | fields))
        )

    with pytest.raises(journal.NameTaken):
        restore(name="talk")
    with pytest.raises(journal.SessionUnknown):
        restore(name="x", parent_id="01890000-0000-7000-8000-000000000009", forked_at=0)
    with pytest.raises(journal.EntryRefused):
        restore(name="x", parent_id=session.id, forked_at=1)
    with pytest.raises(journal.EntryRefused):
        restore(id="no id")
    store.erase(session.id)
    with pytest.raises(journal.SessionUnknown):
        restore(id=session.id, name="x")


def test_a_tombstone_from_elsewhere_is_no_message_and_keeps_its_place(place):
    store = place.open()
    session = store.session("talk")
    gone = NewEntry(
        body={}, id="01890000-0000-7000-8000-000000000003", said_at_us=5, erased_digest=b"d" * 32
    )
    session.append(user("a"), gone, user("b"))
    assert session.append(gone).is_retry
    store = place.reopen(store)
    session = store.session("talk")
    entry = session.open().entries[1]
    assert (entry.is_erased, entry.digest, entry.said_at_us) == (True, b"d" * 32, 5)
    assert [m["content"] for m in session.open()] == ["a", "b"]
    assert session.info.messages == 2
    assert session.open().gaps == [1]
    assert store.verify().is_sound
