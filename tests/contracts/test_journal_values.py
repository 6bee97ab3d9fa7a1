"""What goes in comes out equal, or is refused with the place named; on every engine."""

import base64
import datetime as dt
import decimal
import enum
import json
import random
import types
import uuid
from collections import OrderedDict

import pytest

from novacore import journal
from novacore.journal import NewEntry

KIB, MIB = 1024, 1024 * 1024


def same(one, other):
    """Equal, and of the same kinds, in the same order, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one.hex() == other.hex()
    return one == other


def nested(levels, leaf=1):
    value = leaf
    for level in range(levels):
        value = {"in": value} if (levels - level) % 2 else [value]
    return value


BODIES = {
    "nothing": {},
    "key order": {"z": 1, "a": 2, "m": {"y": 1, "b": 2}},
    "an empty key": {"": {"": ""}},
    "numbers": {"n": [0, -0.0, 0.0, 1, 1.0, True, False, None, 5e-324, 1.7e308, 0.1]},
    "integers at every edge": {
        "n": [
            sign * 2**bits + step
            for bits in (7, 8, 15, 16, 31, 32, 53, 63, 64, 65, 127, 1_000)
            for sign in (-1, 1)
            for step in (-1, 0, 1)
        ]
    },
    "a huge integer": {"n": 7**20_000},
    "unicode": {"t": "Zoë 日本語 🌍🏽 👩‍👩‍👧‍👦 \u202e\ufeff\x00\x7f e\u0301", "é": "e\u0301"},
    "lone surrogates": {"t": "\ud800", "u": "a\udfffb", "l": ["\udc80", {"x": "\ud83d"}]},
    "surrogates in keys": {
        "a\ud800": 1, "b": {"\udfff": {"c\ud801": [{"\ud802": "\ud803"}]}}, "z": 2
    },
    "a surrogate pair in two halves": {"t": "\ud83d" + "\ude00", "\ud83d\ude00": 1},
    "empty containers": {"l": [], "d": {}, "n": [[], {}, [[]], ""]},
    "the deepest nesting": nested(128),
    "the deepest nesting with odd keys": {"\ud800": nested(126)},
    "every ASCII character": {"t": "".join(map(chr, range(128)))},
    "thinking with its signature": {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm …\n", "signature": "EqQBCkYIARgCKkBR+/=" * 20},
            {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4a" * 9},
            {"type": "text", "text": "Yes.", "citations": None},
            {"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": "x", "input": {}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "cache": {"ephemeral_5m_input_tokens": 0}},
    },
    "tool calls with arguments as text": {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "f", "arguments": '{"a": 1.0, "b":\\u00e9 }  '},
            }
        ],
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "index": 0}],
        "x_unknown": {"deep": [1, {"er": None}]},
    },
    "a small image": {
        "role": "user",
        "content": [
            {
                "type": "image",
                "source": {
                    "type": "base64",
                    "media_type": "image/png",
                    "data": base64.b64encode(random.Random(1).randbytes(3_000)).decode(),
                },
            }
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_a_body_comes_back_as_it_was(place, name):
    body = BODIES[name]
    store = place.open()
    session = store.session("talk")
    session.append(body)
    session.append(NewEntry(body=body, kind="made-up"))
    session.append({"last": True})
    session = place.reopen(store).session("talk")
    transcript = session.open()
    assert same(dict(transcript[0]), body)
    assert same(dict(transcript.decode_all()[0]), body)
    assert same(dict(transcript.entries[1].body), body)
    assert transcript.entries[1].kind == "made-up"


def test_any_json_that_python_reads_comes_back(session):
    text = '{"a": 1.50, "b": [1e-7, -0, -0.0, 1E5, 123456789012345678901234567890], "": "\\ud800"}'
    body = json.loads(text)
    session.append(body)
    assert same(dict(session.open()[0]), body)
    assert json.dumps(dict(session.open()[0])) == json.dumps(body)


class Colour(str, enum.Enum):  # noqa: UP042 - the older kind, whose str() is not its value
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


def test_subclasses_are_kept_as_what_json_would_hold(session):
    body = {
        Colour.RED: Colour.RED,
        "level": Level.HIGH,
        "order": OrderedDict(b=1, a=2),
        "proxy": types.MappingProxyType({"x": [1]}),
    }
    session.append(types.MappingProxyType(body))
    expected = {"red": "red", "level": 3, "order": {"b": 1, "a": 2}, "proxy": {"x": [1]}}
    assert same(dict(session.open()[0]), expected)


def test_a_message_that_was_read_can_be_appended_again(session):
    session.append({"role": "user", "content": ["a", {"b": 1}]})
    session.append(session.open()[0])
    assert session.open()[1] == session.open()[0]


def test_appending_does_not_change_or_keep_the_callers_object(session):
    body = {"role": "user", "content": [{"text": "a"}]}
    future = session.submit(body)
    body["content"][0]["text"] = "changed"
    future.result()
    assert session.open()[0] == {"role": "user", "content": [{"text": "a"}]}
    assert body == {"role": "user", "content": [{"text": "changed"}]}


LOOP = {}
LOOP["in"] = [LOOP]

REFUSED = [
    ({"a": {"b": [1, float("nan")]}}, "a.b[1]"),
    ({"a": float("inf")}, "a"),
    ({"a": [-float("inf")]}, "a[0]"),
    ({"a": (1, 2)}, "a"),
    ({"a": [{"b": b"bytes"}]}, "a[0].b"),
    ({"a": bytearray(b"x")}, "a"),
    ({"a": {1: 2}}, "a"),
    ({None: 1}, ""),
    ({("a",): 1}, ""),
    ({"a": {b"k": 1}}, "a"),
    ({"a": {1, 2}}, "a"),
    ({"a": frozenset()}, "a"),
    ({"a": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "a"),
    ({"a": dt.date(2026, 1, 1)}, "a"),
    ({"a": decimal.Decimal("1.5")}, "a"),
    ({"a": uuid.UUID(int=1)}, "a"),
    ({"a": 1j}, "a"),
    ({"a": object()}, "a"),
    ({"a": range(3)}, "a"),
    ({"a": {"b": iter([])}}, "a.b"),
]


@pytest.mark.parametrize(("body", "path"), REFUSED, ids=range(len(REFUSED)))
def test_what_json_can_not_hold_is_refused_and_its_path_named(session, body, path):
    with pytest.raises(journal.EntryRefused) as caught:
        session.append({"role": "user"}, body)
    assert caught.value.path == path
    assert caught.value.hint
    assert session.open().position == 0


@pytest.mark.parametrize("value", [LOOP, nested(129), {"\ud800": nested(128)}], ids=[*"abc"])
def test_nesting_beyond_the_limit_is_refused_and_the_limit_named(session, value):
    with pytest.raises(journal.EntryRefused, match=r"journal\.nesting_max"):
        session.append(value)


@pytest.mark.parametrize("levels", [8, 256])
def test_nesting_up_to_the_configured_limit_is_kept(place, levels):
    session = place.open(nesting_max=levels).session("talk")
    body = nested(levels)
    session.append(body)
    odd = {"\ud800": nested(levels - 1)}
    session.append(odd)
    assert same(dict(session.open()[0]), body)
    assert same(dict(session.open()[1]), odd)


# Large bodies


def long_text(size, seed=0):
    return random.Random(seed).randbytes(size // 2).hex()


def test_a_long_text_comes_back_in_its_place(place):
    store = place.open()
    image, report = long_text(2 * MIB), "é" * (300 * KIB)
    body = {
        "role": "user",
        "content": [
            {"type": "image", "source": {"type": "base64", "data": image}},
            {"type": "text", "text": "What is this?"},
            {"type": "text", "text": report},
            {"type": "text", "text": "\ud800" + long_text(300 * KIB, 1)},
        ],
    }
    session = store.session("talk")
    session.append(body, {"role": "user", "content": image})
    session = place.reopen(store).session("talk")
    assert same(dict(session.open()[0]), body)
    assert same(dict(session.open().decode_all()[0]), body)
    assert session.open()[1]["content"] == image
    assert session.open().entries[0].body["content"][1]["text"] == "What is this?"
    assert session.fork().open()[0] == body


def test_a_body_of_many_middling_texts_fits_by_moving_them_out(session):
    body = {"parts": [long_text(100 * KIB, seed) for seed in range(30)]}
    session.append(body)
    assert same(dict(session.open()[0]), body)


def test_a_body_over_the_limit_is_refused_and_the_limit_named(place):
    session = place.open().session("talk")
    with pytest.raises(journal.EntryRefused, match=r"journal\.body_bytes_max"):
        session.append({"numbers": list(range(10**6, 10**6 + 300_000))})
    with pytest.raises(journal.EntryRefused, match=r"journal\.body_bytes_max"):
        session.append({f"{'k' * 100}{i}": 1 for i in range(12_000)})
    assert session.append({"role": "user"}).positions == (0,)


def test_a_text_over_the_largest_blob_is_refused_and_its_path_named(place):
    session = place.open(blob_bytes_max=1 * MIB).session("talk")
    session.append({"content": [{"text": "x" * MIB}]})
    with pytest.raises(journal.EntryRefused, match=r"journal\.blob_bytes_max") as caught:
        session.append({"content": [{"text": "x" * (MIB + 1)}]})
    assert caught.value.path == "content[0].text"
    assert session.open().position == 1


def test_texts_just_around_the_limit_come_back(place):
    session = place.open(blob_text_bytes=4 * KIB).session("talk")
    bodies = [{"t": "é" * n, "u": "x" * n} for n in (1_023, 1_024, 2_047, 2_048, 4_095, 4_096)]
    session.append(*bodies)
    assert [dict(message) for message in session.open()] == bodies


def test_a_retry_of_an_entry_with_a_long_text_is_known(session):
    entry = NewEntry(body={"t": long_text(MIB)}, id=str(uuid.uuid4()))
    session.append(entry)
    assert session.append(entry).is_retry
    with pytest.raises(journal.IdConflict):
        session.append(NewEntry(body={"t": long_text(MIB, 5)}, id=entry.id))


# Outputs kept beside the messages


@pytest.mark.parametrize(
    "data", [b"", b"plain\n", "Zoë".encode(), bytes(range(256)), b"\xff" * 700_000], ids=len
)
def test_an_output_is_given_back_by_its_reference(place, data):
    store = place.open()
    session = store.session("talk")
    session.append({"role": "user"})
    reference = session.put_blob(data)
    session.append({"role": "user"})
    session = place.reopen(store).session("talk")
    assert session.get_blob(reference) == data
    assert session.fork().get_blob(reference) == data
    assert len(session.open()) == 2


def test_a_reference_that_is_no_blob_of_the_session_is_refused(store):
    session, other = store.session("talk"), store.session("other")
    session.append({"role": "user"})
    reference = session.put_blob(b"x")
    gone = session.put_blob(b"y")
    store.erase(session.id, positions=[2])
    for bad in ("", "x", "blob:0:00", "blob:1:0000000000000000", "blob:9:00", "blob:-1:0", gone):
        with pytest.raises(journal.EntryRefused):
            session.get_blob(bad)
    with pytest.raises(journal.EntryRefused):
        other.get_blob(reference)
