"""Every kind of value that a config may have is read and described."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import pytest

from novacore import kit
from novacore.settings import ValueInvalid, keys, values


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    share: float = kit.setting(0.5, doc="A share.", minimum=0.0, maximum=1.0)
    count: int | None = kit.setting(None, doc="A count.", unit="entries", maximum=9)
    place: Path = kit.setting(Path(), doc="A place.")  # noqa: RUF009 - as the rooms do
    word: Literal["a", "b"] = kit.setting("a", doc="A word.", choices=("a", "b"))
    table: dict[str, Any] = kit.setting((), doc="A table.")  # noqa: RUF009 - as the rooms do
    names: tuple[str, ...] | None = kit.setting(None, doc="Names.")


KEYS = keys.list_keys({"sample": Sample})


def read(name: str, text: str) -> Any:
    return values.from_text(KEYS[f"sample.{name}"], text, origin="here")


def take(name: str, value: Any) -> Any:
    return values.from_toml(KEYS[f"sample.{name}"], value, origin="here")


def test_each_kind_is_read_from_text() -> None:
    assert read("share", "0.25") == 0.25
    assert read("count", "7") == 7
    assert read("count", "none") is None
    assert read("place", "a/b") == Path("a/b")
    assert read("word", "b") == "b"
    assert read("table", '{"a": 1}') == {"a": 1}
    assert read("names", "x, y") == ("x", "y")


def test_each_kind_is_taken_from_toml() -> None:
    assert take("share", 1) == 1.0
    assert take("count", "") is None
    assert take("place", "a") == Path("a")
    assert take("table", {"a": 1}) == {"a": 1}
    assert take("names", ["x"]) == ("x",)


@pytest.mark.parametrize(
    ("name", "text"),
    [("share", "nan"), ("share", "2"), ("count", "10"), ("table", "[1]"), ("word", "c")],
)
def test_what_is_outside_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueInvalid):
        read(name, text)


def test_expectations_are_said_in_words() -> None:
    described = {key.info.name: values.describe_kind(key) for key in KEYS.values()}

    assert described["share"] == "a number from 0.0 to 1.0"
    assert described["count"] == "a whole number (entries) of at most 9, or none"
    assert described["word"] == "one of a, b"
    assert described["table"] == "a table"


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    key = KEYS["sample.place"]

    assert values.show(key, Path("x")) == '"x"'
    assert values.show(KEYS["sample.count"], None) == "none"
    assert len(values.show(key, "x" * 999)) == 200
