"""Filled data directories that tests copy and damage."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from tests.rooms.journal.damage import Place, fill, open_copy, read_all


@pytest.fixture
def quick_path(tmp_path):
    """A folder in memory where the machine has one, for tests that write a lot."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="nova-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def closed_place(tmp_path_factory):
    """A store that was closed: everything is in the main file and in segments."""
    folder = tmp_path_factory.mktemp("closed") / "data"
    fill(folder).close()
    return Place(folder, _expected(folder, tmp_path_factory))


@pytest.fixture(scope="session")
def logged_place(tmp_path_factory):
    """A store as a killed process leaves it: the newest entries are in the write-ahead log."""
    base = tmp_path_factory.mktemp("logged")
    store = fill(base / "live")
    shutil.copytree(base / "live", base / "data")
    store.close()
    (base / "data" / "journal.db-shm").unlink()
    return Place(base / "data", _expected(base / "data", tmp_path_factory))


def _expected(folder, tmp_path_factory):
    copy = shutil.copytree(folder, tmp_path_factory.mktemp("reference") / "data")
    with open_copy(copy) as store:
        return read_all(store)
