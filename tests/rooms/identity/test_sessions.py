"""Signing in, carrying on and ending it, on SQLite and PostgreSQL."""

import pytest
from tests.rooms.identity.conftest import PASSWORD

from novacore import identity
from novacore.identity import tables

DAY_MS = 86_400_000


def test_signing_in_gives_a_token_that_says_who_it_is(world):
    account = world.person()
    signed_in = world.sign_in()
    principal = world.identity.authenticate(signed_in.access_token)
    assert principal == identity.Principal(
        account_id=account.id,
        email="ada@example.org",
        role="admin",
        is_verified=True,
        session_id=signed_in.session_id,
        scopes=identity.SCOPES,
    )
    world.person("bob@example.org")
    other = world.identity.authenticate(world.sign_in("bob@example.org").access_token)
    assert other.scopes == identity.SCOPES - {"admin"}


def test_every_sign_in_is_a_fresh_one(world):
    world.person()
    one, two = world.sign_in(), world.sign_in()
    assert one.session_id != two.session_id
    assert one.refresh_token != two.refresh_token
    assert len(world.identity.sessions.list(one.account.id)) == 2


def test_signing_in_costs_the_same_for_a_wrong_password_and_an_unknown_address(world):
    """peers d6: a dummy hash always, and the same statements."""
    world.person()
    passwords = world.identity.accounts._parts.passwords
    costs = []
    for email in ("ada@example.org", "nobody@example.org"):
        checks = passwords.checks
        with world.counted() as statements, pytest.raises(identity.SignInFailed) as told:
            world.sign_in(email, "not the password")
        costs.append((passwords.checks - checks, list(statements), str(told.value)))
    assert costs[0] == costs[1]
    assert costs[0][0] == 1


def test_an_account_without_a_password_has_none_that_fits(world):
    world.identity.administration.create("ada@example.org")
    for password in ("", "None", PASSWORD):
        with pytest.raises(identity.SignInFailed):
            world.sign_in(password=password)


def test_a_switched_off_account_is_told_so_only_to_who_knows_its_password(world):
    world.person("boss@example.org")
    account = world.person()
    signed_in = world.sign_in()
    world.identity.administration.update(account.id, is_disabled=True)
    with pytest.raises(identity.AccountDisabled):
        world.sign_in()
    with pytest.raises(identity.SignInFailed):
        world.sign_in(password="not the password")
    with pytest.raises(identity.SessionEnded):
        world.identity.sessions.refresh(signed_in.refresh_token)
    world.identity.administration.update(account.id, is_disabled=False)
    assert world.sign_in()


def test_a_token_is_renewed_again_and_again(world):
    world.person()
    token = world.sign_in().refresh_token
    seen = {token}
    for _ in range(5):
        world.clock.advance_ms(900_000)
        token = world.identity.sessions.refresh(token).refresh_token
        assert token not in seen
        seen.add(token)


def test_twenty_who_renew_at_once_with_one_token_get_one_successor(world, at_once):
    """peers c12: parallel tabs were taken for thieves and everybody was signed out."""
    world.person()
    token = world.sign_in().refresh_token
    results = at_once(world.identity.sessions.refresh, [token] * 20)
    assert {type(each) for each in results} == {identity.SignedIn}
    (successor,) = {each.refresh_token for each in results}
    assert successor != token
    assert world.identity.sessions.refresh(successor)
    assert len(world.rows(tables.REFRESH)) == 3


def test_a_replaced_token_gives_its_successor_for_twenty_seconds(world):
    world.person()
    first = world.sign_in().refresh_token
    second = world.identity.sessions.refresh(first).refresh_token
    third = world.identity.sessions.refresh(second).refresh_token
    world.clock.advance_ms(20_000)
    assert world.identity.sessions.refresh(first).refresh_token == second
    assert world.identity.sessions.refresh(second).refresh_token == third
    assert world.identity.sessions.refresh(third)


def test_a_replaced_token_that_comes_later_ends_the_sign_in_and_is_told_by_mail(world):
    world.person()
    signed_in = world.sign_in(agent="Thief")
    other = world.sign_in()
    successor = world.identity.sessions.refresh(signed_in.refresh_token)
    assert world.identity.authenticate(successor.access_token)
    world.clock.advance_ms(20_001)
    with pytest.raises(identity.SessionEnded) as told:
        world.identity.sessions.refresh(signed_in.refresh_token)
    assert told.value.is_reused
    with pytest.raises(identity.SessionEnded):
        world.identity.sessions.refresh(successor.refresh_token)
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(successor.access_token)
    assert world.identity.sessions.refresh(other.refresh_token)
    letters = [each for each in world.letters() if each.template == "session_reused"]
    assert [(each.to, each.params["device"]) for each in letters] == [("ada@example.org", "Thief")]


def test_the_database_alone_gives_nobody_a_successor(world):
    """A stored salt without the old token leads nowhere."""
    world.person()
    first = world.sign_in().refresh_token
    second = world.identity.sessions.refresh(first).refresh_token
    rows = world.rows(tables.REFRESH)
    assert len([row for row in rows if row.salt]) == 1
    for secret in (first, second):
        assert all(secret not in str(tuple(row)) for row in rows)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "ö" * 43, "\x00" * 43])
def test_a_token_that_never_was_ends_nothing(world, token):
    world.person()
    kept = world.sign_in()
    with pytest.raises(identity.SessionEnded) as told:
        world.identity.sessions.refresh(token)
    assert not told.value.is_reused
    assert world.identity.sessions.refresh(kept.refresh_token)


