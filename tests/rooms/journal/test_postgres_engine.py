"""What only the engine on PostgreSQL has to show: same frames, damage found, erased, shared."""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.rooms.journal.children import Child
from tests.servers.postgres import PostgresServer

from novacore import journal
from novacore.journal import Config, NewEntry, postgres_segments
from novacore.journal import frame as frames
from novacore.journal.postgres_connect import CONNECTIONS_MAX, Database
from novacore.journal.store import Erasure
from novacore.kit import SystemClock, parse_id

QUIET = Config(seal_entries=4_000)


def user(text):
    return {"role": "user", "content": text}


def entry(number, text="x"):
    return NewEntry(body=user(text), id=f"018f0000-0000-7000-8000-{number:012d}")


def execute(url, sql, *parameters):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


def wait_until(is_so):
    """Wait for a thread of the store; the suite's own limit ends it when that never comes."""
    while not is_so():
        time.sleep(0.005)


@pytest.fixture
def url(postgres_server):
    return postgres_server.new_schema()


@pytest.fixture
def store(url):
    with journal.open_postgres(url, config=QUIET) as opened:
        yield opened


# The same frames


@pytest.mark.parametrize("seal_entries", [2, 4_000])
def test_a_stored_frame_is_byte_for_byte_what_every_other_engine_makes(url, seal_entries):
    with journal.open_postgres(url, config=Config(seal_entries=seal_entries)) as store:
        session = store.session("talk")
        for number in range(9):
            session.append(
                NewEntry(body=user("größer " * number), said_at_us=number or None, actor="mé"),
                NewEntry(body={"a": number}, kind="state", version=7),
            )
        wait_until(lambda: seal_entries > 2 or execute(url, "SELECT 1 FROM journal_segment"))
        entries = session.open().entries
        before = frames.ROOT_CHAIN
        for position in range(18):
            stored = entries.frame(position)
            made, before = frames.build(
                before=before, sequence=stored.sequence, position=position,
                said_at_us=stored.said_at_us, recorded_at_us=stored.recorded_at_us,
                entry_id=stored.id, session=stored.session, salt=stored.salt,
                digest=stored.digest, version=stored.version, kind=stored.kind.encode(),
                actor=stored.actor.encode(), body=stored.body,
            )  # fmt: skip
            assert entries.raw(position) == made
        assert [frame.sequence for frame in map(entries.frame, range(18))] == list(range(1, 19))


class WrongClock(SystemClock):
    """A machine that believes in 2001."""

    def now_us(self):
        return 1_000_000_000_000_000


def test_recorded_at_is_the_servers_time_and_never_goes_back(url):
    with journal.open_postgres(url, clock=WrongClock()) as store:
        session = store.session("talk")
        session.append(user("a"))
        now_us = execute(url, "SELECT (extract(epoch FROM clock_timestamp()) * 1e6)::bigint")[0][0]
        first = session.open().entries[0].recorded_at_us
        assert 0 <= now_us - first < 60_000_000
        execute(url, "UPDATE journal_head SET recorded_us = recorded_us + 3600000000")
        session.append(user("b"), user("c"))
        assert [e.recorded_at_us for e in session.open().entries[1:]] == [
            store.feed().state().recorded_at_us
        ] * 2
        assert store.feed().state().recorded_at_us > first + 3_500_000_000


def test_a_session_of_738_messages_opens_in_two_round_trips(url, monkeypatch):
    with journal.open_postgres(url) as store:
        session = store.session("talk")
        for _ in range(18):
            session.append(*[user("x" * 500)] * 41)
    with journal.open_postgres(url) as store:
        session = store.session("talk")
        asked = []
        rows, quick = Database.rows, Database.quick
        monkeypatch.setattr(Database, "rows", lambda *a: asked.append("load") or rows(*a))
        monkeypatch.setattr(Database, "quick", lambda *a: asked.append("mark") or quick(*a))
        assert len(session.open()) == 738
        assert asked == ["mark", "load"]
        assert len(session.open()) == 738
        assert asked == ["mark", "load", "mark"]
        rows = execute(url, "SELECT count(*), sum(count)::int FROM journal_segment")
        assert rows[0][0] <= 6
        assert rows[0][1] + execute(url, "SELECT count(*) FROM journal_tail")[0][0] == 738


