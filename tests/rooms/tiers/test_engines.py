"""The table of engines: complete, and as honest as the page about it."""

import re
from pathlib import Path

import pytest

from novacore import tiers
from novacore.kit import SystemClock, limits_of
from novacore.tiers import engines

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "tiers.md"


def _place(folder: Path) -> tiers.Place:
    return tiers.Place(config=tiers.Config(), folder=folder, clock=SystemClock())


def test_every_engine_that_a_setting_may_name_is_in_the_table_and_no_other():
    choices = {info.name: info.choices for info in limits_of(tiers.Config)}
    named = {(tier, name) for tier in tiers.TIERS for name in choices[tier] if name != "off"}
    assert set(engines.ENGINES) == named
    assert set(engines.PROJECTIONS) == set(tiers.TIERS)


def test_the_page_says_of_every_engine_what_it_was_tested_with(tmp_path):
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    said = {(tier, name): tested for tier, name, tested in rows}
    assert set(said) == set(engines.ENGINES)
    for (tier, name), kind in engines.ENGINES.items():
        tested_with = kind.make(_place(tmp_path)).tested_with
        text = said[tier, name]
        assert (not tested_with) == text.startswith("nothing"), (tier, name)
        assert ("at hand" in tested_with) == ("at hand" in text and bool(tested_with))


def test_an_engine_says_which_tier_it_serves_and_under_which_name(tmp_path):
    for (tier, name), kind in engines.ENGINES.items():
        made = kind.make(_place(tmp_path))
        assert (made.tier, made.name) == (tier, name)


def test_an_engine_that_its_tier_does_not_have_is_refused_with_those_that_it_has(tmp_path):
    with pytest.raises(tiers.TierUnknown, match="no engine 'mongodb'") as caught:
        engines.make_engine("hot", "mongodb", place=_place(tmp_path))
    assert "redis" in caught.value.hint
    with pytest.raises(tiers.TierUnknown):
        engines.make_projection("warm", _place(tmp_path))
