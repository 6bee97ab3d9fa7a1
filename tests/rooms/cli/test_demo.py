"""`nova demo` makes its people and their month in a directory of its own, by the real services."""

import re
import stat

import pytest

from novacore import bootstrap, chat, identity, settings
from novacore.cli.commands import demo
from novacore.cli.demo import content


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    monkeypatch.setenv("NOVA_IDENTITY_PASSWORD_MEMORY_KIB", "8")
    monkeypatch.setenv("NOVA_IDENTITY_PASSWORD_PASSES", "1")


def signed_in(accounts, told):
    """The accounts of those who can sign in with what was printed."""
    found = re.findall(r"^  (\S+@demo\.example)  (\S+)  ", told, re.MULTILINE)
    return [
        accounts.identity.sessions.sign_in(
            email, password=password, client=identity.Client()
        ).account.email
        for email, password in found
    ]


@pytest.mark.heavy
def test_a_month_is_made_once_and_every_start_has_fresh_passwords(nova):
    first = nova("demo", "--fill-only")
    assert first.code == 0, first.err
    second = nova("demo", "--fill-only")
    assert second.code == 0, second.err
    home = nova.data_dir.with_name("data-demo")
    assert stat.S_IMODE((home / demo.MARKER).stat().st_mode) == 0o600
    assert str(home) in first.out
    assert not nova.data_dir.exists()

    env = {"NOVA_DATA_DIR": str(home), "HOME": str(home.parent), "NOVA_TIERS_PROJECTOR": "off"}
    env |= {"NOVA_IDENTITY_PASSWORD_MEMORY_KIB": "8", "NOVA_IDENTITY_PASSWORD_PASSES": "1"}
    chosen = settings.load(env=env, workspace=nova.folder)
    people = ["mara@demo.example", "jonas@demo.example"]
    with bootstrap.open_accounts(chosen) as accounts:
        assert signed_in(accounts, second.out) == people
        with pytest.raises(identity.IdentityError):
            signed_in(accounts, first.out)
        mara = accounts.identity.administration.find(people[0])
        days = accounts.billing.history(mara.id, days=30)
        assert len({line.day for line in days}) == 30
        jonas = accounts.identity.administration.find(people[1])
        bars = {bar.resource: bar for bar in accounts.billing.quota(jonas.id).resources}
        assert 80 <= bars["tokens"].used * 100 / 50_000 < 100
        assert accounts.billing.quota(mara.id).resources[2].used > 2 * content.TURNS
    with bootstrap.open_store(chosen) as store:
        own = store.for_owner(chat.scope_of(mara.id))
        assert max(info.messages for info in own.all_sessions()) == 2 * content.TURNS
        said = content.read()
        assert len(list(own.memories.every())) == len(said.memories)
        assert store.verify(all_owners=True).is_sound
    found = nova("verify", "--json", "--data-dir", str(home)).json
    assert found["is_sound"]
    assert found["entries"] > 2 * content.TURNS
    proof = nova("billing", "reconcile", "--json", "--data-dir", str(home))
    assert proof.json["is_sound"]
    assert proof.json["entries"] > content.TURNS


def test_a_directory_that_somebody_uses_is_left_alone(nova):
    nova("import", str(nova.folder))
    (nova.data_dir / "journal.db").touch()
    refused = nova("demo", "--fill-only", "--data-dir", str(nova.data_dir))
    assert (refused.code, "something else" in refused.err) == (1, True)


def test_a_database_is_left_alone(nova, monkeypatch):
    monkeypatch.setenv("NOVA_DATABASE_URL", "postgresql://localhost/real")
    refused = nova("demo", "--fill-only")
    assert (refused.code, "database_url" in refused.err) == (1, True)


def test_the_long_conversation_is_the_same_each_time_and_has_no_gaps():
    said = content.read()
    turns = list(said.long_talk())
    assert turns == list(content.read().long_talk())
    assert len(turns) == content.TURNS
    assert all(asked and answered and "{" not in asked for asked, answered in turns)
