"""What is erased is nowhere any more: canaries planted everywhere, and every file read for them."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import pytest
import redis

import novacore
from novacore import journal, memory

pytestmark = pytest.mark.heavy


class Canaries:
    """Words that stand nowhere else, by what they were planted in."""

    def __init__(self, about: str) -> None:
        self._about = about
        self.planted: dict[str, str] = {}

    def __call__(self, place: str, *, letters: str = "zq") -> str:
        word = f"{letters}{self._about}{secrets.token_hex(6)}"
        self.planted[place] = word
        return word


def forms_of(word: str) -> list[bytes]:
    """A word in every way that a file may write it; ASCII letters in lower case."""
    texts = {word, word.casefold(), word.capitalize(), word.upper()}
    escaped = {json.dumps(text)[1:-1] for text in texts}
    encoded = [text.encode(kind) for text in texts for kind in ("utf-8", "utf-16-le", "utf-16-be")]
    return list({each.lower() for each in (*encoded, *(text.encode() for text in escaped))})


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def found_in(files: Mapping[Path, bytes], words: Mapping[str, str]) -> dict[str, list[str]]:
    """Where each word still stands: the place it was planted in, and the names of files."""
    lowered = {path: data.lower() for path, data in files.items()}
    hits: dict[str, list[str]] = {}
    for place, word in words.items():
        names = [
            path.name
            for path, data in lowered.items()
            if any(form in data for form in forms_of(word))
        ]
        if names:
            hits[place] = names
    return hits


def nova(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "novacore.cli", "--data-dir", str(data), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=data.parent,
    )


def talk(store: Any, name: str, plant: Canaries, *, agent: str = "model") -> journal.Session:
    """A session with a canary in every kind of place."""
    session = store.session(name, workspace=f"/home/{plant('workspace')}")
    call = {
        "type": "tool_use",
        "id": "c1",
        "name": "bash",
        "input": {"command": f"echo {plant('tool call')}"},
    }
    result = {"type": "tool_result", "tool_use_id": "c1", "content": plant("tool result")}
    entries: list[Any] = [
        journal.NewEntry(
            body={
                "role": "user",
                "content": f"remember {plant('message')} and {plant('umlaut', letters='жñ')}",
            },
            actor="user",
        ),
        journal.NewEntry(
            body={"role": "user", "content": f"My name is {plant('fact').capitalize()}."},
            actor="user",
        ),
        journal.NewEntry(body={"role": "assistant", "content": [call]}, actor=agent),
        journal.NewEntry(body={"role": "user", "content": [result]}, actor="tool"),
        journal.NewEntry(
            body={"role": "assistant", "content": f"{plant('long text')} " + "long " * 80_000},
            actor=agent,
        ),
        journal.NewEntry(kind="decision", body={"what": plant("decision")}, actor=agent),
        journal.NewEntry(kind="state", body={plant("key of an object"): 1}, actor=agent),
    ]
    session.append(*entries)
    session.put_blob(f"blob {plant('blob')}".encode() * 1_000)
    # Enough to seal some of it into segments, and to fill a page of every table.
    session.append(
        *({"role": "user", "content": f"filler {n} {plant(f'filler {n}')}"} for n in range(150))
    )
    return session


def remember(store: Any, session: journal.Session, plant: Canaries) -> None:
    """Memories, a fact and a note that came from a session."""
    source = memory.Source(session_id=session.id, position=0)
    memories = store.memories
    made = memories.create(plant("memory"), tags=[plant("tag")], sources=[source])
    memories.edit(made.id, text=plant("edited memory"))
    other = memories.create(plant("merged memory"), sources=[source])
    memories.merge(made.id, other.id, text=plant("merger"))
    facts = memory.Facts(memories)
    assert facts.extract(session).added
    notebook = store.session("notebook", workspace="notebook:/home")
    note = {"type": "note", "text": plant("note"), "category": "x", "session_id": session.id}
    notebook.append(journal.NewEntry(kind="memory", body=note))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "nova.toml").write_text('[tiers]\nprojector = "off"\n')
    return folder


def fill(data: Path, plant: Canaries, kept: Canaries) -> tuple[str, list[bytes]]:
    """A store with a session to erase and one to keep, in every tier and in recall's index.

    Returns:
        (the session to erase, the vectors made of it).
    """
    with novacore.open(data) as store:
        session = talk(store, plant("name"), plant)
        remember(store, session, plant)
        other = talk(store, "kept", kept)
        remember(store, other, kept)
        assert store.tiers.catch_up(timeout_ms=100_000)
        assert store.recall(plant.planted["message"])
        store.recall_index.publish()
        vectors = [
            item.value["vector"]
            for item in store.tiers.reads("vector").read(session.id)
            if isinstance(item.value.get("vector"), bytes)
        ]
        for tier in store.tiers.names:
            assert list(store.tiers.reads(tier).read(session.id)), tier
    (data / "history").write_text(
        "".join(json.dumps(f"filler {n} {plants.planted[f'filler {n}']}") + "\n"
                for plants in (plant, kept) for n in (0, 1))
    )  # fmt: skip
    return session.id, vectors


def test_an_erased_session_is_in_no_file_of_any_engine(data):
    plant, kept = Canaries("gone"), Canaries("kept")
    session_id, vectors = fill(data, plant, kept)
    before = files_of(data)
    missed = set(plant.planted) - set(found_in(before, plant.planted))
    assert missed == set(), "the search finds what was planted"
    assert vectors
    assert any(vectors[0] in content for content in before.values())

    done = nova(data, "erase", plant.planted["name"], "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["is_complete"]
    assert {each["name"] for each in report["reached"]} >= {"vector", "graph", "recall"}

    after = files_of(data)
    assert found_in(after, plant.planted) == {}
    assert [path.name for path, content in after.items() for v in vectors if v in content] == []
    assert set(found_in(after, kept.planted)) == set(kept.planted)
    with novacore.open(data) as store:
        assert store.verify().is_sound
        assert [each.session_id for each in store.tiers.verify() if not each.is_equal] == []
        assert all("gone" not in hit.text for hit in store.recall(plant.planted["message"]))
        assert store.recall(kept.planted["message"])[0].session == "kept"
        for tier in store.tiers.names:
            assert list(store.tiers.reads(tier).read(session_id)) == []


@pytest.fixture
def on_servers(
    data, postgres_server, valkey_server, falkordb_server, mongodb_server, nats_server
) -> Callable[[], bytes]:
    """The journal and all tiers on servers; gives all that they hold, in lower case."""
    url = postgres_server.new_database()
    database = secrets.token_hex(4)
    (data / "nova.toml").write_text(
        f'''database_url = "{url}"
[tiers]
projector = "off"
hot = "redis"
stream = "redis"
redis_url = "{valkey_server.url_of(7)}"
relational = "postgresql"
vector = "pgvector"
postgresql_url = "{url}"
graph = "falkordb"
falkordb_url = "{falkordb_server.url}"
document = "mongodb"
mongodb_url = "{mongodb_server.url_of(database)}"
broker = "nats"
nats_url = "{nats_server.url}"
'''
    )

    def look() -> bytes:
        found: list[bytes] = []
        for server in (valkey_server.url_of(7), falkordb_server.url):
            with redis.Redis.from_url(server) as client:
                found += [client.dump(key) or b"" for key in client.scan_iter()]
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            for (table,) in tables:
                # Bytes as they are, so that a word in a frame is found, too.
                copied = connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)")
                with copied as rows:
                    found += [bytes(row) for row in rows]
        with pymongo.MongoClient(mongodb_server.url_of(database)) as client:
            names = client[database].list_collection_names()
            found += [repr(list(client[database][name].find())).encode() for name in names]
        for server in (valkey_server, falkordb_server, nats_server):
            found += files_of(server.folder).values()
        return b"\n".join(found)

    return look


def test_on_servers_an_erased_session_is_in_no_table_key_document_or_stream(data, on_servers):
    plant, kept = Canaries("gone"), Canaries("kept")
    session_id, vectors = fill(data, plant, kept)
    assert vectors
    before = {Path("servers"): on_servers(), **files_of(data)}
    assert set(plant.planted) - set(found_in(before, plant.planted)) == set()
    # PostgreSQL sends numbers with the high byte first.
    vectors = [b"".join(v[at : at + 4][::-1] for at in range(0, len(v), 4)) for v in vectors]
    assert all(vector in before[Path("servers")] for vector in vectors)

    done = nova(data, "erase", plant.planted["name"], "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    # A server rewrites its log a moment after it was asked to.
    for _ in range(100):
        after = {Path("servers"): on_servers(), **files_of(data)}
        if not found_in(after, plant.planted):
            break
        time.sleep(0.1)
    assert found_in(after, plant.planted) == {}
    assert [vector for vector in vectors if vector in after[Path("servers")]] == []
    assert set(found_in(after, kept.planted)) == set(kept.planted)
    with novacore.open(data) as store:
        assert store.verify().is_sound
        assert [each.tier for each in store.tiers.verify() if not each.is_equal] == []
        for tier in store.tiers.names:
            assert list(store.tiers.reads(tier).read(session_id)) == []


def test_an_erased_agent_leaves_what_others_said(data):
    plant, kept = Canaries("gone"), Canaries("kept")
    with novacore.open(data) as store:
        session = store.session("talk")
        session.append(
            journal.NewEntry(body={"role": "user", "content": kept("question")}, actor="user"),
            journal.NewEntry(body={"role": "assistant", "content": plant("answer")}, actor="coder"),
            journal.NewEntry(body={"role": "assistant", "content": plant("part")}, actor="coder/x"),
            journal.NewEntry(body={"role": "assistant", "content": kept("near")}, actor="coder2"),
        )
        store.memories.for_agent("coder").create(plant("memory"))
        store.memories.for_agent("coder2").create(kept("memory"))
        source = memory.Source(session_id=session.id, position=1)
        store.memories.create(plant("derived memory"), sources=[source])
        assert store.tiers.catch_up(timeout_ms=100_000)
    done = nova(data, "erase", "--agent", "coder", "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    after = files_of(data)
    assert found_in(after, plant.planted) == {}
    assert set(found_in(after, kept.planted)) == set(kept.planted)


def test_an_erased_owner_is_gone_and_others_are_not(data):
    plant, kept = Canaries("gone"), Canaries("kept")
    with novacore.open(data) as store:
        theirs = store.for_owner(journal.Scope(owner="anna"))
        shared = talk(theirs, plant("name"), plant)
        remember(theirs, shared, plant)
        # A fork of another owner shares entries, which are in that owner's index, too.
        shared.fork(name="mine", scope=journal.Scope()).append(
            {"role": "user", "content": kept("own")}
        )
        other = talk(store, "kept", kept)
        remember(store, other, kept)
        assert store.tiers.catch_up(timeout_ms=100_000)
        for each in (store, theirs):
            each.recall("remember")
            each.recall_index.publish()
    done = nova(data, "erase", "--owner", "anna", "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    after = files_of(data)
    # The fork is in the same folder: that it is, is its owner's.
    del plant.planted["workspace"]
    assert found_in(after, plant.planted) == {}
    assert set(found_in(after, kept.planted)) == set(kept.planted)
    with novacore.open(data) as store:
        assert store.verify().is_sound
        assert store.for_owner(journal.Scope(owner="anna")).all_sessions() == []


def test_backups_that_hold_what_was_erased_are_named_and_restore_leaves_it_out(data, tmp_path):
    plant, kept = Canaries("gone"), Canaries("kept")
    with novacore.open(data) as store:
        store.session("talk").append({"role": "user", "content": plant("message")})
        store.session("other").append({"role": "user", "content": kept("message")})
    assert nova(data, "backup").returncode == 0
    done = nova(data, "erase", "talk", "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    backups = json.loads(done.stdout)["backups"]
    assert len(backups) == 1
    assert backups[0]["expires_at"] > "2026"
    restored = tmp_path / "restored"
    again = nova(data, "restore", "--into", str(restored))
    assert again.returncode == 0, again.stdout + again.stderr
    after = files_of(restored)
    assert found_in(after, plant.planted) == {}
    assert set(found_in(after, kept.planted)) == {"message"}


def test_a_tier_that_is_down_is_named_and_follows_later(data):
    """cognee#3853 and mem0#3695: forgotten here, still found there, and nobody said so."""
    plant = Canaries("gone")
    (data / "nova.toml").write_text(
        '[tiers]\nprojector = "off"\nhot = "redis"\nredis_url = "redis://127.0.0.1:9/0"\n'
    )
    with novacore.open(data) as store:
        store.session("talk").append({"role": "user", "content": plant("message")})
    done = nova(data, "erase", "talk", "--yes", "--wait", "5")
    assert done.returncode == 1
    assert "hot may still hold it" in done.stderr
    assert found_in(files_of(data), plant.planted) == {}
