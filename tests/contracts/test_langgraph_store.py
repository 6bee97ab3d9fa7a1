"""LangGraph's long-term store on the journal, on every engine."""

import asyncio
import math

import pytest
from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    PutOp,
    SearchOp,
)

from novacore import adapters, journal
from novacore.adapters.langgraph import JournalStore

MINUTE_MS = 60_000
FILES = ("sqlite", "sqlite-sealing", "json")
"""The engines whose every byte is in the folder: where a deleted text can be looked for."""
TOPICS = ("fruit", "music", "weather")


def embed(texts):
    """A vector that counts words of each topic: enough to tell what is near."""
    words = {
        "fruit": {"fig", "figs", "apple", "pear", "fruit"},
        "music": {"song", "violin", "music"},
        "weather": {"rain", "sun", "weather"},
    }

    def count(text, topic):
        return sum(word.strip('.,"{}:') in words[topic] for word in text.split())

    return [[count(text, topic) + 0.01 for topic in TOPICS] for text in texts]


@pytest.fixture
def items(store):
    return JournalStore(store)


@pytest.fixture
def timed(place, store):
    return JournalStore(store, ttl={"default_ttl": 10}, clock=place.clock)


def keys(found):
    return [each.key for each in found]


def test_what_was_put_comes_back_also_after_a_restart(place):
    store = place.open()
    value = {"text": "ä 漢", "n": 1, "deep": {"a": [1, 2.5, None, True]}, "big": 2**70}
    JournalStore(store).put(("users", "ada"), "prefs", value)
    found = JournalStore(place.reopen(store)).get(("users", "ada"), "prefs")
    assert (found.value, found.key, found.namespace) == (value, "prefs", ("users", "ada"))
    assert found.created_at == found.updated_at


def test_putting_again_replaces_and_keeps_the_birth(place, items):
    items.put(("a",), "k", {"n": 1})
    first = items.get(("a",), "k")
    place.clock.advance_ms(1)
    items.put(("a",), "k", {"n": 2})
    second = items.get(("a",), "k")
    assert second.value == {"n": 2}
    assert (second.created_at, second.updated_at > first.updated_at) == (first.created_at, True)
    assert len(items.search(("a",))) == 1


def test_a_namespace_never_matches_one_that_only_begins_alike(items):
    for user in ("1", "10", "11", "2"):
        items.put(("users", user), "k", {"user": user})
        items.put(("users", user, "notes"), "k", {"user": user})
    items.put(("users%", "1"), "k", {"user": "like"})
    items.put(("us_rs", "1"), "k", {"user": "like"})
    assert {each.value["user"] for each in items.search(("users", "1"))} == {"1"}
    assert items.list_namespaces(prefix=("users", "1")) == [("users", "1"), ("users", "1", "notes")]
    assert items.search(("user",)) == []
    assert items.list_namespaces(prefix=("us_rs",)) == [("us_rs", "1")]


def test_namespaces_are_told_apart_whatever_their_labels_hold(items):
    names = [("a", "b"), ("a,b",), ('a","b',), ("a/b",), ("A", "b"), ("ä",), ("a", "b", "c")]
    for index, name in enumerate(names):
        items.put(name, "k", {"n": index})
    assert [items.get(name, "k").value["n"] for name in names] == list(range(len(names)))


def test_namespaces_are_listed_by_prefix_suffix_wildcard_depth_and_page(items):
    names = [("a", "b", "c"), ("a", "b", "d", "e"), ("a", "b", "d", "i"), ("a", "c", "f")]
    for name in names:
        items.put(name, "k", {})
    assert items.list_namespaces(prefix=("a", "b"), max_depth=3) == [
        ("a", "b", "c"), ("a", "b", "d")]  # fmt: skip
    assert items.list_namespaces(suffix=("f",)) == [("a", "c", "f")]
    assert items.list_namespaces(prefix=("a", "*", "d")) == names[1:3]
    assert items.list_namespaces(limit=2, offset=1) == names[1:3]
    items.delete(("a", "c", "f"), "k")
    assert items.list_namespaces() == names[:3]
    items.put(("a", "c", "f"), "k", {})
    assert items.list_namespaces() == names


def _raw(place, store):
    store.close()
    return b"".join(path.read_bytes() for path in place.folder.rglob("*") if path.is_file())


def test_a_deleted_item_is_gone_with_all_its_versions(place):
    store = place.open()
    items = JournalStore(store)
    for index in range(3):
        items.put(("a",), "secret", {"text": f"canary-in-a-cage {index}"})
        items.put(("a",), "kept", {"text": f"parrot-in-a-tree {index}"})
    items.delete(("a",), "secret")
    items.delete(("a",), "never there")
    items.delete(("never there",), "k")
    assert items.get(("a",), "secret") is None
    assert keys(items.search(("a",))) == ["kept"]
    assert items.list_namespaces() == [("a",)]
    assert store.verify().is_sound
    if place.engine in FILES:
        raw = _raw(place, store)
        assert b"canary-in-a-cage" not in raw
        assert b"parrot-in-a-tree" in raw