def test_what_another_process_appended_shows_at_once(url, store):
    mine = store.session("talk")
    with journal.open_postgres(url, config=QUIET) as other:
        theirs = other.session("talk")
        for number in range(20):
            theirs.append(user(str(number)))
            assert len(mine.open()) == number + 1
        assert mine.open()[19]["content"] == "19"


def test_however_many_threads_ask_a_process_opens_a_limited_number_of_connections(url):
    name = f"nova-{random.random()}"
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    with (
        journal.open_postgres(f"{url}&application_name={name}") as store,
        ThreadPoolExecutor(40) as threads,
    ):
        session = store.session("talk")
        session.append(user("a"))
        assert execute(url, count, name) == [(1,)]
        list(threads.map(lambda _: store._core.engine.load(parse_id(session.id).bytes), range(400)))
        assert 1 <= execute(url, count, name)[0][0] <= CONNECTIONS_MAX


def test_the_feed_is_whole_while_segments_are_merged_under_it_and_reads_each_once(url, monkeypatch):
    config = Config(seal_entries=2, segment_bytes_max=64 * 1024)
    with (
        journal.open_postgres(url, config=config) as writer,
        journal.open_postgres(url, config=config) as reader,
        ThreadPoolExecutor(1) as pool,
    ):
        sessions = [writer.session(f"s{n}") for n in range(4)]
        done = pool.submit(lambda: [sessions[n % 4].append(user(f"m {n}")) for n in range(300)])
        seen = []
        while len(seen) < 300:
            seen += [each.sequence for each in reader.feed().read(seen[-1] if seen else 0, 7)]
            again = [each.sequence for each in reader.feed().read(0, 50)]
            assert again == list(range(1, len(again) + 1))
        done.result()
        assert seen == list(range(1, 301))
    with journal.open_postgres(url) as store:
        asked = []
        real = postgres_segments.segment_of
        monkeypatch.setattr(
            postgres_segments, "segment_of", lambda v: asked.append(v[:2]) or real(v)
        )
        list_all(store, 300)
        assert len(asked) == len(set(asked)) > 3


def list_all(store, count):
    """Follow the feed in small steps."""
    seen = []
    while len(seen) < count:
        seen += [each.sequence for each in store.feed().read(seen[-1] if seen else 0, 9)]
    assert seen == list(range(1, count + 1))


# Damage


def damage(url, table, column, at):
    """Change one byte of the first row."""
    sql = f"UPDATE {table} SET {column} = set_byte({column}, %s, get_byte({column}, %s) # 1)"
    execute(url, sql, at, at)


@pytest.mark.parametrize("at", [3, 10, 24, 30, 34, 44, 52, 60, 70, 90, 100, 140, 165, 175, 200])
def test_a_byte_that_changed_in_a_new_entry_is_found_and_costs_that_entry(url, store, at):
    session = store.session("talk")
    for number in range(3):
        session.append(user(f"entry {number}, long enough to hold a byte that is to change"))
    execute(
        url,
        "UPDATE journal_tail SET frame = set_byte(frame, %s, get_byte(frame, %s) # 1)"
        " WHERE position = 1",
        at,
        at,
    )
    with journal.open_postgres(url, config=QUIET) as again:
        transcript = again.session("talk").open()
        assert transcript.damaged == [1]
        assert [m["content"][:7] for m in transcript.without_damage()] == ["entry 0", "entry 2"]
        with pytest.raises(journal.Corrupt) as caught:
            again.feed().read()
        assert caught.value.sequence == 2
        assert len(again.feed().read(2)) == 1
        assert {p.position for p in again.verify().problems if p.position is not None} == {1}
        again.session("talk").append(user("goes on"))


def test_an_entry_in_anothers_place_is_no_entry_there(url, store):
    session = store.session("talk")
    session.append(user("a"), user("b"), user("c"))
    execute(
        url,
        "UPDATE journal_tail t SET frame = o.frame, before = o.before FROM journal_tail o"
        " WHERE t.position = 1 AND o.position = 2",
    )
    with journal.open_postgres(url, config=QUIET) as again:
        assert again.session("talk").open().damaged == [1]


