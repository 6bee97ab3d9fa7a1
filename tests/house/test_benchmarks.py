"""The bench runs and prints its tables. What it finds is judged by people, on a quiet machine."""

import json
import subprocess
import sys

import pytest
from benchmarks import measure, report, workload


@pytest.fixture(scope="module")
def quick_run(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--no-libraries"]
    command += ["--only", "open", "--only", "request", "--dir", str(folder)]
    command += ["--json", str(folder / "result.json")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done, json.loads((folder / "result.json").read_text()), folder


@pytest.mark.heavy
def test_a_quick_run_prints_each_figure_beside_its_target(quick_run):
    done, found, _ = quick_run
    assert done.returncode == 0, done.stderr
    assert "targets met." in done.stdout
    for row in found["rows"]:
        assert f"{row['shown']} | {row['target']} |" in done.stdout
        assert (row["is_met"] is None) == (row["target"] == "")


def test_a_run_leaves_nothing_behind(quick_run):
    folder = quick_run[2]
    assert [path.name for path in folder.iterdir()] == ["result.json"]


@pytest.mark.heavy
def test_a_quick_run_is_never_published(root):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--write"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--write needs the full run" in done.stderr


def test_the_conversation_is_the_same_each_time_and_of_the_stated_size():
    messages = workload.conversation()
    assert messages == workload.conversation()
    assert len(messages) == 738
    assert 900_000 < len(workload.compact(messages)) < 1_100_000
    assert messages[0]["role"] == "user"
    assert messages[-1]["role"] == "assistant"


def test_every_call_in_the_conversation_has_its_result():
    messages = workload.conversation()
    blocks = [b for m in messages if m["role"] == "assistant" for b in m["content"]]
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    results = [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert calls == results
    assert len(set(calls)) == len(calls) > 300


def test_a_burst_in_one_round_does_not_move_the_figures():
    quiet, burst = [1.0] * 100, [50.0] * 100
    timing = measure.Timing([quiet, burst, quiet])
    assert timing.p50_ms == timing.p99_ms == 1.0
    assert timing.p99_pooled_ms == 50.0


def test_two_are_compared_within_the_same_round():
    ours = measure.Timing([[1.0], [10.0], [1.0]])
    theirs = measure.Timing([[4.0], [40.0], [4.0]])
    assert measure.ratio(theirs, ours) == 4.0
    assert measure.excess_ms(theirs, ours) == 3.0


def test_a_missed_target_is_shown_as_missed():
    rows = [
        report.at_most("S", "slow", 2.0, limit=1),
        report.at_least("S", "fast", 50.0, limit=40, unit="×"),
    ]
    text = report.tables(rows)
    assert "| slow | 2.00 ms | ≤ 1 ms | **not met** |" in text
    assert "| fast | 50.0 × | ≥ 40 × | met |" in text
    assert report.tally(rows) == "1 of 2 targets met."
