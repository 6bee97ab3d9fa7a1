"""What other programs find on the servers, and do to them: nothing erased, and no harm unseen."""

import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pymongo
import pytest
import redis
from tests.contracts.tier_records import said, session_id
from tests.rooms.tiers.server_stage import SERVERS, ServerStage, digests, server_stage

from novacore import tiers
from novacore.journal import Erased, Scope

TALK = session_id("talk")
CANARY = "canaryzqxw"


@pytest.fixture(params=SERVERS, ids="-".join)
def stage(request, tmp_path):
    """Each engine, with a server of its own."""
    with server_stage(*request.param, tmp_path) as found:
        yield found


def _redis(stage: ServerStage) -> redis.Redis:
    return redis.Redis.from_url(stage.server.url)


def _everything_in_redis(stage: ServerStage) -> bytes:
    with _redis(stage) as client:
        keys = list(client.scan_iter())
        return b"\n".join([*keys, *(client.dump(key) or b"" for key in keys)])


def _everything_in_postgres(stage: ServerStage) -> bytes:
    with psycopg.connect(stage.server.url) as connection:
        tables = connection.execute(
            "SELECT quote_ident(table_name) FROM information_schema.tables"
            " WHERE table_schema = 'public'"
        ).fetchall()
        rows = [
            connection.execute(f"SELECT t::text FROM {name} t").fetchall() for (name,) in tables
        ]
    return repr(rows).encode()


def _everything_in_mongodb(stage: ServerStage) -> bytes:
    with pymongo.MongoClient(stage.server.url) as client:
        database = client.get_default_database()
        names = database.list_collection_names()
        return repr([list(database[name].find()) for name in names]).encode()


def _everything_in_kafka(stage: ServerStage) -> bytes:
    link = stage.open()._link
    found = [
        stored.key.encode() + stored.value
        for topic in link.topics("")
        for page in link.read(topic, 0)
        for stored in page
    ]
    return b"\n".join(found)


def _everything_in_files(stage: ServerStage) -> bytes:
    folder = stage.server.folder
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


LOOKS: dict[str, list[Callable[[ServerStage], bytes]]] = {
    "redis": [_everything_in_redis, _everything_in_files],
    "falkordb": [_everything_in_redis, _everything_in_files],
    "postgresql": [_everything_in_postgres],
    "pgvector": [_everything_in_postgres],
    "mongodb": [_everything_in_mongodb],
    "nats": [_everything_in_files],
    "kafka": [_everything_in_kafka],
}
"""What others can read of a server; PostgreSQL's and MongoDB's files are theirs to clean."""


@pytest.mark.parametrize("positions", [(2,), None])
def test_what_is_erased_can_be_read_by_nobody(stage, positions):
    engine = stage.open()
    records = [said(f"Look at {CANARY}{at}.py", position=at) for at in range(5)]
    items = stage.projection.items(records)
    engine.apply(stage.batch(items, 5))
    looks = LOOKS[stage.name]
    gone = [f"{CANARY}2".encode()] if positions else [f"{CANARY}{at}".encode() for at in range(5)]
    if stage.tier != "vector":
        assert all(name in look(stage) for look in looks for name in gone)
    else:
        assert b"1," in looks[0](stage)
    erased = Erased(number=1, session_id=TALK, positions=positions, at_us=1)
    engine.apply(stage.batch([], 5, erased=[erased]))
    for look in looks:
        assert _is_gone(look, stage, gone)
    kept = [item for item in items if positions and item.position not in positions]
    assert digests(engine.read(TALK)) == digests(kept)


def _is_gone(look: Callable[[ServerStage], bytes], stage: ServerStage, gone: list[bytes]) -> bool:
    """True when nothing of it is left; a server rewrites its log a moment after it was asked to."""
    for _ in range(100):
        found = look(stage)
        if not any(name in found for name in gone):
            return True
        time.sleep(0.05)
    return False


def _edit_hot(stage: ServerStage) -> None:
    with _redis(stage) as client:
        (key,) = client.keys(f"*:hot:{TALK}")
        field = sorted(client.hkeys(key))[1]
        client.hset(key, field, client.hget(key, field).replace(b"Zo", b"Zx"))


