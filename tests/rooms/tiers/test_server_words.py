"""What all engines on servers share: names, exact items, addresses, libraries that are missing."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.tiers.server_stage import place_of

from novacore import tiers
from novacore.tiers.engines import ENGINES, make_engine
from novacore.tiers.server_names import SEGMENT_CHARS_MAX, segment
from novacore.tiers.servers.server_columns import fits, restored, storable
from novacore.tiers.servers.server_items import decode_item, encode_item
from novacore.tiers.servers.server_link import address, reason

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(ANY_TEXT, ANY_TEXT)
def test_a_segment_hides_no_separator_and_is_equal_for_equal_texts_only(one, other):
    name = segment(one)
    assert name.replace("_", "").replace("-", "").isalnum() or name.strip("_-") == ""
    assert name
    assert len(name) <= SEGMENT_CHARS_MAX
    assert (segment(one) == segment(other)) == (one == other)


@given(st.dictionaries(ANY_TEXT, ANY_JSON | st.binary(), max_size=4), ANY_TEXT)
def test_an_item_comes_back_from_its_text_exactly(value, text):
    item = tiers.Item(
        collection="x" + text,
        session_id="s",
        position=3,
        part=text,
        tenant=text,
        owner="",
        sequence=2**60,
        recorded_at_us=1,
        value=value,
    )
    encoded = encode_item(item).encode()
    assert decode_item(encoded) == item
    assert decode_item(encoded).digest() == item.digest()


@pytest.mark.parametrize("text", ["", "[1]", "no", "[]\n[]", '["a"]\n[{}]', "{}\n{}", "3\n4"])
def test_what_is_no_item_of_ours_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - any text of it will do
        decode_item(text)


@given(ANY_TEXT)
def test_a_column_gives_back_any_text(text):
    stored = storable(text)
    assert restored(stored) == text
    assert fits(stored, "text") or stored.startswith("\x01")
    assert "\0" not in stored
    stored.encode()


def test_a_column_takes_only_what_it_gives_back_exactly():
    assert fits("Zoë", "text")
    assert not fits("half \ud83d", "text")
    assert not fits("a\0b", "text")
    assert fits(2**63 - 1, "integer")
    assert not fits(2**63, "integer")
    assert not fits(True, "integer")
    assert not fits(1, "real")
    assert fits(0.1, "real")
    assert not fits(float("nan"), "real")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:s3cret@cache:6379/0", "cache:6379"),
        ("mongodb://ada:s3cret@one:1,two:2/nova?replicaSet=x", "one:1,two:2"),
        ("postgresql:///nova?host=/tmp&password=s3cret", "this machine"),
        ("nats://[::1]:4222", "[::1]:4222"),
        ("redis://:s3/cret@cache:6379", "an address that can't be read"),
        ("host=db password=s3cret", "an address that can't be read"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url, shown):
    assert address(url) == shown
    told = f"bad {url} s3cret" if "s3cret" in url else f"bad {url}"
    assert "s3" not in reason(ValueError(told), url=url)


def test_a_missing_library_is_told_with_the_extra_that_brings_it(tmp_path, monkeypatch):
    on_servers = [(place, kind) for place, kind in ENGINES.items() if kind.library]
    assert len(on_servers) == 10
    for (tier, name), kind in on_servers:
        engine = make_engine(tier, name, place=place_of(tmp_path))
        with monkeypatch.context() as patch:
            for module in [each for each in sys.modules if each.split(".")[0] == kind.library]:
                patch.setitem(sys.modules, module, None)
            patch.setitem(sys.modules, kind.library, None)
            with pytest.raises(tiers.EngineMissing, match=rf"novacore\[{kind.extra}\]"):
                engine.state()
            assert kind.extra in engine.health().what
            patch.setattr("importlib.util.find_spec", lambda name: None)
            with pytest.raises(tiers.EngineMissing, match=rf"novacore\[{kind.extra}\]"):
                make_engine(tier, name, place=place_of(tmp_path))
        engine.close()


def test_making_engines_loads_none_of_their_libraries(tmp_path):
    program = (
        "import sys, novacore\n"
        "from pathlib import Path\n"
        "from novacore import tiers\n"
        "from novacore.kit import SystemClock\n"
        "from novacore.tiers.engines import ENGINES\n"
        "place = tiers.Place(config=tiers.Config(), folder=Path('x'), clock=SystemClock())\n"
        "kinds = [kind for kind in ENGINES.values() if kind.library]\n"
        "for kind in kinds: kind.make(place)\n"
        "print([kind.library for kind in kinds if kind.library in sys.modules])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert told.stdout.strip() == "[]"