def test_a_deletion_that_was_interrupted_is_finished_by_the_next(store, monkeypatch):
    items = JournalStore(store)
    items.put(("a",), "one", {"n": 1})
    items.put(("a",), "two", {"n": 2})
    monkeypatch.setattr(items._spaces, "_clean", lambda _: None)
    items.delete(("a",), "one")
    session = next(s for s in store.all_sessions() if s.name.startswith("items:"))
    assert not store.get_session(session.id).open().entries[0].is_erased
    after = JournalStore(store)
    assert after.get(("a",), "one") is None
    after.delete(("a",), "two")
    assert store.get_session(session.id).open().entries[0].is_erased


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"kind": "b"}, {"k1", "k3"}),
        ({"n": {"$gte": 1, "$lt": 3}}, {"k1", "k2"}),
        ({"n": {"$ne": 2}, "kind": "b"}, {"k1", "k3"}),
        ({"deep": {"x": 1}}, {"k1", "k3"}),
        ({"deep": {"x": {"$eq": 0}}}, {"k0", "k2"}),
        ({"tags": ["t", 2]}, {"k2"}),
        ({"missing": {"$gt": 1}}, set()),
        ({"kind": {"$gt": 1}}, set()),
        ({"kind": {"$gt": "a"}}, {"k1", "k3"}),
    ],
)
def test_filters_compare_values_and_operators(items, wanted, found):
    for n in range(4):
        value = {"n": n, "kind": "ab"[n % 2], "deep": {"x": n % 2, "y": 1}, "tags": ["t", n]}
        items.put(("a",), f"k{n}", value)
    assert set(keys(items.search(("a",), filter=wanted))) == found


def test_an_unknown_operator_is_refused(items):
    items.put(("a",), "k", {"n": 1})
    with pytest.raises(ValueError, match="no operator"):
        items.search(("a",), filter={"n": {"$near": 1}})


def test_a_search_without_a_query_gives_the_newest_first_by_pages(place, items):
    for n in range(6):
        items.put(("a", str(n % 2)), f"k{n}", {"n": n})
        place.clock.advance_ms(1)
    items.put(("a", "0"), "k0", {"n": 0})
    assert keys(items.search(("a",), limit=3)) == ["k0", "k5", "k4"]
    assert keys(items.search(("a",), limit=3, offset=3)) == ["k3", "k2", "k1"]


def test_a_query_without_an_index_ranks_by_shared_words(items):
    items.put(("a",), "figs", {"text": "Ada loves ripe figs"})
    items.put(("a",), "rain", {"text": "it was raining all day"})
    items.put(("a",), "both", {"text": "figs and figs and rain"})
    found = items.search(("a",), query="ripe FIGS")
    assert keys(found)[0] == "figs"
    assert found[0].score > found[1].score
    assert found[2].score is None


def test_a_query_with_an_index_ranks_by_meaning(place):
    store = place.open()
    items = JournalStore(store, index={"dims": 3, "embed": embed, "fields": ["text"]})
    items.put(("a",), "fruit", {"text": "apple and pear"})
    items.put(("a",), "song", {"text": "a violin"})
    items.put(("a",), "hidden", {"text": "apple"}, index=False)
    items.put(("a",), "list", {"parts": [{"t": "rain"}, {"t": "music"}]}, index=["parts[*].t"])
    found = items.search(("a",), query="figs")
    assert keys(found)[0] == "fruit"
    assert math.isclose(found[0].score, 1.0, abs_tol=1e-3)
    assert found[-1].key == "hidden"
    assert found[-1].score is None
    assert keys(items.search(("a",), query="music", limit=2)) in (
        ["song", "list"],
        ["list", "song"],
    )
    calls = []

    def embed_and_note(texts):
        calls.append(texts)
        return embed(texts)

    again = JournalStore(place.reopen(store), index={"dims": 3, "embed": embed_and_note})
    assert keys(again.search(("a",), query="figs"))[0] == "fruit"
    assert calls == [["figs"]]


async def test_an_async_embedder_serves_async_calls(store):
    async def aembed(texts):
        return embed(texts)

    items = JournalStore(store, index={"dims": 3, "embed": aembed})
    await asyncio.gather(
        items.aput(("a",), "fruit", {"text": "apple"}), items.aput(("a",), "m", {"text": "song"})
    )
    assert keys(await items.asearch(("a",), query="pear"))[0] == "fruit"
    assert (await items.aget(("a",), "m")).value == {"text": "song"}
    await items.adelete(("a",), "m")
    assert await items.alist_namespaces() == [("a",)]