def _cut_order(stage: ServerStage) -> None:
    with _redis(stage) as client:
        (key,) = client.keys("*:message")
        client.zpopmax(key)


def _cut_stream(stage: ServerStage) -> None:
    with _redis(stage) as client:
        (key,) = [each for each in client.scan_iter() if client.type(each) == b"stream"]
        client.xdel(key, client.xrange(key)[1][0])


def _cut_tail(stage: ServerStage) -> None:
    with _redis(stage) as client:
        (key,) = client.keys("*:events")
        client.zpopmin(key)


def _postgres(statement: str) -> Callable[[ServerStage], None]:
    def run(stage: ServerStage) -> None:
        with psycopg.connect(stage.server.url, autocommit=True) as connection:
            assert connection.execute(statement).rowcount > 0

    return run


def _cypher(statement: str) -> Callable[[ServerStage], None]:
    def run(stage: ServerStage) -> None:
        with _redis(stage) as client:
            told = client.execute_command("GRAPH.QUERY", "nova::graph:all", statement)
        assert any(b"set:" in each or b"deleted:" in each for each in told[-1])

    return run


def _mongodb(change: Callable[[dict[str, Any]], None]) -> Callable[[ServerStage], None]:
    def run(stage: ServerStage) -> None:
        with pymongo.MongoClient(stage.server.url) as client:
            documents = client.get_default_database()["nova_documents"]
            document = documents.find_one()
            change(document)
            assert documents.replace_one({"_id": document["_id"]}, document).modified_count == 1

    return run


def _other_role(document: dict[str, Any]) -> None:
    document["entries"][1]["value"]["role"] = "system"


def _nats(stage: ServerStage) -> None:
    broker = stage.open()

    async def cut(_: Any, stream: Any) -> None:
        await stream.delete_msg(broker._stream, 2)

    broker._link.call(cut)


def _kafka(stage: ServerStage) -> None:
    link = stage.open()._link
    (stored, *_) = next(iter(link.read("nova.broker.events.0", 0)))
    link.send("nova.broker.events.0", [(stored.key, stored.value.replace(b"Look", b"Book"))])


_REPOINTED = (
    "MATCH (e:nova_Entry {position: 1})-[r:MENTIONS]->(a), (b:nova_Entity)"
    " WHERE b.name STARTS WITH 'file2' AND a.name STARTS WITH 'file1'"
    " CREATE (e)-[s:MENTIONS]->(b) SET s = r DELETE r"
)
HARM: dict[str, tuple[tuple[str, str], Callable[[ServerStage], None]]] = {
    "a text in the hot tier": (("hot", "redis"), _edit_hot),
    "the order of the hot tier": (("hot", "redis"), _cut_order),
    "an event of a stream": (("stream", "redis"), _cut_stream),
    "an owner's list of events": (("stream", "redis"), _cut_tail),
    "a column": (
        ("relational", "postgresql"),
        _postgres("UPDATE nova_relational_message SET role = 'system' WHERE position = 1"),
    ),
    "an owner": (
        ("relational", "postgresql"),
        _postgres("UPDATE nova_relational_message SET scope_key = 'x:y' WHERE position = 1"),
    ),
    "a vector": (
        ("vector", "pgvector"),
        _postgres("UPDATE nova_vector_item SET embedding = embedding + embedding"),
    ),
    "a property of a link": (
        ("graph", "falkordb"),
        _cypher("MATCH (:nova_Entry {position: 1})-[r:MENTIONS]->() SET r.mentions = 7"),
    ),
    "where a link ends": (("graph", "falkordb"), _cypher(_REPOINTED)),
    "a field of a document": (
        ("document", "mongodb"),
        _mongodb(_other_role),
    ),
    "a document's owner": (
        ("document", "mongodb"),
        _mongodb(lambda document: document.update(owner="x")),
    ),
    "a message of a stream": (("broker", "nats"), _nats),
    "a record of a topic": (("broker", "kafka"), _kafka),
}


