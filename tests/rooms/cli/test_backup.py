"""`nova backup`, `nova restore` and `nova migrate`, as a person types them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.rooms.cli.conftest import ANSWER, HELLO, Nova

from novacore import journal

pytestmark = pytest.mark.heavy


@pytest.fixture
def filled(nova: Nova) -> Nova:
    """A data directory with two sessions."""
    with journal.open_store(nova.data_dir) as store:
        store.session("first", workspace=str(nova.folder)).append(HELLO, ANSWER)
        store.session("second").append({"role": "user", "content": "secret canary"})
    return nova


def exported(nova: Nova, folder: Path) -> list[str]:
    """What a store says, one line an entry, without the times of the export."""
    done = nova("export", "--all", "--data-dir", str(folder))
    assert done.code == 0
    return sorted(done.out.splitlines())


def test_a_backup_is_made_listed_verified_and_restored(filled: Nova, tmp_path: Path) -> None:
    made = filled("backup")
    assert made.code == 0
    assert "Restored and found equal: 2 sessions" in made.out
    assert "Copy it to another place now" in made.err
    assert "key" not in filled("backup").err
    listed = filled("backup", "list", "--json").json
    assert [each["is_full"] for each in listed["backups"]] == [True, False]
    assert all(each["is_verified"] for each in listed["backups"])
    assert listed["age_s"] < 60
    assert filled("backup", "verify").code == 0
    target = tmp_path / "new"
    done = filled("restore", "--into", str(target))
    assert done.code == 0
    assert str(target) in done.out
    assert exported(filled, target) == exported(filled, filled.data_dir)


def test_a_restore_goes_back_to_a_sequence_or_a_time(filled: Nova, tmp_path: Path) -> None:
    with journal.open_store(filled.data_dir) as store:
        moment = store.read(0, 10)[1].recorded_at_us
    filled("backup")
    for number, at in enumerate(("2", str(_iso(moment)))):
        target = tmp_path / f"at{number}"
        assert filled("restore", "--at", at, "--into", str(target), "--json").json["sequence"] == 2
    late = filled("restore", "--at", "99", "--into", str(tmp_path / "late"))
    assert late.code == 1
    assert "later" in late.err
    wrong = filled("restore", "--at", "yesterday-ish", "--into", str(tmp_path / "x"))
    assert "neither a sequence nor a time" in wrong.err


def _iso(time_us: int) -> str:
    from novacore.cli import sessions  # noqa: PLC0415 - only here

    return sessions.iso_time(time_us)


def test_a_restore_never_overwrites_without_being_told(filled: Nova) -> None:
    filled("backup")
    before = exported(filled, filled.data_dir)
    refused = filled("restore", "--into", str(filled.data_dir))
    assert refused.code == 1
    assert "in use" in refused.err
    other = filled.folder / "full"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    assert "other files" in filled("restore", "--into", str(other)).err
    assert exported(filled, filled.data_dir) == before


def test_replacing_moves_the_old_aside_and_keeps_models_and_settings(filled: Nova) -> None:
    filled("backup")
    (filled.data_dir / "models").mkdir()
    (filled.data_dir / "models" / "a.gguf").write_text("weights")
    (filled.data_dir / "nova.toml").write_text("[cli]\nplain = true\n")
    with journal.open_store(filled.data_dir) as store:
        store.session("third").append(HELLO)
    done = filled("restore", "--replace", "--json")
    assert done.code == 0
    aside = Path(done.json["aside"])
    with journal.open_store(aside) as old, journal.open_store(filled.data_dir) as new:
        assert len(old.list_sessions()) == 3
        assert len(new.list_sessions()) == 2
    assert (filled.data_dir / "models" / "a.gguf").read_text() == "weights"
    assert (filled.data_dir / "nova.toml").read_text() == "[cli]\nplain = true\n"


def test_a_data_directory_in_use_is_not_replaced(filled: Nova) -> None:
    if not Path("/proc/self/fd").exists():
        return  # this system does not tell who has a file open
    filled("backup")
    program = "import sys, novacore.journal as j; s = j.open_store(sys.argv[1]); print(1, flush=True); sys.stdin.read()"  # noqa: E501 - one program
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(filled.data_dir)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        refused = filled("restore", "--replace")
        assert refused.code == 1
        assert str(holder.pid) in refused.err
    finally:
        holder.communicate()
    assert filled("restore", "--replace").code == 0


def test_secrets_stay_out_of_the_settings_that_are_kept(filled: Nova, tmp_path: Path) -> None:
    text = '[llm]\nmodel = "m"\napi_key = "sk-very-secret"\n'
    (filled.data_dir / "nova.toml").write_text(text)
    filled("backup")
    filled("restore", "--into", str(tmp_path / "new"))
    kept = (tmp_path / "new" / "nova.toml").read_text()
    assert 'model = "m"' in kept
    assert "sk-very-secret" not in kept
    assert "llm.api_key" in kept


def test_what_was_erased_is_not_restored(filled: Nova, tmp_path: Path) -> None:
    filled("backup")
    assert filled("erase", "second", "--yes").code == 0
    filled("restore", "--into", str(tmp_path / "new"))
    for path in (tmp_path / "new").rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes()


def test_pruning_to_nothing_leaves_one_fresh_full_backup(filled: Nova) -> None:
    old = filled("backup", "--json").json["id"]
    filled("erase", "second", "--yes")
    done = filled("backup", "prune", "--days", "0", "--json").json
    assert done["removed"] == [old]
    listed = filled("backup", "list", "--json").json["backups"]
    assert [each["id"] for each in listed] == [done["made"]]


def test_a_lost_key_is_said_and_no_new_one_is_made(filled: Nova, tmp_path: Path) -> None:
    filled("backup")
    key = tmp_path / "data-backup.key"
    kept = key.read_text()
    key.unlink()
    for command in (("backup",), ("backup", "verify"), ("restore", "--into", str(tmp_path / "r"))):
        refused = filled(*command)
        assert refused.code == 1
        assert "is missing" in refused.err
    assert not key.exists()
    key.write_text(kept)
    assert filled("backup").code == 0


def test_a_flipped_byte_is_found_by_verify_and_shown_by_doctor(
    filled: Nova, tmp_path: Path
) -> None:
    made = filled("backup", "--json").json
    part = tmp_path / "data-backups" / f"{made['id']}.part"
    data = bytearray(part.read_bytes())
    data[-5] ^= 1
    part.write_bytes(bytes(data))
    found = filled("backup", "verify", "--json")
    assert found.code == 1
    assert made["id"] in found.json["problems"][0]
    manifest = part.with_suffix(".json")
    manifest.write_text(manifest.read_text().replace('"entries":3', '"entries":4'))
    assert filled("backup", "list").code == 1
    findings = {each["name"]: each for each in filled("doctor", "--json").json["findings"]}
    assert findings["backups"]["state"] == "wrong"


def test_backups_in_the_data_directory_and_keys_beside_them_are_refused(filled: Nova) -> None:
    inside = filled("backup", "--set", f"ops.backup_dir={filled.data_dir / 'b'}")
    assert "lost with it" in inside.err
    beside = filled("backup", "--set", f"ops.backup_key_file={filled.data_dir}-backups/key")
    assert "has the key" in beside.err
    assert (inside.code, beside.code) == (1, 1)


def test_a_journal_moves_to_another_folder_and_the_old_one_says_so(
    filled: Nova, tmp_path: Path
) -> None:
    target = tmp_path / "moved"
    before = exported(filled, filled.data_dir)
    done = filled("migrate", "--to", f"sqlite:{target}")
    assert done.code == 0
    assert "compared by its digest" in done.out
    assert exported(filled, target) == before
    with journal.open_store(filled.data_dir) as store, pytest.raises(journal.StoreMoved):
        store.session("first", workspace=str(filled.folder)).append(HELLO)
    again = filled("migrate", "--to", f"sqlite:{target}", "--json")
    assert (again.code, again.json["entries"]) == (0, 0)


def test_a_move_can_be_given_up(filled: Nova, tmp_path: Path) -> None:
    assert filled("migrate", "--cancel").code == 2
    filled("migrate", "--to", f"sqlite:{tmp_path / 'moved'}")
    assert "takes appends here again" in filled("migrate", "--cancel").out
    with journal.open_store(filled.data_dir) as store:
        store.session("second").append(HELLO)


def test_a_journal_moves_to_a_database_and_is_used_there(
    filled: Nova, tmp_path: Path, postgres_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = exported(filled, filled.data_dir)
    url = postgres_server.new_schema()
    done = filled("migrate", "--to", url)
    assert done.code == 0
    assert "options" not in done.out
    monkeypatch.setenv("NOVA_DATABASE_URL", url)
    assert sorted(filled("export", "--all").out.splitlines()) == before
    assert filled("backup").code == 0
    back = tmp_path / "back"
    assert filled("migrate", "--to", f"sqlite:{back}").code == 0
    monkeypatch.delenv("NOVA_DATABASE_URL")
    assert exported(filled, back) == before


def test_plain_json_files_are_said_to_have_no_backups(nova: Nova) -> None:
    refused = nova("backup", "--set", "store=json")
    assert refused.code == 2
    assert re.search("Copy the folder", refused.err)
    assert json.dumps({}) not in refused.out


def test_a_physical_backup_of_a_folder_is_refused(filled: Nova) -> None:
    refused = filled("backup", "--physical")
    assert refused.code == 2
    assert "Leave --physical out" in refused.err


def test_a_database_brought_back_by_other_means_is_restored_from(
    filled: Nova, tmp_path: Path, postgres_server
) -> None:
    url = postgres_server.new_schema()
    filled("migrate", "--to", url)
    with journal.open_postgres(url) as store:
        victim = store.session("second")
    target = tmp_path / "new"
    done = filled("restore", "--from", url, "--at", "2", "--into", str(target), "--json")
    assert done.code == 0
    assert done.json["sequence"] == 2
    with journal.open_store(target) as store:
        assert store.find_session(victim.id) is None
        assert store.verify().problems == []
    late = filled("restore", "--from", url, "--at", "99", "--into", str(tmp_path / "x"))
    assert "ends at sequence 3" in late.err


@pytest.mark.heavy
def test_a_physical_backup_is_made_verified_and_restored(
    filled: Nova, tmp_path: Path, postgres_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_server.new_schema()
    before = exported(filled, filled.data_dir)
    filled("migrate", "--to", url)
    monkeypatch.setenv("NOVA_DATABASE_URL", url)
    monkeypatch.setenv("NOVA_OPS_POSTGRES_PROGRAMS", str(postgres_server._programs))
    made = filled("backup", "--physical", "--json")
    assert made.code == 0, made.err
    assert made.json["kind"] == "physical"
    assert filled("backup", "verify").code == 0
    target = tmp_path / "new"
    assert filled("restore", "--into", str(target)).code == 0
    monkeypatch.delenv("NOVA_DATABASE_URL")
    assert exported(filled, target) == before
