"""The memory tools, asked by the official MCP client."""

import json

import pytest
from mcp import Client, MCPError

import novacore
from novacore import journal, settings
from novacore.adapters import mcp


@pytest.fixture(params=["auto", "legacy"])
def mode(request):
    """The protocol of 2026 and the one before, with its handshake."""
    return request.param


@pytest.fixture
def store(tmp_path):
    with novacore.open(tmp_path / "data") as opened:
        yield opened


def client_of(store, mode="auto", **limits):
    tools = mcp.MemoryTools(store, config=settings.MCPConfig(**limits))
    return Client(mcp.make_server(tools), mode=mode)


async def call(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def fill(store, name, count, *, day=1):
    session = store.session(name)
    start = 1_772_000_000_000_000 + day * 86_400_000_000
    for n in range(count):
        body = {"role": "user" if n % 2 == 0 else "assistant", "content": f"{name} line {n}"}
        session.append(journal.NewEntry(body=body, said_at_us=start + n * 60_000_000))
    return session


async def test_the_tools_say_what_they_take_give_and_do(store, mode):
    async with client_of(store, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["store", "recall", "open", "timeline", "forget"]
    for tool in tools.values():
        assert tool.description
        assert tool.input_schema["type"] == tool.output_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert all("description" in each or "anyOf" in each for each in
                   tool.input_schema["properties"].values())  # fmt: skip
        assert tool.annotations.open_world_hint is False
    hints = {name: (tool.annotations.read_only_hint, tool.annotations.destructive_hint)
             for name, tool in tools.items()}  # fmt: skip
    assert hints["recall"] == hints["open"] == hints["timeline"] == (True, False)
    assert hints["store"] == (False, False)
    assert hints["forget"] == (False, True)


async def test_what_was_stored_is_recalled_and_is_a_memory_of_ours(store, mode):
    async with client_of(store, mode) as client:
        stored = await call(client, "store", text="Ada is allergic to walnuts", tags=["Health"])
        found = await call(client, "recall", query="what is Ada allergic to?")
    best = found["results"][0]
    assert (best["id"], best["kind"], best["text"]) == (
        stored["id"], "memory", "Ada is allergic to walnuts")  # fmt: skip
    kept = store.memories.get(stored["id"])
    assert (kept.term, kept.tags, kept.type) == ("long", ("health",), "note")


async def test_a_retry_of_a_store_by_id_stores_once(store):
    wanted = {"text": "once", "id": "018f0000-0000-7000-8000-000000000001"}
    async with client_of(store) as client:
        first, second = [await call(client, "store", **wanted) for _ in range(2)]
    assert first == second
    assert len(store.memories.list().memories) == 1


async def test_recall_names_the_session_and_place_of_what_was_said(store):
    fill(store, "other", 4)
    store.session("plans").append({"role": "user", "content": "The launch code is periwinkle."})
    async with client_of(store) as client:
        found = await call(client, "recall", query="launch code", limit=3)
        within = await call(client, "recall", query="launch code", session="other")
    best = found["results"][0]
    assert (best["session"], best["position"], best["speaker"]) == ("plans", 0, "user")
    assert best["text"] == "The launch code is periwinkle."
    assert all(each["session"] == "other" for each in within["results"])


async def test_a_session_is_read_page_by_page_word_for_word(store):
    fill(store, "talk", 25)
    async with client_of(store) as client:
        last = await call(client, "open", session="talk", limit=10)
        assert [each["text"] for each in last["messages"]] == [
            f"talk line {n}" for n in range(15, 25)]  # fmt: skip
        assert (last["total"], last["start"], last["next_start"]) == (25, 15, None)
        texts, start = [], 0
        while start is not None:
            page = await call(client, "open", session="talk", start=start, limit=10)
            texts += [each["text"] for each in page["messages"]]
            start = page["next_start"]
        beyond = await call(client, "open", session="talk", start=99)
    assert texts == [f"talk line {n}" for n in range(25)]
    assert beyond["messages"] == []


async def test_calls_and_results_are_shown_too(store):
    session = store.session("talk")
    call_ = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    session.append({"role": "assistant", "content": None, "tool_calls": [call_]})
    session.append({"role": "tool", "tool_call_id": "c1", "content": "42"})
    async with client_of(store) as client:
        page = await call(client, "open", session="talk")
    assert [each["text"] for each in page["messages"]] == ["[calls add]", "[result] 42"]


async def test_the_timeline_lists_all_sessions_by_time_newest_first(store):
    for day, name in enumerate(("monday", "tuesday", "wednesday")):
        fill(store, name, 4, day=day)
    async with client_of(store) as client:
        seen, cursor = [], ""
        while True:
            page = await call(client, "timeline", limit=5, cursor=cursor)
            seen += page["entries"]
            cursor = page["next"]
            if not cursor:
                break
        assert [each["text"] for each in seen] == [
            f"{name} line {n}" for name in ("wednesday", "tuesday", "monday")
            for n in (3, 2, 1, 0)]  # fmt: skip
        since, until = seen[7]["said_at"], seen[4]["said_at"]
        some = await call(client, "timeline", since=since, until=until)
        one = await call(client, "timeline", session="monday", limit=2)
    assert [each["text"] for each in some["entries"]] == [f"tuesday line {n}" for n in (2, 1, 0)]
    assert [each["text"] for each in one["entries"]] == ["monday line 3", "monday line 2"]


async def test_entries_said_at_one_moment_are_all_listed_once(store):
    for name in ("a", "b"):
        bodies = [{"role": "user", "content": f"{name}{n}"} for n in range(5)]
        entries = [journal.NewEntry(body=body, said_at_us=1_772_000_000_000_000) for body in bodies]
        store.session(name).append(*entries)
    seen, cursor = [], ""
    async with client_of(store) as client:
        while True:
            page = await call(client, "timeline", limit=3, cursor=cursor)
            seen += [each["text"] for each in page["entries"]]
            cursor = page["next"]
            if not cursor:
                break
    assert sorted(seen) == [f"{name}{n}" for name in "ab" for n in range(5)]


async def test_what_was_forgotten_is_gone_from_every_tool_and_from_the_disk(store, tmp_path):
    session = store.session("talk")
    session.append({"role": "user", "content": "canary-in-a-cage said this"})
    session.append({"role": "user", "content": "this stays"})
    async with client_of(store) as client:
        stored = await call(client, "store", text="canary-in-a-cage remembers")
        said = (await call(client, "open", session="talk"))["messages"][0]
        for entry_id in (stored["id"], said["id"]):
            gone = await call(client, "forget", id=entry_id)
            assert gone["destroyed_entries"] >= 1
            again = await client.call_tool("forget", {"id": entry_id})
            assert again.is_error or again.structured_content["destroyed_entries"] == 0
        found = await call(client, "recall", query="canary-in-a-cage")
        listed = await call(client, "timeline")
    texts = [each["text"] for each in [*found["results"], *listed["entries"]]]
    assert not any("canary" in text for text in texts)
    assert store.verify().is_sound
    store.close()
    raw = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("journal*"))
    assert raw
    assert b"canary-in-a-cage" not in raw


@pytest.mark.parametrize(
    ("tool", "arguments", "problem"),
    [
        ("store", {}, "missing required field `text`"),
        ("store", {"text": ""}, "$.text"),
        ("store", {"text": "x", "type": "poem"}, "poem"),
        ("store", {"text": "x", "confidence": 2}, "$.confidence"),
        ("store", {"text": "x", "mood": "good"}, "mood"),
        ("recall", {"query": "x", "limit": 0}, "$.limit"),
        ("recall", {"query": "x", "limit": "five"}, "$.limit"),
        ("recall", {"query": "x", "since": "last tuesday"}, "last tuesday"),
        ("recall", {"query": "x", "session": "nowhere"}, "nowhere"),
        ("open", {"session": "nowhere"}, "No session 'nowhere'"),
        ("open", {"session": "x", "start": -1}, "$.start"),
        ("timeline", {"cursor": "rubbish"}, "rubbish"),
        ("timeline", {"until": "32 May"}, "32 May"),
        ("forget", {"id": "not an id"}, "not an id"),
        ("forget", {"id": "018f0000-0000-7000-8000-000000000009"}, "there is no memory"),
    ],
)
async def test_a_wrong_call_is_told_what_is_wrong(store, tool, arguments, problem):
    async with client_of(store) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert problem in result.content[0].text


async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(store, mode):
    async with client_of(store, mode) as client:
        with pytest.raises(MCPError, match="no tool 'shell'"):
            await client.call_tool("shell", {})


async def test_answers_stay_within_their_limits_and_say_so(store):
    session = store.session("talk")
    for n in range(12):
        session.append({"role": "user", "content": f"{n} " + "x" * 400})
    limits = {"page_entries_max": 10, "text_chars_max": 200, "answer_chars_max": 1_000}
    async with client_of(store, **limits) as client:
        page = await call(client, "open", session="talk", start=0, limit=1_000)
        assert [len(each["text"]) for each in page["messages"]] == [200] * 5
        assert all(each["is_cut"] for each in page["messages"])
        assert page["next_start"] == 5
        listed = await call(client, "timeline", limit=1_000)
        assert [each["text"][:3] for each in listed["entries"]] == [
            "11 ", "10 ", "9 x", "8 x", "7 x"]  # fmt: skip
        older = await call(client, "timeline", limit=1_000, cursor=listed["next"])
        assert older["entries"][0]["text"][:3] == "6 x"
        found = await call(client, "recall", query="x", limit=1_000)
        assert sum(len(each["text"]) for each in found["results"]) <= 1_000


async def test_sessions_of_other_frameworks_are_not_in_the_timeline(store):
    store.session("thread:a", workspace="langgraph:threads").append(
        journal.NewEntry(kind="checkpoint", body={"ns": "", "secret": "no talk"})
    )
    async with client_of(store) as client:
        assert (await call(client, "timeline"))["entries"] == []


async def test_a_damaged_message_is_left_out_and_counted(tmp_path):
    with novacore.open(tmp_path / "hurt") as store:
        fill(store, "talk", 300)
    segments = tmp_path / "hurt" / "segments.dat"
    # Older segments, merged into others since, may lie in the file too.
    segments.write_bytes(segments.read_bytes().replace(b"talk line 42", b"talk line XX"))
    with novacore.open(tmp_path / "hurt") as store:
        async with client_of(store) as client:
            page = await call(client, "open", session="talk", start=40, limit=5)
            listed = await call(client, "timeline", session="talk", limit=100)
    assert (page["damaged"], page["total"]) == (1, 299)
    assert [each["text"][10:] for each in page["messages"]] == ["40", "41", "43", "44", "45"]
    assert listed["entries"][0]["text"] == "talk line 299"


async def test_one_owner_never_sees_anothers(store):
    other = store.for_owner(journal.Scope(owner="other"))
    other.session("secret").append({"role": "user", "content": "periwinkle"})
    other.memories.create("periwinkle too")
    entry = other.session("secret").open().entries[0]
    async with client_of(store) as client:
        assert (await call(client, "recall", query="periwinkle"))["results"] == []
        assert (await call(client, "timeline"))["entries"] == []
        for arguments in ({"id": entry.id}, {"id": other.memories.list().memories[0].id}):
            assert (await client.call_tool("forget", arguments)).is_error
        assert (await client.call_tool("open", {"session": "secret"})).is_error
        assert (await client.call_tool("open", {"session": other.session("secret").id})).is_error
