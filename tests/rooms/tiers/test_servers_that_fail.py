"""Servers that die, freeze or refuse: the engine says so, and goes on when they are back."""

import threading

import psycopg
import pytest
from tests.contracts.tier_records import session_id
from tests.rooms.tiers.server_stage import (
    SERVERS,
    ServerStage,
    digests,
    eventually,
    place_of,
    server_stage,
)
from tests.servers.postgres import PostgresServer

from novacore import tiers
from novacore.tiers.engines import make_engine

TALK = session_id("talk")
SIZE = 40
BATCHES = 60


@pytest.fixture(params=SERVERS, ids="-".join)
def stage(request, tmp_path):
    """Each engine, with a server of its own."""
    with server_stage(*request.param, tmp_path) as found:
        yield found


class Writer(threading.Thread):
    """Applies batch after batch until one fails."""

    def __init__(self, stage: ServerStage, engine) -> None:
        super().__init__(daemon=True)
        self.stage, self.engine = stage, engine
        self.done = 0
        self.begun = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for number in range(BATCHES):
                self.engine.apply(batch(self.stage, number))
                self.done = number + 1
                if self.done == 3:
                    self.begun.set()
        except tiers.TierError as error:
            self.error = error
        self.begun.set()


def batch(stage: ServerStage, number: int) -> tiers.Batch:
    items = stage.items(number * SIZE, (number + 1) * SIZE)
    return stage.batch(items, (number + 1) * SIZE)


@pytest.mark.heavy
def test_a_server_killed_in_the_middle_of_writing_ends_with_everything_once(stage):
    engine = stage.open()
    writer = Writer(stage, engine)
    writer.start()
    writer.begun.wait()
    stage.server.kill()
    writer.join()
    assert isinstance(writer.error, tiers.TierUnavailable)
    assert writer.done < BATCHES
    stage.server.start()
    watermark = eventually(engine.state).watermark
    reached = watermark.sequence // SIZE if watermark else 0
    # The broker of the Kafka protocol that tests have keeps nothing over its end.
    assert reached >= writer.done or stage.name == "kafka"
    for number in range(reached, writer.done + 3):
        engine.apply(batch(stage, number))
    assert digests(engine.read(TALK)) == digests(stage.items(0, (writer.done + 3) * SIZE))
    assert engine.state().watermark.sequence == (writer.done + 3) * SIZE


@pytest.mark.heavy
def test_a_server_that_froze_is_unavailable_and_served_by_again_when_it_thaws(stage):
    engine = stage.open(timeout_ms=300)
    first = stage.batch(stage.items(0, 3), 3)
    eventually(lambda: engine.apply(first))
    stage.freeze()
    try:
        with pytest.raises(tiers.TierUnavailable):
            engine.state()
        assert not engine.health().is_up
    finally:
        stage.thaw()
    assert eventually(engine.state).watermark == first.watermark
    assert digests(engine.read(TALK)) == digests(first.items)


@pytest.mark.heavy
def test_a_server_that_is_started_later_is_found(stage):
    stage.server.kill()
    engine = stage.open()
    with pytest.raises(tiers.TierUnavailable):
        engine.apply(stage.batch(stage.items(0, 3), 3))
    stage.server.start()
    eventually(lambda: engine.apply(stage.batch(stage.items(0, 3), 3)))
    assert engine.health().is_up


@pytest.mark.parametrize(
    ("tier", "name"),
    [("hot", "redis"), ("stream", "redis"), ("graph", "falkordb"), ("broker", "nats")],
)
def test_a_password_is_asked_for_and_told_to_nobody(tier, name, tmp_path):
    with server_stage(tier, name, tmp_path, password="right-s3cret") as stage:
        assert stage.open().health().is_up
        wrong = stage.server.url.replace("right-s3cret", "wr0ng-s3cret")
        without = f"{wrong.partition('://')[0]}://{wrong.rpartition('@')[2]}"
        for url in (wrong, without):
            refuses_without_a_secret(stage.open(**{stage.setting: url}))


@pytest.mark.parametrize("name", ["postgresql", "pgvector"])
def test_postgresql_asks_for_a_password_and_it_is_told_to_nobody(name, tmp_path):
    tier = "relational" if name == "postgresql" else "vector"
    with PostgresServer() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE ada SUPERUSER LOGIN PASSWORD 'right-s3cret'")
            rules = "host all ada all scram-sha-256\nhost all all all trust\n"
            (server.folder / "data" / "pg_hba.conf").write_text(rules)
            connection.execute("SELECT pg_reload_conf()")
        url = server.url.replace("postgres@", "ada:right-s3cret@")
        engines = [
            make_engine(tier, name, place=place_of(tmp_path, postgresql_url=each))
            for each in (url, url.replace("right", "wr0ng"), url.replace("/postgres", "/nowhere"))
        ]
        right, *wrong = engines
        assert eventually(right.state) == tiers.TierState(watermark=None)
        for engine in wrong:
            refuses_without_a_secret(engine)
        for engine in engines:
            engine.close()


@pytest.mark.parametrize(("tier", "name"), [*SERVERS, ("vector", "qdrant"), ("graph", "neo4j")])
def test_an_address_that_makes_no_sense_is_unavailable_and_keeps_its_secret(tier, name, tmp_path):
    setting = SERVERS.get((tier, name), (None, f"{name}_url"))[1]
    scheme = {"postgresql_url": "postgresql", "mongodb_url": "mongodb", "qdrant_url": "http"}
    url = f"{scheme.get(setting, setting.removesuffix('_url'))}://ada:s3cret/s3cret@127.0.0.1:1/0"
    place = place_of(tmp_path, timeout_ms=300, **{setting: url})
    engine = make_engine(tier, name, place=place)
    refuses_without_a_secret(engine)
    engine.close()


def refuses_without_a_secret(engine) -> None:
    health = engine.health()
    assert not health.is_up
    assert "s3cret" not in health.what
    with pytest.raises(tiers.TierUnavailable) as told:
        engine.state()
    assert "s3cret" not in str(told.value)
    assert told.value.__cause__ is None or "s3cret" not in str(told.value.__cause__)
