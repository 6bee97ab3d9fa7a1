"""What holds for every projection: pure, whole, the same whatever pieces the journal comes in."""

import dataclasses
import json

import hypothesis
import pytest
from hypothesis import strategies
from tests.contracts.tier_records import (
    ODD_BODIES,
    HashEmbedder,
    odd_records,
    record,
    said,
    session_id,
)

from novacore import tiers
from novacore.journal import Erased
from novacore.kit import FixedClock
from novacore.tiers.engines import make_projection
from novacore.tiers.place import Place
from novacore.tiers.projections.record_text import body_of
from novacore.tiers.projections.relational import COLUMNS

WHOLE = ("hot", "relational", "document", "broker")
KEYS = strategies.text(max_size=6)
VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.integers(min_value=2**70, max_value=2**300)
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(alphabet=strategies.characters(), max_size=8)
    | strategies.sampled_from(["\ud83d\ude42", "\udc00", "\x00", "🙂"]),
    lambda inner: (
        strategies.lists(inner, max_size=3) | strategies.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture
def make(tmp_path):
    def make(tier, **limits):
        place = Place(
            config=tiers.Config(**limits),
            folder=tmp_path / tier,
            clock=FixedClock(),
            embedder=HashEmbedder(),
        )
        return make_projection(tier, place)

    return make


@pytest.mark.parametrize("tier", tiers.TIERS)
def test_the_same_records_give_the_same_items_in_whatever_pieces_they_come(make, tier):
    records = odd_records()
    whole = make(tier).items(records)
    pieces = [item for each in records for item in make(tier).items([each])]
    assert [(item.key, item.digest()) for item in whole] == [
        (item.key, item.digest()) for item in pieces
    ]
    assert len({item.key for item in whole}) == len(whole)


@pytest.mark.parametrize("tier", tiers.TIERS)
def test_an_erased_entry_gives_nothing(make, tier):
    records = [dataclasses.replace(each, is_erased=True, body={}) for each in odd_records()]
    assert make(tier).items(records) == []


@pytest.mark.parametrize("tier", tiers.TIERS)
def test_every_item_says_where_it_comes_from_and_whose_it_is(make, tier):
    (origin,) = records = [said("See plan.md", position=4, tenant="t", owner="o", sequence=77)]
    for item in make(tier).items(records):
        assert (item.session_id, item.position) == (session_id("talk"), 4)
        assert (item.tenant, item.owner) == ("t", "o")
        assert (item.sequence, item.recorded_at_us) == (77, origin.recorded_at_us)


@pytest.mark.parametrize("tier", tiers.TIERS)
def test_a_projection_that_keeps_nothing_has_nothing_to_forget(make, tier):
    projection = make(tier)
    projection.items(odd_records())
    projection.forget([Erased(number=1, session_id=session_id("talk"), positions=None, at_us=0)])
    assert projection.items(odd_records())


@pytest.mark.parametrize("tier", tiers.TIERS)
def test_columns_beside_the_body_are_texts_that_every_database_takes(make, tier):
    hostile = {"role": "us\x00er", "content": "half \ud83d and \x00", "name": "\udc00"}
    records = [record(hostile, actor="\ud83d", workspace="\x00"), *odd_records()]
    for item in make(tier).items(records):
        for value in [item.part, *item.value.values()]:
            if isinstance(value, str):
                assert "\x00" not in value
                value.encode()
            if isinstance(value, int):
                assert abs(value) < 2**63


@pytest.mark.parametrize("tier", WHOLE)
def test_content_is_whole_in_every_shape_of_message(make, tier):
    items = make(tier).items(odd_records())
    wanted = [body for kind, body in ODD_BODIES if tier != "hot" or kind == "message"]
    assert [repr(body_of(item)) for item in items] == [repr(dict(body)) for body in wanted]
    by_kind = {"call_1": False, "EqQBCgIYAhIM": False}
    for item in items:
        for name in by_kind:
            by_kind[name] |= name in json.dumps(body_of(item))
    assert all(by_kind.values())


@hypothesis.given(strategies.dictionaries(KEYS, VALUES, max_size=4))
@hypothesis.settings(
    max_examples=60, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_any_json_object_comes_back_exactly(make, body):
    for tier in WHOLE:
        (item,) = make(tier).items([record(body)])
        assert repr(body_of(item)) == repr(body)
        assert item.digest()


def test_what_is_no_entrys_content_is_not_read_as_one(make):
    (item,) = make("hot").items([said("x")])
    for wrong in (
        {},
        {"body": 7},
        {"body": "[1]"},
        {"body": "{"},
        {"body": '{"a":"b"}', "mark": 5},
    ):
        with pytest.raises(tiers.TierCorrupt):
            body_of(dataclasses.replace(item, value=wrong))


def test_relational_values_have_only_columns_and_only_their_types(make):
    allowed = {"text": str, "integer": int, "real": float}
    for item in make("relational").items([*odd_records(), record({"tokens": 2**80}, position=99)]):
        for name, value in item.value.items():
            assert type(value) is allowed[COLUMNS[item.collection][name]], (item.collection, name)
    reserved = {"id", "session", "position", "part", "scope", "sequence", "recorded_at_us", "rest"}
    assert all(reserved.isdisjoint(columns) for columns in COLUMNS.values())


def test_a_tool_result_keeps_its_call_and_its_name_in_either_shape(make):
    openai = {"role": "tool", "tool_call_id": "call_9", "name": "ls", "content": "a b"}
    anthropic = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_9", "content": "no", "is_error": True}
        ],
    }
    first, second = make("relational").items([record(openai), record(anthropic, position=1)])
    assert (first.value["tool_call_id"], first.value["name"]) == ("call_9", "ls")
    assert first.value["text"] == "a b"
    assert (second.value["tool_call_id"], second.value["is_error"]) == ("toolu_9", 1)


