"""Accounts, usage and keys in backups, restores and moves, as a person asks for them."""

import contextlib
import json
import resource
import shutil

import pytest
from tests import migrated
from tests.rooms.cli.conftest import Nova

from novacore import billing, bootstrap, identity, ops, settings

pytestmark = pytest.mark.heavy

PASSWORD = "four plain words here"
TOKENS = 37


@pytest.fixture
def nova(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> Nova:
    """With passwords as cheap as they go."""
    monkeypatch.setenv("NOVA_IDENTITY_PASSWORD_MEMORY_KIB", "8")
    monkeypatch.setenv("NOVA_IDENTITY_PASSWORD_PASSES", "1")
    return nova


@contextlib.contextmanager
def opened(nova: Nova, **more: str):
    """The platform over a data directory."""
    chosen = settings.load(overrides={"data_dir": str(nova.data_dir)} | more)
    platform = bootstrap.open_platform(chosen, announce=lambda line: None)
    try:
        yield platform
    finally:
        platform.close()


def fill(nova: Nova, **more: str) -> dict[str, str]:
    """Two people with sessions, keys and usage; their keys."""
    secrets: dict[str, str] = {}
    if not more and not nova.data_dir.exists():
        migrated.make_business(nova.data_dir / "business.db")
    with opened(nova, **more) as platform:
        for name in ("ann", "ben"):
            account = platform.identity.administration.create(
                f"{name}@example.org", password=PASSWORD
            )
            secrets[name] = platform.identity.keys.create(account.id, name="mine").secret
            store = platform.store_of(account.id)
            store.session("talk").append({"role": "user", "content": f"I am {name}"})
            usage = billing.Usage(
                account_id=account.id, hold_id=f"hold-{name}", day="2026-11-22", plan="basic",
                purpose="chat", model="m", provider="p", price_version="1",
                input_tokens=TOKENS, output_tokens=0, sequence=1,
            )  # fmt: skip
            platform.billing.settle([usage])
    return secrets


def facts(nova: Nova, secrets: dict[str, str], **more: str) -> dict[str, object]:
    """Who gets in with these keys, and what the ledger says of them."""
    found: dict[str, object] = {}
    with opened(nova, **more) as platform:
        for name, secret in secrets.items():
            try:
                who = platform.identity.authenticate(secret)
            except identity.CredentialInvalid:
                found[name] = None
                continue
            with platform.database.read() as connection:
                used = connection.exec_driver_sql(
                    "SELECT sum(input_tokens) FROM billing_ledger"
                    f" WHERE account_id = '{who.account_id}'"
                ).scalar_one()
            talk = platform.store_of(who.account_id).session("talk")
            found[name] = (who.email, used, [each["content"] for each in talk.messages])
    return found


EVERYTHING = {
    name: (f"{name}@example.org", TOKENS, [f"I am {name}"]) for name in ("ann", "ben")
}  # fmt: skip


def at(nova: Nova, folder) -> Nova:
    return Nova(data_dir=folder, folder=nova.folder, run=nova.run)


def test_a_backup_brings_back_accounts_keys_and_usage(nova: Nova, tmp_path) -> None:
    secrets = fill(nova)
    made = nova("backup")
    assert made.code == 0
    assert "rows of accounts and usage" in made.out
    assert nova("backup", "verify").code == 0
    assert nova("restore", "--into", str(tmp_path / "new")).code == 0
    assert facts(at(nova, tmp_path / "new"), secrets) == EVERYTHING == facts(nova, secrets)
    (key,) = (tmp_path / "new" / "keys").iterdir()
    assert key.stat().st_mode & 0o777 == 0o600
    assert nova("verify", "--data-dir", str(tmp_path / "new")).code == 0


def test_nothing_of_accounts_can_be_read_in_the_backups_without_their_key(nova: Nova) -> None:
    secrets = fill(nova)
    nova("backup")
    folder = nova.data_dir.with_name("data-backups")
    content = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    (key,) = (nova.data_dir / "keys").iterdir()
    for secret in (b"ann@example.org", key.read_bytes()[:20], *map(str.encode, secrets.values())):
        assert secret not in content
    assert list((nova.data_dir / "scratch").glob("*")) == []


def test_what_came_after_a_backup_is_in_the_next_one(nova: Nova, tmp_path) -> None:
    secrets = fill(nova)
    nova("backup")
    with opened(nova) as platform:
        account = platform.identity.administration.create("eve@example.org", password=PASSWORD)
        secrets["eve"] = platform.identity.keys.create(account.id, name="k").secret
    nova("backup")
    nova("restore", "--into", str(tmp_path / "new"))
    found = facts(at(nova, tmp_path / "new"), secrets)
    assert found == EVERYTHING | {"eve": ("eve@example.org", None, [])}


def test_a_deleted_account_does_not_come_back_from_an_older_backup(nova: Nova, tmp_path) -> None:
    secrets = fill(nova)
    nova("backup")
    with opened(nova) as platform:
        account_id = platform.identity.authenticate(secrets["ben"]).account_id
    bootstrap.note_erased_accounts(nova.data_dir.with_name("data-backups"), [account_id])
    shutil.rmtree(nova.data_dir)
    assert nova("restore", "--into", str(tmp_path / "new")).code == 0
    restored = at(nova, tmp_path / "new")
    found = facts(restored, secrets)
    assert found == {"ann": EVERYTHING["ann"], "ben": None}
    content = (tmp_path / "new" / "business.db").read_bytes()
    assert b"ben@example.org" not in content
    assert bootstrap.read_erased_accounts(tmp_path / "new") == [account_id]
    with opened(restored) as platform:
        assert platform.store_of(account_id).list_sessions() == []
    content = b"".join(path.read_bytes() for path in (tmp_path / "new").glob("*.d*"))
    assert b"I am ann" in content
    assert b"I am ben" not in content


def test_a_list_of_deleted_accounts_that_can_not_be_read_stops_a_restore(
    nova: Nova, tmp_path
) -> None:
    fill(nova)
    nova("backup")
    (nova.data_dir.with_name("data-backups") / "erased-accounts.jsonl").write_text("{torn")
    done = nova("restore", "--into", str(tmp_path / "new"))
    assert done.code != 0
    assert "list of deleted accounts" in done.err
    assert not (tmp_path / "new" / "business.db").exists()


def test_a_restore_goes_in_the_place_of_the_data_directory(nova: Nova) -> None:
    secrets = fill(nova)
    nova("backup")
    with opened(nova) as platform:
        platform.identity.administration.create("eve@example.org", password=PASSWORD)
    assert nova("restore", "--replace").code == 0
    assert facts(nova, secrets) == EVERYTHING


@pytest.mark.heavy
def test_everything_moves_to_postgresql_and_back(nova: Nova, tmp_path, postgres_server) -> None:
    secrets = fill(nova)
    url = postgres_server.new_database()
    moved = nova("migrate", "--to", url)
    assert moved.code == 0, moved.err
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOVA_DATABASE_URL", url)
        assert facts(nova, secrets) == EVERYTHING
        assert nova("backup").code == 0
        assert nova("verify").code == 0
        back = nova("migrate", "--to", f"sqlite:{tmp_path / 'back'}")
        assert back.code == 0, back.err
        into = postgres_server.new_database()
        assert nova("restore", "--into", into).code == 0
        patch.setenv("NOVA_DATABASE_URL", into)
        assert facts(nova, secrets) == EVERYTHING
        # As it would be brought back by a tool of the server's administrator.
        brought = nova("restore", "--from", into, "--into", str(tmp_path / "brought"))
        assert brought.code == 0, brought.err
    assert facts(at(nova, tmp_path / "back"), secrets) == EVERYTHING
    assert facts(at(nova, tmp_path / "brought"), secrets) == EVERYTHING


def test_a_move_over_other_accounts_is_refused_and_changes_nothing(nova: Nova, tmp_path) -> None:
    secrets = fill(nova)
    other = at(nova, tmp_path / "other")
    with opened(other) as platform:
        platform.identity.administration.create("eve@example.org", password=PASSWORD)
    (tmp_path / "other" / "journal.db").rename(tmp_path / "aside.db")
    for name in ("journal.db-wal", "journal.db-shm", "journal.head"):
        (tmp_path / "other" / name).unlink(missing_ok=True)
    done = nova("migrate", "--to", f"sqlite:{tmp_path / 'other'}")
    assert done.code != 0
    assert facts(nova, secrets) == EVERYTHING


def test_doctor_and_verify_find_a_damaged_database_and_an_open_key(nova: Nova) -> None:
    fill(nova)
    told = {each["name"]: each for each in nova("doctor", "--json").json["findings"]}
    assert told["accounts"]["state"] == "ok"
    (key,) = (nova.data_dir / "keys").iterdir()
    key.chmod(0o644)
    assert nova("verify").code == 1
    key.chmod(0o600)
    assert nova("verify").code == 0
    with opened(nova) as platform:
        platform.database.engine.dispose()
    content = bytearray((nova.data_dir / "business.db").read_bytes())
    content[4096:8192] = b"\xff" * 4096
    (nova.data_dir / "business.db").write_bytes(content)
    told = {each["name"]: each for each in nova("doctor", "--json").json["findings"]}
    assert told["accounts"]["state"] == "wrong"


def test_a_disk_without_room_for_the_rows_leaves_the_earlier_backups_as_they_were(
    nova: Nova,
) -> None:
    fill(nova)
    assert nova("backup").code == 0
    before = nova("backup", "list", "--json").json["backups"]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        done = nova("backup", "--full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert done.code == 1
    assert nova("backup", "list", "--json").json["backups"] == before
    assert list((nova.data_dir / "scratch").glob("*")) == []
    assert nova("backup").code == 0


def test_damaged_rows_never_count_as_a_backup(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(nova)
    real = ops.business.Spooled.__iter__

    def lossy(self):
        files = list(real(self))
        rows = [file for file in files if file.name == ops.business.ROWS]
        return iter([file for file in files if file is not rows[-1]])

    monkeypatch.setattr(ops.business.Spooled, "__iter__", lossy)
    done = nova("backup")
    assert done.code == 1
    listed = nova("backup", "list", "--json").json["backups"]
    assert not any(each["is_verified"] for each in listed)


def test_a_data_directory_without_accounts_is_backed_up_as_before(nova: Nova, tmp_path) -> None:
    with bootstrap.open_store(settings.load()) as store:
        store.session("talk").append({"role": "user", "content": "hi"})
    made = nova("backup", "--json")
    assert made.code == 0
    assert "business" not in json.dumps(made.json)
    assert nova("restore", "--into", str(tmp_path / "new")).code == 0
    assert not (tmp_path / "new" / "business.db").exists()