@pytest.mark.parametrize("harm", HARM)
def test_harm_done_to_the_data_itself_shows_when_it_is_read(harm, tmp_path):
    (tier, name), harmed = HARM[harm]
    with server_stage(tier, name, tmp_path) as stage:
        engine = stage.open()
        batch = stage.batch(stage.items(0, 4), 4)
        engine.apply(batch)
        assert digests(engine.read(TALK)) == digests(batch.items)
        harmed(stage)
        assert digests(engine.read(TALK)) != digests(batch.items)
        engine.wipe()
        engine.apply(batch)
        assert digests(engine.read(TALK)) == digests(batch.items)


def test_every_key_begins_with_the_prefix_and_names_whole_owners(tmp_path):
    with server_stage("hot", "redis", tmp_path) as stage:
        engine = stage.open(prefix="home*1")
        owners = ["user/1", "user/10", "user:1", "", "ü" * 300]
        for at, owner in enumerate(owners):
            items = stage.items(0, 2, owner=owner, session=f"s{at}")
            engine.apply(stage.batch(items, at))
        other = stage.open(prefix="home")
        other.apply(stage.batch(stage.items(0, 1), 1))
        with _redis(stage) as client:
            keys = [key.decode().split(":") for key in client.scan_iter()]
            assert {key[0] for key in keys} == {"home_2a1", "home"}
            assert len({key[2] for key in keys if key[0] == "home_2a1" and key[1]}) == len(owners)
            engine.wipe()
            assert not client.keys("home_2a1*")
        assert digests(other.read(TALK)) == digests(stage.items(0, 1))


@pytest.mark.heavy
def test_documents_stay_below_what_the_protocol_takes(tmp_path):
    with server_stage("document", "mongodb", tmp_path) as stage:
        engine = stage.open()
        texts = ["x" * 17_000_000, *("ž" * 400_000 for _ in range(10))]
        items = stage.projection.items([said(text, position=at) for at, text in enumerate(texts)])
        engine.apply(stage.batch(items, 9))
        assert digests(engine.read(TALK)) == digests(items)
        with pymongo.MongoClient(stage.server.url) as client:
            found = client.get_default_database()["nova_documents"].find()
            sizes = [len(json.dumps(each, ensure_ascii=False).encode()) for each in found]
        assert len(sizes) > 3
        assert max(sizes) < 8 * 1024 * 1024


def test_an_event_above_the_servers_limit_is_refused_by_its_key(tmp_path):
    with server_stage("broker", "nats", tmp_path) as stage:
        engine = stage.open()
        small, large = stage.items(0, 2)
        large = dataclasses.replace(large, value={**large.value, "body": "x" * 1_100_000})
        with pytest.raises(tiers.ItemRefused) as told:
            engine.apply(stage.batch([small, large], 2))
        assert told.value.keys == (large.key,)
        assert list(engine.read(TALK)) == []
        assert engine.state().watermark is None


def test_many_vectors_are_indexed_and_the_nearest_stay_the_nearest(tmp_path, monkeypatch):
    monkeypatch.setattr("novacore.tiers.servers.pgvector._INDEX_ROWS", 200)
    with server_stage("vector", "pgvector", tmp_path) as stage:
        engine = stage.open()
        words = ["tea", "wheel", "engine", "Zoë", "plan", "north", "salt", "river"]
        texts = [f"{words[at % 8]} {words[at // 8 % 8]} {at}" for at in range(300)]
        records = [said(text, position=at) for at, text in enumerate(texts)]
        items = stage.projection.items(records)
        asked = items[37].value["vector"]
        for start in range(0, 300, 150):
            engine.apply(stage.batch(items[start : start + 150], start))
            with psycopg.connect(stage.server.url) as connection:
                (index,) = connection.execute(
                    "SELECT to_regclass('nova_vector_item_by_16')"
                ).fetchone()
            assert (index is not None) == (start == 150)
        found = engine.neighbours(Scope(), asked, limit=5)
        assert found[0].score == pytest.approx(1.0)
        assert digests(engine.read(TALK)) == digests(items)
        engine.apply(
            stage.batch(
                [], 300, erased=[Erased(number=1, session_id=TALK, positions=None, at_us=1)]
            )
        )
        assert engine.neighbours(Scope(), asked, limit=5) == []
