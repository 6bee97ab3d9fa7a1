"""API keys, agents, and who is asking, on SQLite and PostgreSQL."""

import pytest
from tests.rooms.identity.conftest import PASSWORD

from novacore import database, identity
from novacore.identity import tables

LIMITS = identity.KeyLimits(requests_per_minute=60, tokens_per_day=1_000)
DAY_MS = 86_400_000


def test_a_key_says_whose_it_is_and_what_it_may(world):
    account = world.person()
    made = world.identity.keys.create(account.id, name=" laptop ", limits=LIMITS)
    assert made.secret.startswith(made.key.prefix)
    assert (made.key.name, len(made.key.prefix)) == ("laptop", 13)
    assert made.secret not in repr(made)
    assert world.identity.authenticate(made.secret) == identity.Principal(
        account_id=account.id,
        email="ada@example.org",
        role="admin",
        is_verified=True,
        key_id=made.key.id,
        scopes=identity.KEY_SCOPES,
        limits=LIMITS,
    )


def test_a_key_runs_out(world):
    account = world.person()
    secret = world.identity.keys.create(account.id, name="k", expires_in_days=2).secret
    world.clock.advance_ms(2 * DAY_MS - 1)
    assert world.identity.authenticate(secret)
    world.clock.advance_ms(1)
    assert world.identity.find_cached(secret) is None
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(secret)


def test_a_revoked_key_is_refused_here_at_once_and_elsewhere_within_a_second(world):
    account = world.person()
    made = world.identity.keys.create(account.id, name="k")
    other = world.other_process()
    assert world.identity.authenticate(made.secret)
    assert other.authenticate(made.secret)
    world.identity.keys.revoke(account.id, made.key.id)
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(made.secret)
    world.clock.advance_ms(1_000)
    assert other.find_cached(made.secret) is None
    with pytest.raises(identity.CredentialInvalid):
        other.authenticate(made.secret)
    other.close()


def test_who_is_not_affected_by_a_change_stays_remembered(world):
    ada, bob = world.person(), world.person("bob@example.org")
    keys = world.identity.keys
    one, two = keys.create(ada.id, name="k"), keys.create(bob.id, name="k")
    for each in (one, two):
        world.identity.authenticate(each.secret)
    keys.revoke(ada.id, one.key.id)
    assert world.identity.find_cached(one.secret) is None
    assert world.identity.find_cached(two.secret)


@pytest.mark.parametrize("change", ["sign_out", "disable", "role", "password", "email", "address"])
def test_every_change_reaches_the_other_process(world, change):
    account = world.person()
    world.person("bob@example.org")
    world.identity.administration.update(
        world.identity.administration.find("bob@example.org").id, role="admin"
    )
    signed_in = world.sign_in()
    other = world.other_process()
    before = other.authenticate(signed_in.access_token)
    if change == "sign_out":
        world.identity.sessions.sign_out(refresh_token=signed_in.refresh_token)
    elif change == "disable":
        world.identity.administration.update(account.id, is_disabled=True)
    elif change == "role":
        world.identity.administration.update(account.id, role="user")
    elif change == "password":
        world.identity.accounts.change_password(
            account.id, current=PASSWORD, password="another long phrase", client=world.client()
        )
    elif change == "email":
        world.identity.accounts.change_email(
            account.id, password=PASSWORD, email="new@example.org", client=world.client()
        )
        world.identity.accounts.verify(world.token("verify", to="new@example.org"))
    else:
        world.identity.administration.update(account.id, is_verified=False)
    world.clock.advance_ms(1_000)
    try:
        after = other.authenticate(signed_in.access_token)
    except identity.CredentialInvalid:
        after = None
    assert after != before
    other.close()


def test_what_is_not_sure_to_be_good_is_refused(world, monkeypatch):
    """Fail closed: when the database can't be asked, nobody comes in on memory alone."""
    account = world.person()
    secret = world.identity.keys.create(account.id, name="k").secret
    assert world.identity.authenticate(secret)
    monkeypatch.setattr(world.database, "read", _away)
    assert world.identity.find_cached(secret)
    world.clock.advance_ms(1_000)
    assert world.identity.find_cached(secret) is None
    with pytest.raises(database.DatabaseUnavailable):
        world.identity.authenticate(secret)


