"""The floor: clocks, ids, limits and the root of all errors."""

import dataclasses

import pytest

from novacore import kit


def test_the_system_clock_tells_the_time_in_microseconds() -> None:
    clock = kit.SystemClock()
    assert clock.now_us() > 1_700_000_000_000_000
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_a_fixed_clock_moves_only_when_told_and_may_go_back() -> None:
    clock = kit.FixedClock(5_000)
    assert clock.now_us() == clock.now_us() == 5_000
    clock.advance_ms(2)
    assert clock.now_us() == 7_000
    clock.advance_ms(-3)
    assert clock.now_us() == 4_000
    assert clock.monotonic_s() == pytest.approx(0.002)


def test_a_new_id_is_a_uuid_of_version_7_that_begins_with_the_time() -> None:
    clock = kit.FixedClock(1_700_000_000_123_000)
    made = kit.new_id(clock)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == 1_700_000_000_123


def test_ids_made_in_the_same_millisecond_differ() -> None:
    clock = kit.FixedClock()
    assert len({kit.new_id(clock) for _ in range(1_000)}) == 1_000


def test_a_new_id_uses_all_the_random_bits_it_was_given() -> None:
    clock = kit.FixedClock(0)
    made = kit.new_id(clock, random_bytes=lambda n: b"\xff" * n)
    assert str(made) == "00000000-0000-7fff-bfff-ffffffffffff"


def test_a_derived_id_depends_on_its_parts_and_where_they_are_cut() -> None:
    assert kit.derived_id("a", "b") == kit.derived_id("a", b"b")
    assert kit.derived_id("ab", "c") != kit.derived_id("a", "bc")
    assert kit.derived_id("x").version == 8
    assert kit.derived_id("\ud800") != kit.derived_id("\ud801")


def test_a_text_that_is_no_id_is_quoted_in_the_error() -> None:
    assert str(kit.parse_id("019A2004F367F7CC4BD663366D62FFA0")).startswith("019a2004")
    with pytest.raises(ValueError, match="'nonsense' is not a UUID"):
        kit.parse_id("nonsense")


class Broken(kit.NovaError):
    """Something of ours broke.

    More text that is no part of the message.
    """

    kind = kit.ErrorKind.CORRUPT


def test_an_error_says_its_first_docstring_line_unless_told_more() -> None:
    assert str(Broken()) == "Something of ours broke."
    assert str(Broken("Disk 3 broke.", hint="Replace it.")) == "Disk 3 broke. Replace it."
    assert Broken().kind is kit.ErrorKind.CORRUPT
    assert kit.NovaError().kind is kit.ErrorKind.REFUSED


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """A config as rooms have them."""

    wait_ms: int = kit.setting(100, unit="ms", minimum=1, maximum=1_000, doc="How long to wait.")
    mode: str = kit.setting("fast", choices=("fast", "safe"), doc="Which way.")
    key: str = kit.setting("", secret=True, doc="The key.")
    is_loud: bool = kit.setting(default=False, doc="Whether to say so.")

    def __post_init__(self) -> None:
        kit.check(self)


def test_a_setting_within_its_range_is_taken() -> None:
    assert Limits(wait_ms=1_000, mode="safe", is_loud=True).wait_ms == 1_000


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"wait_ms": 0}, "wait_ms is 0; expected at least 1 ms. How long to wait."),
        ({"wait_ms": 1_001}, "wait_ms is 1001; expected at most 1000 ms. How long to wait."),
        ({"mode": "slow"}, "mode is 'slow'; expected one of fast, safe. Which way."),
    ],
)
def test_a_setting_out_of_its_range_is_refused_by_name(
    values: dict[str, object], said: str
) -> None:
    with pytest.raises(kit.SettingInvalid) as caught:
        Limits(**values)  # pyright: ignore[reportArgumentType]
    assert str(caught.value) == said
    assert caught.value.name == next(iter(values))


def test_a_secret_is_never_printed() -> None:
    assert "hunter2" not in repr(Limits(key="hunter2"))
    assert [info.name for info in kit.limits_of(Limits) if info.is_secret] == ["key"]


def test_the_limits_of_a_config_can_be_listed_with_unit_and_default() -> None:
    first = next(kit.limits_of(Limits))
    assert (first.name, first.default, first.unit, first.minimum) == ("wait_ms", 100, "ms", 1)
