"""The file under a tier on SQLite: private, shared between processes, never trusted."""

import contextlib
import random
import stat
import subprocess
import sys

import apsw
import pytest
from tests.contracts.tier_engines import EngineUnderTest, digests, stage_of
from tests.contracts.tier_records import odd_records, said, session_id
from tests.contracts.tier_vandals import flip_a_byte

from novacore import tiers
from novacore.journal import Erased, Scope

ME = Scope()
TALK = session_id("talk")
TIERS = ("hot", "relational", "graph", "stream", "document", "broker")
READS = {
    "hot": [lambda hot: hot.last_messages(ME, TALK, limit=20), lambda hot: hot.leases(ME)],
    "relational": [
        lambda rows: rows.rows(ME, "message", session_id=TALK, limit=20),
        lambda rows: rows.rows(ME, "decision", limit=20),
        lambda rows: rows.rows(ME, "message", since_us=5, until_us=9, limit=20),
    ],
    "graph": [
        lambda graph: graph.entities(ME, TALK, limit=20),
        lambda graph: graph.related(ME, TALK, limit=20),
        lambda graph: graph.links(ME, "src/engine.py", limit=20),
    ],
    "stream": [
        lambda stream: stream.timeline(ME, TALK, limit=20),
        lambda stream: stream.timeline(ME, TALK, after=3, limit=20),
        lambda stream: stream.anchors(ME, TALK),
        lambda stream: stream.tail(ME, after=3, limit=20),
    ],
    "document": [lambda documents: documents.document(ME, TALK, number=0)],
    "broker": [
        lambda broker: broker.fetch("c", limit=2),
        lambda broker: broker.fetch("c", limit=2, scope=ME),
    ],
}
READER = """
import sys
from pathlib import Path
from novacore import tiers
from novacore.journal import Scope
from novacore.kit import FixedClock
from novacore.tiers.engines import make_engine
from novacore.tiers.place import Place

place = Place(config=tiers.Config(), folder=Path(sys.argv[1]), clock=FixedClock())
hot = make_engine("hot", "sqlite", place=place)
last = -1
print("ready", flush=True)
while last < int(sys.argv[3]):
    found = [item.position for item in hot.last_messages(Scope(), sys.argv[2], limit=20)]
    assert found == list(range(found[0], found[0] + len(found))) if found else True, found
    newest = found[-1] if found else -1
    assert newest >= last, (newest, last)
    state = hot.state().watermark
    assert state is None or state.sequence >= newest, (state, newest)
    last = newest
print("seen", last, flush=True)
"""


@contextlib.contextmanager
def staged(tier, request, folder):
    with stage_of(EngineUnderTest(tier=tier, name="sqlite"), request, folder) as stage:
        yield stage


@pytest.fixture(params=TIERS)
def stage(request, tmp_path):
    with staged(request.param, request, tmp_path) as found:
        yield found


@pytest.fixture
def hot(request, tmp_path):
    with staged("hot", request, tmp_path) as found:
        yield found


def database(stage):
    return stage.place.folder / f"{stage.tier}.db"


