"""Front doors that load their rooms late."""

import subprocess
import sys

import pytest

from novacore import kit


def test_a_name_is_loaded_when_it_is_asked_for_and_then_stays(tmp_path, monkeypatch):
    room = tmp_path / "lateroom"
    room.mkdir()
    (room / "__init__.py").write_text(
        'from novacore import kit\n__getattr__ = kit.late_names(__name__, {"inside": ["THING"]})\n'
    )
    (room / "inside.py").write_text('print("loaded")\nTHING = 7\n')
    script = (
        "import lateroom\nprint('door')\nprint(lateroom.THING, lateroom.THING)\n"
        "from lateroom import THING\nprint(THING, 'THING' in vars(lateroom))\n"
        "try:\n    lateroom.OTHER\nexcept AttributeError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "door",
        "loaded",
        "7 7",
        "7 True",
        "module 'lateroom' has no attribute 'OTHER'",
    ]


def test_a_name_that_stands_in_two_modules_is_refused():
    with pytest.raises(ValueError, match="stands in one and in two"):
        kit.late_names("room", {"one": ["Name"], "two": ["Name"]})
