"""What a server's rooms cause is carried out: letters, exports, deletions, and by the clock."""

import json
import re
import time
import zipfile

import pytest
from tests.api.stage import PASSWORD

from novacore import database, identity, journal, workers
from novacore.workers import exporting, tending
from novacore.workers.model import Job
from novacore.workers.store import OutboxStore

LIMIT_S = 20.0


@pytest.fixture(params=["closed_stage", "closed_postgres_stage"])
def platform(request):
    return request.getfixturevalue(request.param).platform


@pytest.fixture
def server_settings():
    return {"NOVA_WORKERS_POLL_MS": "20", "NOVA_WORKERS_BEAT_MS": "100"}


@pytest.fixture
def running(platform):
    running = workers.start(platform)
    yield running
    running.stop()


def settled(platform):
    """Wait until nothing waits; how work stands then."""
    end_s = time.monotonic() + LIMIT_S
    while (status := workers.get_status(platform)).waiting:
        assert time.monotonic() < end_s, status
        time.sleep(0.01)
    return status


def person(platform, email="ann@example.org"):
    return platform.identity.administration.create(email, password=PASSWORD)


def put(platform, kind, key, **payload):
    with platform.database.begin() as connection:
        now_us = platform.database.now_us(connection)
        database.put(connection, kind, payload=payload, now_us=now_us, id=key)


def said(platform, account_id):
    """A conversation and a memory of an account."""
    store = platform.store_of(account_id)
    store.session("talk").append({"role": "user", "content": "my dog is called Rex"})
    store.memories.create("The dog is called Rex.")
    return store


def test_a_letter_about_an_account_finds_its_address_and_leads_to_its_page(platform, running):
    account = person(platform)
    params = {"resource": "tokens", "used": 8, "limit": 10, "resets_at_us": 10**15}
    put(platform, "mail", "w1", template="limit_80", account_id=account.id, params=params)
    assert settled(platform).state == "ok"
    (letter,) = platform.mailer.list_outbox()
    assert (letter.to, letter.link) == (
        "ann@example.org", f"{platform.chosen.server.base_url}/usage"
    )  # fmt: skip


def test_a_letter_about_an_account_that_is_gone_goes_nowhere(platform, running):
    put(platform, "mail", "w1", template="trial_ended", account_id="none", params={})
    assert settled(platform).dead == 0
    assert platform.mailer.list_outbox() == []


def test_the_secret_of_a_letter_lies_in_no_table_once_it_is_delivered(platform, running):
    platform.identity.accounts.register(
        "ben@example.org", password=PASSWORD, client=identity.Client()
    )
    settled(platform)
    (letter,) = platform.mailer.list_outbox()
    assert letter.to == "ben@example.org"
    token = letter.link.rpartition("=")[2]
    assert len(token) > 20
    with platform.database.read() as connection:
        rows = connection.execute(database.OUTBOX.select()).all()
    assert token not in repr(rows)
    files = [path.read_bytes() for path in platform.chosen.data_dir.glob("*.db*")]
    assert not any(token.encode() in content for content in files)


def test_an_export_holds_everything_of_the_account_and_nobody_else_s(platform, running):
    account, other = person(platform), person(platform, "eve@example.org")
    said(platform, account.id)
    platform.store_of(other.id).session("talk").append({"role": "user", "content": "secret of eve"})
    put(platform, "account.export", "x1", account_id=account.id)
    assert settled(platform).dead == 0
    path = exporting.place_of(platform.chosen.data_dir, account.id, "x1")
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name).decode() for name in archive.namelist()}
    assert "my dog is called Rex" in content["sessions.jsonl"]
    assert "The dog is called Rex." in content["memories.jsonl"]
    assert json.loads(content["profile.json"])["email"] == "ann@example.org"
    assert json.loads(content["chats.json"])["sessions"] == []
    assert "usage.json" in content
    assert "secret of eve" not in "".join(content.values())
    assert PASSWORD not in "".join(content.values())
    assert [each.subject for each in platform.mailer.list_outbox()] == ["Your data is ready"]


def test_an_export_is_made_once_and_told_once_however_often_it_is_tried(platform, running):
    account = person(platform)
    job = Job(id="x1", kind="account.export", payload={"account_id": account.id})
    for _ in range(2):
        exporting.build(platform, job)
    settled(platform)
    assert len(platform.mailer.list_outbox()) == 1
    folder = exporting.folder_of(platform.chosen.data_dir, account.id)
    assert len(list(folder.iterdir())) == 1
    # Removed some days later, when the owner has had time to fetch it.
    now_us = platform.clock.now_us()
    data_dir = platform.chosen.data_dir
    assert exporting.remove_old(data_dir, keep_days=7, now_us=now_us) == 0
    assert exporting.remove_old(data_dir, keep_days=7, now_us=now_us + 8 * 86_400_000_000) == 1


def test_a_deleted_account_is_gone_from_every_room_and_others_stay(platform, running):
    other, account = person(platform, "eve@example.org"), person(platform)
    store = said(platform, account.id)
    said(platform, other.id)
    agent = platform.identity.agents.create(account.id, name="helper").agent
    said(platform, agent.id)
    put(platform, "account.export", "x1", account_id=account.id)
    settled(platform)
    platform.identity.accounts.delete(account.id, password=PASSWORD, client=identity.Client())
    assert settled(platform).dead == 0

    assert [each.entries for each in store.list_sessions() if each.entries] == []
    assert store.recall("what is the dog called") == []
    assert platform.store_of(agent.id).recall("what is the dog called") == []
    assert platform.store_of(other.id).recall("what is the dog called") != []
    assert not exporting.folder_of(platform.chosen.data_dir, account.id).exists()
    with platform.database.read() as connection:
        told = connection.exec_driver_sql("SELECT email FROM identity_account").scalars().all()
    assert told == ["eve@example.org"]
    with pytest.raises(journal.SessionUnknown):
        store.get_session("talk")


def test_what_the_clock_says_is_done_and_told(platform):
    store = OutboxStore(platform.database, holder="me", config=platform.chosen.workers)
    account = person(platform)
    said(platform, account.id)
    schedules = tending.list_schedules(platform, store, forget=lambda before: 3)
    told = {each.name: each.do() for each in schedules if each.name != "backup"}
    assert re.fullmatch(r"\d accounts store \d+ bytes; \d changed\.", told.pop("storage"))
    assert told.pop("reconcile").startswith("Journal, ledger and counters agree: 0 usage entries")
    assert told == {
        "trial-expiry": "0 plans ended",
        "trial-reminder": "0 owners reminded",
        "memories": "0 memories of 1 owners moved",
        "cleanup": "removed: workflows 3",
    }


@pytest.mark.heavy
def test_the_daily_backup_is_verified_and_holds_what_was_said(closed_stage):
    platform = closed_stage.platform
    said(platform, person(platform).id)
    schedules = tending.list_schedules(
        platform,
        OutboxStore(platform.database, holder="me", config=platform.chosen.workers),
        forget=lambda before: 0,
    )
    (backup,) = [each for each in schedules if each.name == "backup"]
    assert backup.do().startswith("made and verified 2")
    folder = platform.chosen.data_dir.with_name("data-backups")
    assert len(list(folder.glob("*.verified"))) == 1