def test_only_its_owner_may_read_the_file(stage):
    engine = stage.open()
    engine.apply(stage.batch(odd_records()))
    files = list(stage.place.folder.iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(stage.place.folder.stat().st_mode) == 0o700


def test_reading_makes_no_file(stage):
    engine = stage.open()
    assert engine.state().watermark is None
    assert engine.health().is_up
    for read in READS[stage.tier]:
        assert not read(engine)
    assert not stage.place.folder.exists()


def test_what_is_read_often_is_found_by_an_index(stage):
    engine = stage.open()
    engine.apply(stage.batch(odd_records()))
    plans = [plan for read in READS[stage.tier] for plan in plans_of(engine, read)]
    assert plans
    scans = [(step, sql) for step, sql in plans if step.startswith("SCAN") and not _is_small(step)]
    assert scans == []
    if stage.tier in ("hot", "stream", "document"):
        assert [each for each in plans if "ORDER BY" in each[0]] == []


def plans_of(engine, read):
    """(step, statement) of how SQLite answers each question of a read."""
    statements = []
    with engine.link.reading() as connection:
        connection.exec_trace = lambda _, sql, values: statements.append((sql, values)) or True
        read(engine)
        connection.exec_trace = None
        return [
            (row[3], sql)
            for sql, values in statements
            if sql.lstrip().startswith(("SELECT", "WITH"))
            for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
        ]


def _is_small(step):
    """What was found already is walked through."""
    name = step.split()[1]
    return name in {"h", "r", "mine", "rare", "top", "CONSTANT"} or name.startswith("(subquery")


def test_a_file_of_another_layout_is_corrupt_and_can_be_wiped(stage):
    engine = stage.open()
    engine.apply(stage.batch(odd_records()))
    engine.close()
    connection = apsw.Connection(str(database(stage)))
    connection.execute("ALTER TABLE meta RENAME COLUMN value TO worth")
    connection.close()
    again = stage.open()
    for use in (again.state, lambda: list(again.read(TALK)), lambda: again.apply(stage.batch())):
        with pytest.raises(tiers.TierCorrupt):
            use()
    again.wipe()
    again.apply(stage.batch(odd_records()))
    assert digests(again.read(TALK)) == digests(stage.items(odd_records()))


def test_a_file_that_is_no_database_is_corrupt_and_can_be_wiped(stage):
    stage.place.folder.mkdir(parents=True)
    database(stage).write_bytes(b"no database" * 1_000)
    engine = stage.open()
    with pytest.raises(tiers.TierCorrupt):
        engine.state()
    assert not engine.health().is_up
    engine.wipe()
    engine.apply(stage.batch(odd_records()))
    assert engine.health().is_up


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_anywhere_is_harmless_or_seen_and_never_worse(request, tmp_path, seed):
    rng = random.Random(seed)
    with staged(rng.choice(TIERS), request, tmp_path) as stage:
        batch = stage.batch(odd_records())
        engine = stage.open()
        engine.apply(batch)
        engine.close()
        what = flip_a_byte(stage.place, rng)
        again = stage.open()
        with contextlib.suppress(tiers.TierCorrupt):
            if list(again.sessions()) == [TALK]:
                found = digests(again.read(TALK))
                if found == digests(batch.items) and again.state().watermark == batch.watermark:
                    return
        again.wipe()
        again.apply(batch)
        assert digests(again.read(TALK)) == digests(batch.items), what


def test_a_log_whose_file_was_wiped_is_not_played_into_the_next_file(hot):
    engine = hot.open()
    engine.apply(hot.batch(odd_records()))
    log = database(hot).with_name("hot.db-wal").read_bytes()
    engine.wipe()
    database(hot).with_name("hot.db-wal").write_bytes(log)
    again = hot.open()
    assert again.state().watermark is None
    again.apply(hot.batch([said("new")]))
    assert digests(again.read(TALK)) == digests(hot.items([said("new")]))


def test_a_kill_between_scrubbing_and_the_watermark_repeats_the_erasure(hot):
    engine = hot.open()
    engine.apply(hot.batch([said("secretzqx", position=0), said("keep", position=1)]))
    erased = Erased(number=1, session_id=TALK, positions=(0,), at_us=0)
    batch = hot.batch_of(sequence=9, erased=[erased], watermark=hot.watermark(9, erasures=1))

    def die():
        raise tiers.TierUnavailable("killed")

    engine.link.scrub, scrub = die, engine.link.scrub
    with pytest.raises(tiers.TierUnavailable):
        engine.apply(batch)
    assert engine.state().watermark.erasures == 0
    engine.link.scrub = scrub
    again = hot.open()
    again.apply(batch)
    assert again.state().watermark.erasures == 1
    assert b"secretzqx" not in hot.raw()


def test_a_long_reader_delays_an_erasure_but_does_not_let_it_pass_unfinished(request, tmp_path):
    under_test = EngineUnderTest(tier="hot", name="sqlite")
    with stage_of(under_test, request, tmp_path, timeout_ms=100) as stage:
        engine = stage.open()
        engine.apply(stage.batch([said("secretzqx", position=0), said("keep", position=1)]))
        reader = apsw.Connection(str(database(stage)))
        rows = reader.execute("SELECT * FROM message")
        next(rows)
        erased = Erased(number=1, session_id=TALK, positions=(0,), at_us=0)
        batch = stage.batch_of(erased=[erased], watermark=stage.watermark(2, erasures=1))
        with pytest.raises(tiers.TierUnavailable):
            engine.apply(batch)
        assert engine.state().watermark.erasures == 0
        rows.close()
        reader.close()
        engine.apply(batch)
        assert engine.state().watermark.erasures == 1
        assert b"secretzqx" not in stage.raw()


def test_another_process_reads_while_one_writes(hot):
    engine = hot.open()
    unknown = Erased(number=1, session_id="x", positions=None, at_us=0)
    command = [sys.executable, "-c", READER, str(hot.place.folder), TALK, "1499"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "ready\n"
        for start in range(0, 1_500, 50):
            if start == 500:
                engine.apply(hot.batch_of(erased=[unknown], sequence=start))
            engine.apply(hot.batch([said("x", position=at) for at in range(start, start + 50)]))
        assert reader.communicate(timeout=60)[0] == "seen 1499\n"
    assert reader.returncode == 0


def test_a_reader_in_this_process_is_not_kept_waiting_by_a_transaction(hot):
    engine = hot.open()
    engine.apply(hot.batch([said("x")]))
    with engine.link.transaction() as connection:
        connection.execute("DELETE FROM message")
        assert len(engine.last_messages(ME, TALK, limit=5)) == 1


def test_a_text_that_no_column_can_hold_and_a_value_without_a_column_come_back(stage):
    (item, *_) = stage.items([said("x")])
    odd = {
        "body": "half \ud83d",
        "said_at_us": 2**70,
        "kind": None,
        "more": {"a": [1, -0.0, "\x00"]},
    }
    engine = stage.open()
    changed = tiers.Item(
        **{name: getattr(item, name) for name in item.__slots__ if name != "value"}, value=odd
    )
    engine.apply(stage.batch_of([changed]))
    (found,) = engine.read(TALK)
    assert repr(sorted(found.value.items())) == repr(sorted(odd.items()))
