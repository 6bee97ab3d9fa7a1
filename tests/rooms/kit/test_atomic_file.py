"""A file is there whole or not at all."""

import pytest

from novacore import kit


def test_a_file_is_replaced_whole_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "facts"
    path.write_bytes(b"old")
    with kit.replaced(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["facts"]


def test_what_breaks_off_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path):
    path = tmp_path / "facts"
    path.write_bytes(b"old")

    def break_off() -> None:
        with kit.replaced(path, syncs_folder=False) as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["facts"]