def test_more_changes_than_are_read_at_once_forget_everybody(world, monkeypatch):
    account = world.person()
    secret = world.identity.keys.create(account.id, name="k").secret
    other = world.other_process()
    other.authenticate(secret)
    with world.database.begin() as connection:
        connection.execute(tables.STATE.update().values(generation=tables.STATE.c.generation + 5))
    world.clock.advance_ms(1_000)
    with world.counted() as statements:
        assert other.authenticate(secret)
    assert any("identity_key" in each for each in statements)
    other.close()


def test_a_remembered_key_costs_no_query(world):
    account = world.person()
    secret = world.identity.keys.create(account.id, name="k").secret
    token = world.sign_in().access_token
    for bearer in (secret, token):
        world.identity.authenticate(bearer)
        with world.counted() as statements:
            for _ in range(100):
                assert world.identity.authenticate(bearer)
                assert world.identity.find_cached(bearer)
        assert [each for each in statements if "identity_state" not in each] == []


def test_only_so_many_are_remembered(make_world):
    world = make_world(cache_tokens_max=2)
    account = world.person()
    secrets = [world.identity.keys.create(account.id, name="k").secret for _ in range(3)]
    for each in secrets:
        world.identity.authenticate(each)
    assert [world.identity.find_cached(each) is None for each in secrets] == [True, False, False]


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "nova_",
        "nova_" + "0" * 49,
        "a.b.c",
        "..",
        "ö" * 60,
        "x" * 10_000,
        "\x00",
        "null",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
    ],
)
def test_what_is_no_token_and_no_key_is_refused(world, bearer):
    world.person()
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(bearer)


def test_when_a_key_was_used_last_is_known_to_the_minute(world, monkeypatch):
    account = world.person()
    secret = world.identity.keys.create(account.id, name="k").secret
    tend = world.identity._authenticator.watch.tend

    def last_used_at_us():
        return world.identity.keys.list(account.id)[0].last_used_at_us

    tend()
    world.identity.authenticate(secret)
    first_at_us = world.clock.now_us()
    tend()
    assert last_used_at_us() is None
    world.clock.advance_ms(60_000)
    tend()
    assert last_used_at_us() == first_at_us
    world.clock.advance_ms(500)
    world.identity.authenticate(secret)
    with monkeypatch.context() as broken:
        broken.setattr(world.database, "begin", _away)
        with pytest.raises(database.DatabaseUnavailable):
            world.identity.close()
    world.identity.close()
    assert last_used_at_us() == world.clock.now_us()


def _away(*_):
    raise database.DatabaseUnavailable


def test_keys_are_bounded_listed_newest_first_and_belong_to_one(make_world):
    world = make_world(keys_max=3)
    account, eve = world.person(), world.person("eve@example.org")
    made = []
    for number in range(3):
        world.clock.advance_ms(1)
        made.append(world.identity.keys.create(account.id, name=f"k{number}").key)
    with pytest.raises(identity.LimitReached) as told:
        world.identity.keys.create(account.id, name="more")
    assert told.value.limit == 3
    assert list(world.identity.keys.list(account.id)) == made[::-1]
    assert world.identity.keys.list(eve.id) == ()
    for owner, key_id in ((eve.id, made[0].id), (account.id, "nothing")):
        with pytest.raises(identity.KeyUnknown):
            world.identity.keys.revoke(owner, key_id)
    world.identity.keys.revoke(account.id, made[0].id)
    assert world.identity.keys.create(account.id, name="again")


@pytest.mark.parametrize("scopes", [["account"], ["models", "root"], [], ["admin"]])
def test_no_key_of_a_user_reaches_further_than_keys_may(world, scopes):
    world.person("boss@example.org")
    account = world.person()
    with pytest.raises(identity.ScopeUnknown):
        world.identity.keys.create(account.id, name="k", scopes=scopes)


def test_the_key_of_an_administrator_administers_only_while_they_are_one(world):
    boss = world.person("boss@example.org")
    other = world.person()
    world.identity.administration.update(other.id, role="admin")
    secret = world.identity.keys.create(boss.id, name="k", scopes=["admin", "usage"]).secret
    assert world.identity.authenticate(secret).scopes == {"admin", "usage"}
    world.identity.administration.update(boss.id, role="user")
    assert world.identity.authenticate(secret).scopes == {"usage"}


