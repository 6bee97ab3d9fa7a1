"""`nova users`, `nova agents` and `nova keys`, in this process."""

import io
import sys

import pytest
from tests import migrated

from novacore import bootstrap, identity, settings

pytestmark = pytest.mark.heavy

PASSWORD = "a quiet violet harbour"
CHEAP = ("NOVA_IDENTITY_PASSWORD_MEMORY_KIB", "NOVA_IDENTITY_PASSWORD_PASSES")


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    for name, value in zip(CHEAP, ("8", "1"), strict=True):
        monkeypatch.setenv(name, value)


@pytest.fixture
def accounts(nova):
    """The same accounts, as a server has them open meanwhile."""
    env = {"NOVA_DATA_DIR": str(nova.data_dir), "HOME": str(nova.data_dir.parent)}
    chosen = settings.load(
        env=env | dict(zip(CHEAP, ("8", "1"), strict=True)), workspace=nova.folder
    )
    migrated.make_business(bootstrap.business_place(chosen))
    with bootstrap.open_accounts(chosen) as opened:
        yield opened


def test_the_first_user_is_administrator_and_gets_a_key_once(nova, accounts):
    made = nova("users", "create", "ada@example.org", "--plan", "pro", "--api-key")
    assert made.code == 0, made.err
    key = made.out.splitlines()[-1]
    principal = accounts.identity.authenticate(key)
    assert (principal.email, principal.role, principal.is_verified) == (
        "ada@example.org", "admin", True,
    )  # fmt: skip
    assert accounts.billing.plan_of(principal.account_id).plan.name == "pro"
    assert key not in nova("users", "list", "--json").out


def test_a_password_is_read_from_the_input_or_set_by_the_link(nova, accounts, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    made = nova("users", "create", "ada@example.org", "--password-stdin")
    assert made.code == 0, made.err
    assert "reset?token" not in made.out
    sign_in, client = accounts.identity.sessions.sign_in, identity.Client()
    assert sign_in("ada@example.org", password=PASSWORD, client=client)
    link = nova("users", "create", "bob@example.org", "--json").json["password_link"]
    accounts.identity.accounts.reset_password(
        link.partition("=")[2], password=PASSWORD, client=client
    )
    assert sign_in("bob@example.org", password=PASSWORD, client=client)


def test_no_password_in_the_input_is_said(nova, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    made = nova("users", "create", "ada@example.org", "--password-stdin")
    assert made.code == 2
    assert "No password came" in made.err


def test_an_unknown_plan_makes_no_account(nova):
    assert nova("users", "create", "ada@example.org", "--plan", "gold").code == 1
    assert nova("users", "list").out == "No accounts.\n"


def test_users_are_listed_searched_and_changed(nova):
    for name in ("ada", "bob"):
        assert nova("users", "create", f"{name}@example.org").code == 0
    found = nova("users", "list", "BOB", "--json").json["users"]
    assert [each["email"] for each in found] == ["bob@example.org"]
    for arguments, said in (
        (("set-plan", "bob@example.org", "basic"), "is on the plan basic"),
        (("set-role", "bob@example.org", "admin"), "is an administrator now"),
        (("set-role", "bob@example.org", "user"), "is an ordinary user now"),
        (("verify", "bob@example.org"), "is confirmed"),
        (("disable", "bob@example.org"), "is switched off"),
    ):
        done = nova("users", *arguments)
        assert said in done.out, done.err
    table = nova("users", "list").out
    assert "basic" in table
    assert "off" in table
    assert nova("users", "enable", "bob@example.org", "--json").json["is_disabled"] is False
    assert "More" not in table
    assert "There are more" in nova("users", "list", "--limit", "1").out


def test_what_can_not_be_done_is_said_with_exit_code_one(nova):
    nova("users", "create", "ada@example.org")
    nova("users", "create", "bob@example.org")
    for arguments, said in (
        (("create", "ADA@example.org"), "Another account has this address"),
        (("disable", "ada@example.org"), "last administrator"),
        (("verify", "nobody@example.org"), "no such account"),
        (("invite", "ada@example.org"), "Another account has this address"),
        (("create", "no address"), "no address of mail"),
    ):
        refused = nova("users", *arguments)
        assert (refused.code, said in refused.err) == (1, True), refused.err


def test_an_invitation_is_printed_for_handing_over(nova):
    link = nova("users", "invite", "ada@example.org").out.splitlines()[-1]
    assert link.startswith("http://127.0.0.1:8080/register?invitation=")
    assert nova("users", "invite", "bob@example.org", "--json").json["link"] != link


def test_a_reset_link_is_printed(nova):
    nova("users", "create", "ada@example.org")
    assert "/reset?token=" in nova("users", "reset-link", "ada@example.org").out
    assert nova("users", "reset-link", "ada@example.org", "--json").json["link"]


def test_an_agent_is_made_listed_rotated_and_ended(nova, accounts):
    nova("users", "create", "ada@example.org")
    made = nova("agents", "create", "helper", "--scope", "models", "--tokens-per-day", "500")
    key = made.out.splitlines()[-1]
    principal = accounts.identity.authenticate(key)
    assert principal.scopes == {"models"}
    assert principal.limits.tokens_per_day == 500
    assert f"agents/{principal.account_id}" in made.out
    assert "helper" in nova("agents", "list").out
    rotated = nova("agents", "rotate", "helper", "--json").json
    assert rotated["key"] not in {key, nova("agents", "list", "--json").out}
    assert "5 minutes" in nova("agents", "rotate", rotated["id"], "--overlap", "5").out
    assert "has ended" in nova("agents", "revoke", "helper").out
    assert "has no agents" in nova("agents", "list").out
    assert nova("agents", "revoke", "helper").code == 1


def test_it_is_asked_whose_agent_is_meant(nova):
    assert "no account yet" in nova("agents", "list").err
    for name in ("ada", "bob"):
        nova("users", "create", f"{name}@example.org")
    assert nova("agents", "create", "helper").code == 2
    for _ in range(2):
        assert nova("agents", "create", "twin", "--owner", "bob@example.org").code == 0
    assert "Several agents" in nova("agents", "revoke", "twin", "--owner", "bob@example.org").err
    listed = nova("agents", "list", "--owner", "bob@example.org", "--json").json["agents"]
    gone = nova("agents", "revoke", listed[0]["id"], "--owner", "bob@example.org", "--json")
    assert gone.json["is_revoked"] is True


def test_the_signing_key_is_replaced_and_nobody_is_signed_out(nova, accounts):
    made = nova("users", "create", "ada@example.org", "--json").json
    client = identity.Client()
    accounts.identity.accounts.reset_password(
        made["password_link"].partition("=")[2], password=PASSWORD, client=client
    )
    before = accounts.identity.sessions.sign_in(
        "ada@example.org", password=PASSWORD, client=client
    ).access_token
    assert "accepted for 15 more minutes" in nova("keys", "rotate").out
    fresh = nova("keys", "rotate", "--json").json["id"]
    assert fresh in {each["kid"] for each in accounts.identity.published_keys()}
    assert accounts.identity.authenticate(before)
