"""The runner of `make test` tells the truth about what failed."""

import sys
from pathlib import Path

import pytest

import coverage_floor
import list_slow_tests
import run_tests


def _pytest_part(folder: Path, text: str) -> run_tests.Part:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(text)
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder))
    return run_tests.Part(name="it", command=command)


def _run(part: run_tests.Part) -> run_tests.Outcome:
    setting = run_tests.environment(is_covered=False, data_folder=Path())
    setting["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # The plugins take longer than the tests.
    return run_tests.run_part(part, extra=(), setting=setting)


def test_passed_and_failed_tests_are_counted(tmp_path):
    text = "def test_a(): pass\ndef test_b(): pass\ndef test_c(): assert False\n"
    outcome = _run(_pytest_part(tmp_path, text))
    assert (outcome.passed, outcome.failed) == (2, 1)


def test_a_test_that_was_passed_over_counts_as_failed(tmp_path):
    way_round = "sk" + "ip"
    text = f"import pytest\ndef test_a(): pass\ndef test_b(): pytest.{way_round}('no')\n"
    outcome = _run(_pytest_part(tmp_path, text))
    assert (outcome.passed, outcome.failed) == (1, 1)
    assert "1 skipped" in outcome.note


@pytest.mark.parametrize("text", ["", "import nothing_of_that_name\n", "def test_(: pass\n"])
def test_a_part_that_finds_or_loads_no_test_has_failed(text, tmp_path):
    outcome = _run(_pytest_part(tmp_path, text))
    assert (outcome.passed, outcome.failed) == (0, 1)


def test_a_part_whose_process_dies_has_failed(tmp_path):
    text = "import os\ndef test_a(): os.kill(os.getpid(), 9)\n"
    assert _run(_pytest_part(tmp_path, text)).failed == 1


def test_a_check_counts_as_one_test():
    checks = [
        run_tests.Part(name="it", command=(sys.executable, "-c", code), group="checks")
        for code in ("", "raise SystemExit(3)")
    ]
    outcomes = [_run(part) for part in checks]
    assert [(outcome.passed, outcome.failed) for outcome in outcomes] == [(1, 0), (0, 1)]


def test_the_last_line_is_the_sum(capsys):
    part = run_tests.PARTS[0]
    run_tests.print_table(
        [
            run_tests.Outcome(part=part, passed=3, failed=1),
            run_tests.Outcome(part=part, passed=4, failed=0),
        ],
        seconds=1.0,
    )
    assert capsys.readouterr().out.splitlines()[-1] == "7 passed, 1 failed"


def test_the_fast_run_has_the_house_the_units_and_the_contracts():
    (part,) = run_tests.chosen_parts(only=[], is_fast=True)
    assert {"tests/house", "tests/rooms", "tests/contracts"} <= set(part.command)


def test_no_test_stands_outside_of_the_parts():
    folders = {word for part in run_tests.PARTS for word in part.command if "tests/" in word}
    tests = run_tests.ROOT / "tests"
    found = {f"tests/{path.relative_to(tests).parts[0]}" for path in tests.rglob("test_*.py")}
    assert found == folders


def test_storms_are_in_the_folder_that_their_part_runs():
    mark = "pytest.mark." + "storm"
    tests = run_tests.ROOT / "tests"
    found = [path for path in tests.rglob("test_*.py") if mark in path.read_text()]
    assert found
    assert {path.relative_to(tests).parts[0] for path in found} == {"journeys"}


def test_what_runs_beside_others_is_told_when_it_ended(capfd):
    part = run_tests.Part(
        name="it", command=(sys.executable, "-c", "print('said')"), group="checks", is_beside=True
    )
    other = run_tests.Part(name="other", command=(sys.executable, "-c", ""), group="checks")
    outcomes = run_tests.run_parts([part, other], measures=False, is_fast=False)
    assert [outcome.part.name for outcome in outcomes] == ["it", "other"]
    assert [outcome.passed for outcome in outcomes] == [1, 1]
    assert "=== it: " in (said := capfd.readouterr().out)
    assert "said\n" in said


def test_the_temporary_files_of_a_run_are_gone_after_it(tmp_path):
    code = "import sys, tempfile; open(sys.argv[1], 'w').write(tempfile.mkdtemp())"
    told = tmp_path / "told"
    part = run_tests.Part(name="it", command=(sys.executable, "-c", code, str(told)))
    run_tests.run_parts([part], measures=False, is_fast=False)
    assert told.read_text()
    assert not Path(told.read_text()).exists()


def test_floors_are_only_lifted():
    found = {"kit": 97, "journal": 85}
    measured = {"kit": 90.4, "journal": 93.9, "llm": 88.2, "cli": 60.0}
    assert coverage_floor.raised(found, measured) == {
        "cli": 85,
        "journal": 91,
        "kit": 97,
        "llm": 86,
    }


def test_a_room_below_its_floor_or_without_one_is_a_problem(monkeypatch):
    monkeypatch.setattr(coverage_floor, "rooms", lambda: ["cli", "journal", "kit"])
    monkeypatch.setattr(coverage_floor, "floors", lambda: {"journal": 90, "kit": 90})
    rows = coverage_floor.compare({"cli": 99.0, "journal": 89.9, "kit": 90.0})
    assert [row.room for row in rows if row.problem] == ["cli", "journal"]


def test_the_lines_of_a_room_are_added_up_over_its_files():
    package = coverage_floor.PACKAGE
    report = {
        "files": {
            str(package / "kit" / "ids.py"): {
                "summary": {"covered_lines": 9, "num_statements": 10}
            },
            str(package / "kit" / "clock.py"): {
                "summary": {"covered_lines": 21, "num_statements": 30}
            },
        }
    }
    assert coverage_floor.by_room(report)["kit"] == 75.0


def test_every_slow_test_that_is_listed_is_there(root):
    for line in (root / "tests" / "slow_tests.txt").read_text().split():
        path, _, name = line.partition("::")
        assert f"def {name}(" in (root / path).read_text(), line


def test_the_slow_tests_of_a_report_are_listed_with_all_their_parameters(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").touch()
    cases = {"test_a[1]": 0.01, "test_a[2]": 0.5, "test_b": 0.09, "test_c": 0.1}
    lines = [
        f'<testcase classname="tests.test_it" name="{n}" time="{s}"/>' for n, s in cases.items()
    ]
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuites>{''.join(lines)}</testsuites>")
    names = list_slow_tests.slow_tests(report, root=tmp_path)
    assert names == ["tests/test_it.py::test_a", "tests/test_it.py::test_c"]