def test_a_sign_in_that_is_not_used_ends(world):
    world.person()
    signed_in = world.sign_in()
    world.clock.advance_ms(30 * DAY_MS)
    with pytest.raises(identity.SessionEnded):
        world.identity.sessions.refresh(signed_in.refresh_token)
    assert world.identity.sessions.list(signed_in.account.id) == ()


def test_a_sign_in_ends_at_last_however_much_it_is_used(world):
    world.person()
    token = world.sign_in().refresh_token
    for _ in range(8):
        world.clock.advance_ms(20 * DAY_MS)
        token = world.identity.sessions.refresh(token).refresh_token
    world.clock.advance_ms(20 * DAY_MS)
    with pytest.raises(identity.SessionEnded):
        world.identity.sessions.refresh(token)


def test_signing_out_ends_this_sign_in_and_no_other(world):
    world.person()
    one, two = world.sign_in(), world.sign_in()
    world.identity.sessions.sign_out(refresh_token=one.refresh_token)
    with pytest.raises(identity.SessionEnded):
        world.identity.sessions.refresh(one.refresh_token)
    assert world.identity.sessions.refresh(two.refresh_token)
    world.identity.sessions.sign_out(session_id=two.session_id)
    assert world.identity.sessions.list(two.account.id) == ()
    world.identity.sessions.sign_out(refresh_token="x" * 43)
    world.identity.sessions.sign_out()


def test_renewing_while_it_is_ended_gives_one_of_both_and_never_hangs(world, at_once):
    world.person()
    for _ in range(5):
        signed_in = world.sign_in()

        def act(number, token=signed_in.refresh_token):
            if number % 2:
                return world.identity.sessions.sign_out(refresh_token=token)
            return world.identity.sessions.refresh(token)

        results = at_once(act, list(range(6)))
        assert {type(each) for each in results} <= {
            identity.SignedIn, identity.SessionEnded, type(None),
        }  # fmt: skip
        with pytest.raises(identity.SessionEnded):
            world.identity.sessions.refresh(signed_in.refresh_token)


def test_somebody_ends_only_their_own_sign_ins(world):
    world.person()
    eve = world.person("eve@example.org")
    signed_in = world.sign_in()
    with pytest.raises(identity.SessionUnknown):
        world.identity.sessions.revoke(eve.id, signed_in.session_id)
    world.identity.sessions.revoke(signed_in.account.id, signed_in.session_id)
    with pytest.raises(identity.SessionUnknown):
        world.identity.sessions.revoke(signed_in.account.id, signed_in.session_id)


@pytest.mark.parametrize("many", [10, 1_000])
def test_sign_ins_are_listed_by_one_query(world, many):
    account = world.person()
    now_us = world.clock.now_us()
    with world.database.begin() as connection:
        connection.execute(
            tables.SESSION.insert(),
            [
                {
                    "id": f"id-{number}",
                    "account_id": account.id,
                    "created_at_us": now_us,
                    "last_used_at_us": now_us + number,
                    "expires_at_us": now_us + 10**12,
                    "ip": "",
                    "user_agent": "",
                }
                for number in range(many)
            ],
        )
    with world.counted() as statements:
        found = world.identity.sessions.list(account.id)
    assert len([each for each in statements if each.startswith("SELECT")]) == 1
    assert found[0].id == f"id-{many - 1}"
    assert len(found) == min(many, 200)


def test_a_new_browser_is_told_by_mail_and_a_known_one_is_not(world):
    world.person()
    first = world.sign_in(agent="Firefox")
    assert first.device_token
    assert [each for each in world.letters() if each.template == "new_device"] == []
    again = world.sign_in(device=first.device_token)
    assert again.device_token == ""
    assert [each for each in world.letters() if each.template == "new_device"] == []
    world.sign_in(agent="Chrome", ip="198.51.100.4")
    (letter,) = [each for each in world.letters() if each.template == "new_device"]
    assert (letter.to, letter.params["device"]) == ("ada@example.org", "Chrome")
    assert letter.params["ip"] == "198.51.100.4"


def test_one_browser_is_known_to_several_accounts(world):
    world.person()
    world.person("bob@example.org")
    device = world.sign_in().device_token
    assert world.sign_in("bob@example.org", device=device).device_token == ""
    assert len({row.digest for row in world.rows(tables.DEVICE)}) == 1


def test_a_browser_does_not_choose_what_it_is_known_by(world):
    """A planted cookie is replaced by one of ours."""
    world.person()
    planted = "x" * 43
    given = world.sign_in(device=planted).device_token
    assert given not in {"", planted}


def test_a_password_with_other_cost_is_hashed_anew_when_it_is_right(world, make_world):
    world.person()
    before = world.rows(tables.ACCOUNT)[0].password_hash
    dearer = identity.Identity(
        world.database,
        config=identity.Config(password_memory_kib=16, password_passes=1),
        clock=world.clock,
        vault=world.vault,
        public_url="http://127.0.0.1:8080",
        is_public=False,
    )
    dearer.sessions.sign_in("ada@example.org", password=PASSWORD, client=world.client())
    after = world.rows(tables.ACCOUNT)[0].password_hash
    assert "m=8," in before
    assert "m=16," in after
    assert world.sign_in()


def test_a_password_that_changes_while_it_is_checked_lets_nobody_in(world):
    account = world.person()
    passwords = world.identity.accounts._parts.passwords
    is_right = passwords.is_right

    def slow(stored, password):
        found = is_right(stored, password)
        with world.database.begin() as connection:
            connection.execute(tables.ACCOUNT.update().values(password_hash="another"))
        return found

    passwords.is_right = slow
    with pytest.raises(identity.SignInFailed):
        world.sign_in()
    assert world.identity.sessions.list(account.id) == ()
