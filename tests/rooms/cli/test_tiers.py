"""`nova tiers`: how they stand, whether they are right, and how to mend them, in words and JSON."""

import dataclasses

import apsw
import pytest
from tests.rooms.cli.conftest import HELLO, Nova

from novacore import bootstrap, settings, tiers
from novacore.cli import examining

pytestmark = pytest.mark.heavy


@pytest.fixture
def filled(nova: Nova) -> Nova:
    """A session, and tiers that equal the journal."""
    chosen = settings.load()
    with bootstrap.open_store(chosen) as store:
        store.session("talk").append(HELLO)
    assert nova("tiers", "verify").code == 0
    return nova


def _set_aside(nova: Nova) -> None:
    """Let the document tier say that it could not take the first entry."""
    chosen = settings.load()
    with bootstrap.open_store(chosen) as store:
        engine = store.tiers.reads("document")
        assert engine is not None
        aside = tiers.SetAside(
            sequence=1,
            session_id=store.get_session("talk").id,
            position=0,
            error="the text\x1b[31m is too odd",
            tries=5,
            at_us=1,
        )
        batch = tiers.Batch(
            items=(), erased=(), watermark=engine.state().watermark, set_aside=(aside,)
        )
        engine.apply(batch)


def test_status_shows_a_line_for_each_of_the_seven(filled: Nova) -> None:
    outcome = filled("tiers", "status")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(tiers.TIERS)
    assert all("up to date" in line and "nobody" in line for line in lines[1:])


def test_status_of_a_tier_that_is_behind_says_how_far(filled: Nova) -> None:
    with bootstrap.open_store(settings.load()) as store:
        store.session("talk").append(HELLO)
    outcome = filled("tiers", "status", "graph")
    assert outcome.code == 0
    assert "1 entries, 0 s" in outcome.out
    found = filled("tiers", "status", "--json").json
    assert [each["lag_entries"] for each in found["tiers"]] == [1] * 7


def test_a_tier_that_is_off_is_shown_as_off_and_not_verified(filled: Nova, monkeypatch) -> None:
    monkeypatch.setenv("NOVA_TIERS_GRAPH", "off")
    assert "graph       off" in filled("tiers", "status").out
    assert filled("tiers", "verify", "--json").json["equal"] == 6
    assert filled("tiers", "rebuild", "graph").code == 1


def test_a_tier_whose_server_is_down_is_named_and_the_exit_code_says_so(filled, monkeypatch):
    monkeypatch.setenv("NOVA_TIERS_HOT", "redis")
    monkeypatch.setenv("NOVA_TIERS_REDIS_URL", "redis://127.0.0.1:1/0")
    outcome = filled("tiers", "status")
    assert outcome.code == 1
    assert "hot is down: " in outcome.out
    outcome = filled("tiers", "verify")
    assert outcome.code == 1
    assert "could not be compared" in outcome.out
    assert "6 of 7" in outcome.out
    assert filled("tiers", "rebuild", "hot").code == 1


def test_a_difference_is_told_with_its_place_and_its_mending(filled: Nova) -> None:
    path = filled.data_dir / "tiers" / "document" / "document.db"
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE entry SET sequence = sequence + 1 WHERE id = 1")
    connection.close()
    outcome = filled("tiers", "verify", "document")
    assert outcome.code == 1
    assert "position 0" in outcome.out
    assert "sequence differs" in outcome.out
    assert "nova tiers rebuild document" in outcome.out
    found = filled("tiers", "verify", "document", "--json").json
    assert found["is_equal"] is False
    assert found["tiers"][0]["difference"]["position"] == 0
    assert filled("tiers", "rebuild", "document", "--json").json["is_rebuilt"] is True
    assert filled("tiers", "verify", "document").code == 0


def test_what_is_set_aside_is_listed_harmlessly_and_retried(filled: Nova) -> None:
    _set_aside(filled)
    outcome = filled("tiers", "status", "document")
    assert outcome.code == 1
    assert "after 5 tries: the text" in outcome.out
    assert "\x1b" not in outcome.out
    assert "entries set aside" in filled("tiers", "verify", "document").out
    assert filled("tiers", "retry", "--json").json["left"] == 0
    assert filled("tiers", "verify", "document").code == 0


def test_doctor_names_the_tiers_that_are_down_or_untested(filled: Nova, monkeypatch) -> None:
    def finding(name: str) -> dict[str, str]:
        found = filled("doctor", "--json").json["findings"]
        return next(each for each in found if each["name"] == name)

    assert finding("hot tier")["state"] == "ok"
    _set_aside(filled)
    assert "nova tiers retry document" in finding("document tier")["mend"]
    monkeypatch.setenv("NOVA_TIERS_GRAPH", "neo4j")
    monkeypatch.setenv("NOVA_TIERS_NEO4J_URL", "bolt://127.0.0.1:1")
    assert finding("graph tier")["state"] == "wrong"


def test_an_engine_that_no_server_tested_is_a_warning() -> None:
    status = tiers.TierStatus(tier="graph", engine="neo4j", state="up to date")
    assert examining.examine_tier(status).state is examining.State.WARNING
    tested = dataclasses.replace(status, tested_with="a server")
    assert examining.examine_tier(tested).state is examining.State.OK