def test_an_agent_is_an_account_of_its_own_that_belongs_to_a_person(world):
    owner = world.person()
    made = world.identity.agents.create(owner.id, name="helper", scopes=["models"], limits=LIMITS)
    principal = world.identity.authenticate(made.secret)
    assert (principal.account_id, principal.owner_id) == (made.agent.id, owner.id)
    assert (principal.role, principal.email) == ("agent", "")
    assert (principal.scopes, principal.limits) == ({"models"}, LIMITS)
    assert made.agent.workspace == f"agents/{made.agent.id}"
    assert world.identity.administration.list().accounts[0].id == owner.id
    assert len(world.identity.administration.list().accounts) == 1


def test_an_agent_is_confirmed_and_switched_on_as_its_owner_is(world):
    world.person("boss@example.org")
    owner = world.person(is_verified=False)
    secret = world.identity.agents.create(owner.id, name="helper").secret
    assert not world.identity.authenticate(secret).is_verified
    world.identity.administration.update(owner.id, is_verified=True)
    assert world.identity.authenticate(secret).is_verified
    world.identity.administration.update(owner.id, is_disabled=True)
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(secret)


def test_an_agent_has_no_agents_and_no_keys_that_administer(world):
    owner = world.person()
    agent = world.identity.agents.create(owner.id, name="helper").agent
    with pytest.raises(identity.NotAllowed):
        world.identity.agents.create(agent.id, name="its own")
    with pytest.raises(identity.ScopeUnknown):
        world.identity.agents.create(owner.id, name="boss", scopes=["admin"])


def test_an_agents_key_is_replaced_at_once_or_after_a_while(world):
    owner = world.person()
    made = world.identity.agents.create(owner.id, name="helper")
    second = world.identity.agents.rotate(owner.id, made.agent.id)
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(made.secret)
    world.clock.advance_ms(1)
    third = world.identity.agents.rotate(owner.id, made.agent.id, overlap_minutes=10)
    for each in (second, third):
        assert world.identity.authenticate(each.secret)
    world.clock.advance_ms(600_000)
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(second.secret)
    assert world.identity.authenticate(third.secret)
    assert world.identity.agents.list(owner.id)[0].key_prefix == third.agent.key_prefix


def test_an_ended_agent_is_refused_and_its_erasing_is_told(world):
    owner, eve = world.person(), world.person("eve@example.org")
    made = world.identity.agents.create(owner.id, name="helper")
    for act in (world.identity.agents.revoke, world.identity.agents.rotate):
        with pytest.raises(identity.AgentUnknown):
            act(eve.id, made.agent.id)
    world.identity.agents.revoke(owner.id, made.agent.id)
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(made.secret)
    assert world.outbox("account.delete") == [{"account_id": made.agent.id}]
    with pytest.raises(identity.AgentUnknown):
        world.identity.agents.revoke(owner.id, made.agent.id)


@pytest.mark.parametrize("many", [10, 1_000])
def test_agents_and_keys_are_listed_by_one_query(make_world, many):
    world = make_world(agents_max=1_000, keys_max=1_000)
    owner = world.person()
    now_us = world.clock.now_us()
    shared = {"name": "n", "scopes": "models", "created_at_us": now_us}
    with world.database.begin() as connection:
        connection.execute(
            tables.ACCOUNT.insert(),
            [
                {
                    **shared,
                    "id": f"agent-{number:04}",
                    "role": "agent",
                    "email": "",
                    "preferences": "{}",
                    "is_verified": False,
                    "is_disabled": False,
                    "owner_id": owner.id,
                }
                for number in range(many)
            ],
        )
        for whose in ("agent-{:04}", owner.id):
            connection.execute(
                tables.KEY.insert(),
                [
                    {
                        **shared,
                        "id": f"{whose[:5]}-{number}",
                        "account_id": whose.format(number),
                        "prefix": f"nova_{number}",
                        "digest": f"{whose[:5]}-{number}",
                    }
                    for number in range(many)
                ],
            )
    for listed in (world.identity.agents.list, world.identity.keys.list):
        with world.counted() as statements:
            found = listed(owner.id)
        assert len(found) == many
        assert len([each for each in statements if each.startswith("SELECT")]) == 1
