"""The coverage floors only rise."""

import subprocess
import tomllib

import coverage_floor


def _earlier_floors(root) -> list[dict[str, int]]:
    """Every committed version of the floors, newest first; none where there is no history."""
    path = coverage_floor.FLOORS.relative_to(root).as_posix()
    listed = subprocess.run(
        ["git", "log", "--format=%H", "--", path],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    versions = [
        subprocess.run(
            ["git", "show", f"{commit}:{path}"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for commit in listed
    ]
    return [tomllib.loads(text)["rooms"] for text in versions]


def test_no_floor_is_lower_than_it_ever_was(root):
    floors = coverage_floor.floors()
    for earlier in _earlier_floors(root):
        lowered = {
            room: (floor, floors.get(room, 0))
            for room, floor in earlier.items()
            if floors.get(room, 0) < floor
        }
        assert lowered == {}


def test_every_room_has_a_floor_of_at_least_eighty_five_percent(rooms):
    floors = coverage_floor.floors()
    assert sorted(floors) == rooms
    assert min(floors.values()) >= coverage_floor.FLOOR_MIN
