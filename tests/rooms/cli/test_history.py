"""Typed lines are remembered, privately and within a limit."""

import stat
from pathlib import Path

from novacore.cli.terminal.history import HistoryFile


def test_lines_come_back_newest_first_with_their_newlines(tmp_path: Path) -> None:
    kept = HistoryFile(tmp_path / "history", entries_max=10)
    for line in ("first", "two\nlines", "日本 \udc80"):
        kept.store_string(line)

    again = HistoryFile(tmp_path / "history", entries_max=10)
    assert list(again.load_history_strings()) == ["日本 \udc80", "two\nlines", "first"]


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    HistoryFile(tmp_path / "history", entries_max=10).store_string("secret")

    assert stat.S_IMODE((tmp_path / "history").stat().st_mode) == 0o600


def test_a_damaged_line_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "history").write_bytes(b'"one"\n\xff{{\n17\n"two"\n')

    kept = HistoryFile(tmp_path / "history", entries_max=10)
    assert list(kept.load_history_strings()) == ["two", "one"]


def test_it_is_cut_when_it_has_grown_to_twice_its_size(tmp_path: Path) -> None:
    kept = HistoryFile(tmp_path / "history", entries_max=3)
    for number in range(8):
        kept.store_string(str(number))

    assert list(kept.load_history_strings()) == ["7", "6", "5"]
    assert (tmp_path / "history").read_text().split() == ['"5"', '"6"', '"7"']
    assert stat.S_IMODE((tmp_path / "history").stat().st_mode) == 0o600


def test_a_limit_of_zero_writes_nothing(tmp_path: Path) -> None:
    HistoryFile(tmp_path / "history", entries_max=0).store_string("secret")

    assert not (tmp_path / "history").exists()
    assert list(HistoryFile(tmp_path / "none", entries_max=3).load_history_strings()) == []