def test_the_time_of_the_source_is_kept_beside_the_time_of_recording(make):
    (origin,) = records = [said("x", said_at_us=1_500_000_000_123_456)]
    for tier in ("hot", "relational", "stream", "document", "broker", "vector"):
        (item, *_) = make(tier).items(records)
        assert item.value["said_at_us"] == 1_500_000_000_123_456
        assert item.recorded_at_us == origin.recorded_at_us


def test_the_hot_tier_lets_go_of_what_its_window_has_left_and_of_nothing_else(make):
    hot = make("hot", hot_window_h=2)
    assert hot.forget_before_us(10 * 3_600_000_000) == 8 * 3_600_000_000
    assert hot.forget_before_us(5) == 0
    for tier in tiers.TIERS[1:]:
        assert make(tier).forget_before_us(10**18) == 0


def test_settings_that_change_what_is_stored_change_the_identity(make):
    for tier, limits in (
        ("hot", {"hot_window_h": 7}),
        ("vector", {"text_chars_max": 500}),
        ("document", {"document_entries": 5}),
        ("broker", {"event_bytes_max": 2_000}),
        ("broker", {"prefix": "other"}),
    ):
        assert make(tier).identity != make(tier, **limits).identity
    assert len({make(tier).identity for tier in tiers.TIERS}) == 7


def test_documents_are_numbered_by_position(make):
    records = [said("x", position=at) for at in (0, 255, 256, 73_799)]
    assert [item.value["number"] for item in make("document").items(records)] == [0, 0, 1, 288]


def test_an_event_above_the_limit_refers_to_its_entry_by_place_and_digest(make):
    broker = make("broker", event_bytes_max=1024)
    short, long = broker.items([said("x" * 900), said("x" * 1_100, position=1)])
    assert "body" in short.value
    assert "reference" not in short.value
    assert "body" not in long.value
    assert long.value["reference"] == f"{session_id('talk')}/1"


def test_instructions_name_nothing_but_everything_else_does(make):
    system = record({"role": "system", "content": "You are Ada Lovelace. Use plan.md."})
    memory = record({"type": "fact", "text": "Ada Lovelace likes tea."}, kind="memory", position=1)
    items = make("graph").items([system, memory])
    assert [item.part for item in items if item.collection == "mention"] == ["ada lovelace"]


def test_a_call_names_the_path_it_reads_and_the_command_it_runs(make):
    blocks = [
        {
            "type": "tool_use",
            "id": "a",
            "name": "bash",
            "input": {"command": "git commit -m 'Ada'"},
        },
        {"type": "tool_use", "id": "b", "name": "read", "input": {"path": "src/axle.py"}},
        {"type": "tool_use", "id": "c", "name": "write", "input": {"content": "Charles Babbage"}},
    ]
    items = make("graph").items([record({"role": "assistant", "content": blocks})])
    named = {item.part: item.value["type"] for item in items if item.collection == "mention"}
    assert named == {"git commit": "command", "src/axle.py": "path"}


def test_a_summary_is_one_short_line(make):
    (event,) = make("stream").items([said("line one\n\n  line two " + "x" * 5_000)])
    assert event.value["summary"].startswith("line one line two xxx")
    assert len(event.value["summary"]) == 160


def test_a_projection_is_told_what_was_erased_before_its_tier_is(bench):
    bench.say("keep", "secret")
    opened = bench.open()
    assert opened.catch_up(timeout_ms=30_000)
    session = bench.store.session("talk")
    bench.store.erase(session.id, positions=[1])
    assert opened.catch_up(timeout_ms=30_000)
    (told,) = bench.projections["hot"].forgot
    assert (told.session_id, told.positions) == (session.id, (1,))