def test_an_item_expires_and_reading_it_puts_that_off(place, timed):
    timed.put(("a",), "read", {"n": 1})
    timed.put(("a",), "unread", {"n": 2})
    timed.put(("a",), "peeked", {"n": 2})
    timed.put(("a",), "kept", {"n": 3}, ttl=None)
    place.clock.advance_ms(6 * MINUTE_MS)
    assert timed.get(("a",), "read").value == {"n": 1}
    assert timed.get(("a",), "peeked", refresh_ttl=False)
    place.clock.advance_ms(6 * MINUTE_MS)
    assert sorted(keys(timed.search(("a",), refresh_ttl=False))) == ["kept", "read"]
    assert timed.get(("a",), "unread") is None
    place.clock.advance_ms(11 * MINUTE_MS)
    assert keys(timed.search(("a",))) == ["kept"]


def test_an_expired_item_is_not_listed_and_put_again_is_new(place, timed):
    timed.put(("a",), "k", {"n": 1})
    born = timed.get(("a",), "k").created_at
    place.clock.advance_ms(11 * MINUTE_MS)
    assert timed.list_namespaces() == []
    timed.put(("a",), "k", {"n": 2})
    assert timed.get(("a",), "k").created_at > born
    assert timed.list_namespaces() == [("a",)]


def test_sweeping_destroys_what_expired(place):
    store = place.open()
    timed = JournalStore(store, clock=place.clock)
    timed.put(("a",), "short", {"text": "canary-in-a-cage"}, ttl=1)
    timed.put(("b",), "long", {"text": "stays"}, ttl=100)
    place.clock.advance_ms(2 * MINUTE_MS)
    assert timed.sweep_ttl() == 1
    assert timed.sweep_ttl() == 0
    assert timed.list_namespaces() == [("b",)]
    if place.engine in FILES:
        assert b"canary-in-a-cage" not in _raw(place, store)


def test_reading_often_leaves_few_entries(place, store, timed):
    timed.put(("a",), "k", {"n": 1})
    session = next(s for s in store.all_sessions() if s.name.startswith("items:"))
    for _ in range(60):
        place.clock.advance_ms(MINUTE_MS // 20)
        timed.get(("a",), "k")
    assert store.get_session(session.id).info.entries <= 5


def test_a_batch_reads_what_was_there_and_the_last_put_wins(items):
    items.put(("a",), "k", {"n": 0})
    results = items.batch(
        [
            GetOp(("a",), "k"),
            PutOp(("a",), "k", {"n": 1}),
            PutOp(("a",), "k", {"n": 2}),
            SearchOp(("a",)),
            ListNamespacesOp(),
            PutOp(("b",), "k", {"n": 3}),
        ]
    )
    assert results[0].value == {"n": 0}
    assert [each.value for each in results[3]] == [{"n": 0}]
    assert results[4] == [("a",)]
    assert results[1] is results[2] is results[5] is None
    assert items.get(("a",), "k").value == {"n": 2}
    assert items.get(("b",), "k").value == {"n": 3}


def test_two_stores_of_one_journal_see_each_other(store):
    ours, theirs = JournalStore(store), JournalStore(store)
    for n in range(4):
        (ours, theirs)[n % 2].put(("a", str(n)), "k", {"n": n})
        assert len(ours.search(("a",))) == len(theirs.search(("a",))) == n + 1
    theirs.delete(("a", "0"), "k")
    assert ours.get(("a", "0"), "k") is None
    assert ours.list_namespaces() == [("a", "1"), ("a", "2"), ("a", "3")]


def test_a_store_whose_owner_was_erased_begins_anew(items, store):
    items.put(("a",), "k", {"n": 1})
    store.erase_owner()
    assert items.get(("a",), "k") is None
    assert items.list_namespaces() == []
    items.put(("a",), "k", {"n": 2})
    for each in (items, JournalStore(store)):
        assert each.get(("a",), "k").value == {"n": 2}
        assert each.list_namespaces() == [("a",)]


def test_two_owners_of_one_journal_do_not(store):
    JournalStore(store).put(("a",), "k", {"n": 1})
    other = JournalStore(store.for_owner(journal.Scope(owner="other")))
    assert other.get(("a",), "k") is None
    assert other.search(()) == []
    assert other.list_namespaces() == []


def test_a_value_is_a_copy(items):
    items.put(("a",), "k", {"list": [1], "tuple": (1, 2)})
    items.get(("a",), "k").value["list"].append(2)
    assert items.get(("a",), "k").value == {"list": [1], "tuple": [1, 2]}


@pytest.mark.parametrize("value", [{"n": math.nan}, {"n": b"bytes"}, {"n": object()}])
def test_what_json_cannot_hold_is_refused_and_nothing_is_kept(items, value):
    with pytest.raises(journal.EntryRefused, match="n"):
        items.put(("a",), "k", value)
    assert items.get(("a",), "k") is None


def test_namespaces_that_langgraph_forbids_are_refused(items):
    for bad in ((), ("a.b",), ("",), ("langgraph",)):
        with pytest.raises(InvalidNamespaceError):
            items.put(bad, "k", {})
    with pytest.raises(InvalidNamespaceError):
        items.batch([PutOp(("a.b",), "k", {})])
    with pytest.raises(adapters.NameTooLong):
        items.put(("x" * 1_100,), "k", {})
