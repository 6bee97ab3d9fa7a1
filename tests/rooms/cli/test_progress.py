"""Bars are drawn on a terminal, and nowhere else."""

import sys

from novacore.cli.console import Console
from novacore.cli.progress import Bars


def _drawn(capfd, **facts) -> str:
    console = Console(sys.stdout, sys.stderr, **facts)
    with Bars(console) as bars:
        bars.show("hot", 10, 100)
        bars.show("hot", 100, 100)
    return capfd.readouterr().err


def test_on_a_terminal_a_bar_says_how_far_the_work_is(capfd, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    drawn = _drawn(capfd, is_terminal=True, is_plain=False, has_color=True)
    assert "hot" in drawn
    assert "100 of 100" in drawn


def test_where_the_output_is_no_terminal_or_a_plain_one_nothing_is_drawn(capfd):
    assert _drawn(capfd) == ""
    assert _drawn(capfd, is_terminal=True, is_plain=True) == ""