def test_damage_in_a_segment_costs_one_entry_and_is_not_sealed_over(url):
    with journal.open_postgres(url, config=Config(seal_entries=10)) as store:
        store.session("talk").append(*[user(f"entry {n} with some words") for n in range(10)])
    assert execute(url, "SELECT count FROM journal_segment") == [(10,)]
    size = execute(url, "SELECT octet_length(data) FROM journal_segment")[0][0]
    damage(url, "journal_segment", "data", size - 80)
    with journal.open_postgres(url, config=Config(seal_entries=2)) as store:
        session = store.session("talk")
        assert len(session.open().damaged) == 1
        session.append(*[user("more") for _ in range(10)])
        assert not store.verify().is_sound
        assert len(session.open().damaged) == 1
        assert len(session.open()) == 20


@pytest.mark.parametrize(
    "cut",
    [
        "DELETE FROM journal_entry WHERE sequence = 3",
        "DELETE FROM journal_tail WHERE position = 1",
        "UPDATE journal_entry SET id = sha256('')::bytea WHERE sequence = 2",
        "UPDATE journal_session SET name = 'other'",
        "UPDATE journal_session SET messages = messages + 1",
        "UPDATE journal_session SET chain = sha256('')",
        "UPDATE journal_session SET tail_bytes = 0",
        "UPDATE journal_head SET sequence = 2",
        "INSERT INTO journal_blob_ref SELECT '', '', key, 0 FROM journal_session",
        "INSERT INTO journal_erasure VALUES (1, '', NULL, 0)",
    ],
)
def test_verify_finds_what_does_not_fit_together(url, store, cut):
    store.session("talk").append(user("a"), user("b"), user("c"))
    assert store.verify().is_sound
    execute(url, cut)
    assert not store.verify().is_sound


def test_a_journal_that_lost_its_end_is_refused_by_the_process_that_was_told(url, store):
    session = store.session("talk")
    session.append(user("a"))
    session.append(user("b"))
    execute(
        url,
        "UPDATE journal_head SET sequence = 1",
    )
    with pytest.raises(journal.Corrupt, match="acknowledged entries are missing"):
        session.append(user("c"))


def test_a_journal_that_ends_before_its_witness_is_not_opened(url, tmp_path):
    with journal.open_postgres(url, config=QUIET, folder=tmp_path) as store:
        session = store.session("talk")
        for text in "abc":
            session.append(user(text))
    journal.open_postgres(url, folder=tmp_path).close()
    execute(url, "DELETE FROM journal_tail WHERE position = 2")
    execute(url, "DELETE FROM journal_entry WHERE sequence = 3")
    execute(url, "UPDATE journal_session SET entries = 2")
    execute(url, "UPDATE journal_head SET sequence = 2")
    with pytest.raises(journal.Corrupt, match="had 3 entries"):
        journal.open_postgres(url, folder=tmp_path)


def test_a_damaged_witness_and_one_that_can_not_be_written_cost_no_append(url, tmp_path):
    with journal.open_postgres(url, config=QUIET, folder=tmp_path) as store:
        session = store.session("talk")
        session.append(user("a"))
        engine = store._core.engine
        (witness,) = tmp_path.glob("witness-*")
        read_only = os.open(witness, os.O_RDONLY)
        handle, engine._witness._file = engine._witness._file, read_only
        session.append(user("b"))
        assert "After the last commit" in store.verify().problems[0].what
        engine._witness._file = handle
        os.close(read_only)
        engine._trouble = ""
        assert store.verify().is_sound
    data = bytearray(witness.read_bytes())
    data[20] ^= 1
    witness.write_bytes(data)
    with journal.open_postgres(url, config=QUIET, folder=tmp_path) as store:
        assert "witness" in store.verify().problems[0].what
    (tmp_path / "file").write_text("")
    with pytest.raises(journal.StoreUnusable, match="can't be opened"):
        journal.open_postgres(url, folder=tmp_path / "file" / "data")


# Erasing


def marks(texts, found):
    return {text for text in texts if any(text.encode() in data for data in found)}


