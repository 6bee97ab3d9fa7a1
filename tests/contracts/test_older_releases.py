"""Every release opens the data directory of every release before it."""

import importlib.util
import json
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from novacore import journal

ROOT = Path(__file__).resolve().parents[2]
RELEASES = sorted((ROOT / "tests" / "releases").glob("*.tar.xz"))


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_release_fixture", ROOT / "tools" / "make_release_fixture.py"
    )
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def _unpack(archive: Path, target: Path) -> None:
    """File by file: `extractall` wants a filter in new releases of Python and knows none in old."""
    with tarfile.open(archive) as packed:
        for member in packed:
            file = packed.extractfile(member) if member.isfile() else None
            if file is not None:
                path = target / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())


def test_there_is_a_data_directory_of_a_release() -> None:
    assert RELEASES


@pytest.mark.parametrize("archive", RELEASES, ids=lambda path: path.name)
def test_a_data_directory_of_an_older_release_opens_whole_and_takes_more(
    archive: Path, tmp_path: Path
) -> None:
    _unpack(archive, tmp_path)
    facts = json.loads(archive.with_name(archive.name.replace(".tar.xz", ".json")).read_text())
    accounts = facts.pop("accounts", None)
    if accounts is not None:
        told = _tool().describe_accounts(tmp_path / "data", key=accounts["key"])
        assert told == accounts
    with journal.open_store(tmp_path / "data") as store:
        assert _tool().describe(store) == facts
        assert store.verify(all_owners=True).is_sound
        talk = store.get_session("talk", workspace="/work")
        talk.append({"role": "user", "content": "still here"})
    with journal.open_store(tmp_path / "data") as store:
        talk = store.get_session("talk", workspace="/work")
        assert talk.messages[-1] == {"role": "user", "content": "still here"}
        assert talk.open(at=3).gaps == []
        assert talk.open().gaps == [3, 40]
        assert store.verify(all_owners=True).is_sound


def test_the_next_release_leaves_accounts_behind_that_are_found_again(tmp_path: Path) -> None:
    tool = _tool()
    accounts = tool.fill_accounts(tmp_path / "data")
    assert tool.describe_accounts(tmp_path / "data", key=accounts["key"]) == accounts