def stored_bytes(url):
    tables = (("journal_tail", "frame"), ("journal_segment", "data"), ("journal_blob", "content"),
              ("journal_session", "name"), ("journal_session", "workspace"))  # fmt: skip
    return [row[0] for t, c in tables for row in execute(url, f"SELECT {c} FROM {t}")]


def test_no_row_holds_what_was_erased_and_after_a_full_vacuum_no_file_of_the_tables_does():
    config = Config(seal_entries=5, blob_text_bytes=4096)
    with PostgresServer() as server:
        url = server.new_database()
        with journal.open_postgres(url, config=config) as store:
            texts = [f"SeCrEt{number:04d}z" for number in range(60)]
            sessions = [store.session(f"n{texts[n]}", workspace=texts[n]) for n in range(3)]
            for number, text in enumerate(texts):
                sessions[number % 3].append(user(text * random.Random(number).choice((1, 9, 900))))
            store.erase(sessions[0].id)
            gone = {text for n, text in enumerate(texts) if n % 3 == 0}
            store.erase(sessions[1].id, positions=range(0, 20, 2))
            gone |= {text for n, text in enumerate(texts) if n % 6 == 1 and n != 1}
            kept = set(texts) - gone
            assert marks(texts, stored_bytes(url)) == kept
            assert store.verify().problems == []
        for table in ("tail", "segment", "blob", "session"):
            execute(url, f"VACUUM FULL journal_{table}")
        execute(url, "CHECKPOINT")
        files = [each for each in (server.folder / "data" / "base").rglob("*") if each.is_file()]
        assert marks(texts, [each.read_bytes() for each in files]) == kept


def test_an_erase_that_a_kill_broke_off_is_finished_by_the_next_opening(url, monkeypatch):
    with journal.open_postgres(url, config=QUIET) as store:
        session = store.session("talk")
        session.append(user("SeCrEt a"), user("b"))
        engine = store._core.engine
        monkeypatch.setattr(engine, "_carry_out", lambda *_: 0)
        erased = Erasure(session=parse_id(session.id).bytes, positions=frozenset({0}))
        engine.erase([erased])
    assert marks(["SeCrEt"], stored_bytes(url))
    with journal.open_postgres(url) as store:
        assert not marks(["SeCrEt"], stored_bytes(url))
        assert store.session("talk").open().gaps == [0]
        assert [each.number for each in store.feed().erasures()] == [1]
        assert store.verify().is_sound


def test_a_blob_that_a_killed_process_stored_in_vain_goes_with_an_opening_a_minute_later(url):
    config = Config(blob_text_bytes=4096)
    with journal.open_postgres(url, config=config) as store:
        session = store.session("talk")
        session.append(entry(1, "SeCrEt" * 900), entry(2, "kept" * 2_000))
        store.erase(session.id, positions=[0])
        # As when the process is killed between storing the blob again and appending.
        session._submission([entry(1, "SeCrEt" * 900)], -1)
    with journal.open_postgres(url, config=config):
        assert marks(["SeCrEt"], stored_bytes(url))
    execute(url, "UPDATE journal_blob_note SET at = at - interval '1 minute'")
    with journal.open_postgres(url, config=config) as store:
        assert not marks(["SeCrEt"], stored_bytes(url))
        assert store.session("talk").open()[0]["content"] == "kept" * 2_000
    assert execute(url, "SELECT count(*) FROM journal_blob_note") == [(0,)]


def test_an_append_that_is_stored_succeeds_whatever_becomes_of_tidying_behind_it(url, monkeypatch):
    config = Config(blob_text_bytes=4096)
    with journal.open_postgres(url, config=config) as store:
        session = store.session("talk")
        failed = journal.StorageFailed("The connection broke.")

        def fail(*_):
            raise failed

        monkeypatch.setattr(store._core.engine, "_tidy_blobs", fail)
        assert session.append(user("z" * 5_000)).positions == (0,)
        monkeypatch.setattr(store._core.engine, "_look", fail)
        with pytest.raises(journal.StorageFailed):
            session.append(entry(1), entry(1))
        assert len(session.open()) == 1


def test_the_list_of_erasures_is_kept_in_the_folder_too(url, tmp_path):
    with journal.open_postgres(url, folder=tmp_path) as store:
        session = store.session("talk")
        session.append(user("a"), user("b"))
        store.erase(session.id, positions=[1])
    assert session.id in (tmp_path / "erasures.jsonl").read_text()


def test_a_blob_that_an_erase_takes_away_before_its_entry_comes_is_stored_again(url, monkeypatch):
    config = Config(blob_text_bytes=4096)
    with journal.open_postgres(url, config=config) as store:
        session = store.session("talk")
        engine = store._core.engine
        commit = engine.commit

        def erase_first(batch):
            execute(url, "DELETE FROM journal_blob")
            return commit(batch)

        with monkeypatch.context() as patch:
            patch.setattr(engine, "commit", erase_first)
            session.append(user("y" * 9_000))
        session.append(user("after"))
        assert [m["content"] for m in session.open()] == ["y" * 9_000, "after"]
        assert store.verify().is_sound


def test_entries_are_erased_and_sealed_while_others_append_and_nothing_is_lost(url):
    config = Config(seal_entries=3, segment_bytes_max=64 * 1024)
    stores = [journal.open_postgres(url, config=config) for _ in range(3)]
    sessions = [store.session("talk") for store in stores]
    sessions[0].append(*[user(f"begin {n}") for n in range(40)])
    is_over = threading.Event()

    def read():
        while not is_over.is_set():
            assert sessions[2].open().damaged == []

    with ThreadPoolExecutor(3) as pool:
        reader = pool.submit(read)
        writer = pool.submit(lambda: [sessions[1].append(user(f"more {n}")) for n in range(120)])
        for position in range(0, 40, 2):
            assert stores[0].erase(sessions[0].id, positions=[position]) == 1
        writer.result()
        is_over.set()
        reader.result()
    transcript = sessions[0].open()
    assert (transcript.position, len(transcript)) == (160, 140)
    assert transcript.gaps == list(range(0, 40, 2))
    assert stores[0].verify().problems == []
    for store in stores:
        store.close()


# Shared by processes


SHARED = """
url, name = {url!r}, sys.argv[1]
store = journal.open_postgres(url, config=Config(seal_entries=8))
session = store.session("talk")
say("ready")
wait()
for number in range(40):
    session.append(user(f"{{name}} {{number}}"))
store.close()
"""


def test_several_processes_append_to_one_session_and_each_keeps_its_order(url):
    children = [Child(SHARED.format(url=url), name) for name in "abc"]
    try:
        for child in children:
            child.hear()
        for child in children:
            child.tell()
        for child in children:
            child.end()
    finally:
        for child in children:
            child.kill()
    with journal.open_postgres(url) as store:
        texts = [message["content"] for message in store.session("talk").open()]
        for name in "abc":
            mine = [text for text in texts if text.startswith(name)]
            assert mine == [f"{name} {number}" for number in range(40)]
        assert [each.sequence for each in store.read()] == list(range(1, 121))
        assert store.verify().is_sound


HOLDER = """
store = journal.open_postgres({url!r})
lock = store.feed().try_lock("tier-hot")
say(lock is not None)
wait()
"""


def test_the_lock_of_a_killed_process_is_free(url, store):
    child = Child(HOLDER.format(url=url), "x")
    try:
        assert child.hear() == "True"
        assert store.feed().try_lock("tier-hot") is None
    finally:
        child.kill()
    taken = []
    wait_until(lambda: taken.append(store.feed().try_lock("tier-hot")) or taken[-1] is not None)
    taken[-1].close()


@pytest.mark.heavy
def test_what_was_acknowledged_is_there_after_the_server_was_killed():
    with PostgresServer(is_safe=True) as server:
        url = server.new_database()
        with journal.open_postgres(url) as store:
            session = store.session("talk")
            for number in range(5):
                session.append(entry(number))
            server.kill()
            with pytest.raises(journal.StorageFailed):
                session.append(entry(5))
            server.start()
            assert session.append(entry(4)).is_retry
            assert session.append(entry(5)).positions == (5,)
            assert len(session.open()) == 6
            assert store.verify().is_sound
