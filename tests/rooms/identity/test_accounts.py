"""Registering, confirming, passwords, profiles and deleting, on SQLite and PostgreSQL."""

import pytest
from tests.rooms.identity.conftest import PASSWORD

from novacore import database, identity
from novacore.identity import tables, words


def test_a_person_registers_signs_in_and_confirms_the_address(world):
    world.identity.accounts.register(
        "Ada@Example.org", password=PASSWORD, name=" Ada ", client=world.client()
    )
    found = world.sign_in("ada@example.org").account
    assert (found.email, found.name, found.is_verified) == ("Ada@Example.org", "Ada", False)
    letter = world.letters()[-1]
    assert (letter.template, letter.to, letter.params["hours"]) == ("verify", "Ada@Example.org", 24)
    assert letter.params["link"].startswith("http://127.0.0.1:8080/verify?token=")
    assert world.identity.accounts.verify(world.token("verify")).is_verified
    assert world.sign_in("ADA@example.ORG").account.is_verified


def test_the_first_account_is_administrator_and_no_other(world):
    world.person("first@example.org")
    world.person("second@example.org")
    page = world.identity.administration.list()
    assert {each.email: each.role for each in page.accounts} == {
        "first@example.org": "admin",
        "second@example.org": "user",
    }


def test_of_many_who_register_first_at_once_one_is_administrator(world, at_once):
    def register(number):
        world.identity.accounts.register(
            f"p{number}@example.org", password=PASSWORD, client=world.client()
        )

    assert at_once(register, list(range(8))) == [None] * 8
    roles = [each.role for each in world.identity.administration.list().accounts]
    assert sorted(roles) == ["admin"] + ["user"] * 7


def test_nobody_becomes_administrator_by_registering_after_the_first_is_gone(world):
    first = world.person("first@example.org")
    world.identity.accounts.delete(first.id, password=PASSWORD, client=world.client())
    assert world.person("later@example.org").role == "user"


def test_one_address_registered_by_many_at_once_is_one_account(world, at_once):
    made = make_generous(world)

    def register(_):
        made.accounts.register("one@example.org", password=PASSWORD, client=world.client())

    assert at_once(register, list(range(6))) == [None] * 6
    assert len(world.identity.administration.list().accounts) == 1
    templates = sorted(each.template for each in world.letters())
    assert templates == ["already_registered"] * 5 + ["verify"]


def make_generous(world):
    return identity.Identity(
        world.database,
        config=identity.Config(password_memory_kib=8, password_passes=1, letters_an_hour=100),
        clock=world.clock,
        vault=world.vault,
        public_url="http://127.0.0.1:8080",
        is_public=False,
    )


def test_registering_a_known_address_changes_nothing_and_mails_its_owner(world):
    world.person()
    world.identity.accounts.register(
        "ADA@example.org", password="another long phrase", client=world.client()
    )
    letter = world.letters()[-1]
    assert letter.template == "already_registered"
    with pytest.raises(identity.SignInFailed):
        world.sign_in(password="another long phrase")
    world.identity.accounts.reset_password(
        world.token("already_registered", name="reset_link"),
        password="a third long phrase",
        client=world.client(),
    )
    assert world.sign_in(password="a third long phrase")


def test_registering_costs_the_same_for_known_and_unknown_addresses(world):
    """peers d6: the same work, so the same time: hashes and statements in the same order."""
    world.person()
    costs = []
    for email in ("ada@example.org", "new@example.org"):
        checks = world.identity.accounts._parts.passwords.checks
        with world.counted() as statements:
            world.identity.accounts.register(email, password=PASSWORD, client=world.client())
        costs.append(
            (
                world.identity.accounts._parts.passwords.checks - checks,
                [each.split(" ", 3)[:3] for each in statements if "FROM identity_acc" not in each],
            )
        )
    assert costs[0] == costs[1]
    assert costs[0][0] == 1


def test_asking_for_a_letter_costs_the_same_for_known_and_unknown_addresses(world):
    world.person(is_verified=False)
    for ask in (world.identity.accounts.ask_reset, world.identity.accounts.ask_verification):
        costs = []
        for email in ("ada@example.org", "nobody@example.org"):
            with world.counted() as statements:
                assert ask(email, client=world.client()) is None
            costs.append(list(statements))
        assert costs[0] == costs[1]
    assert {each.to for each in world.letters()} == {"ada@example.org"}


def test_a_link_works_once_whoever_comes_at_the_same_time(world, at_once):
    world.person(is_verified=False)
    token = world.token("verify")
    results = at_once(world.identity.accounts.verify, [token] * 10)
    assert sum(isinstance(each, identity.Account) for each in results) == 1
    assert sum(isinstance(each, identity.LinkInvalid) for each in results) == 9


def test_a_reset_link_works_once_whoever_comes_at_the_same_time(world, at_once):
    world.person()
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    token = world.token("reset")

    def reset(number):
        world.identity.accounts.reset_password(
            token, password=f"a new long phrase {number}", client=world.client()
        )

    results = at_once(reset, list(range(10)))
    assert results.count(None) == 1
    assert sum(isinstance(each, identity.LinkInvalid) for each in results) == 9


@pytest.mark.parametrize(("template", "lives_ms"), [("verify", 86_400_000), ("reset", 3_600_000)])
def test_a_link_runs_out(world, template, lives_ms):
    world.person(is_verified=False)
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    tokens = {name: world.token(name) for name in ("verify", "reset")}
    world.clock.advance_ms(lives_ms)
    use = {
        "verify": world.identity.accounts.verify,
        "reset": lambda token: world.identity.accounts.reset_password(
            token, password="another long phrase", client=world.client()
        ),
    }[template]
    with pytest.raises(identity.LinkInvalid):
        use(tokens[template])


def test_a_link_of_one_sort_is_no_link_of_another(world):
    world.person(is_verified=False)
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    with pytest.raises(identity.LinkInvalid):
        world.identity.accounts.verify(world.token("reset"))
    with pytest.raises(identity.LinkInvalid):
        world.identity.accounts.reset_password(
            world.token("verify"), password="another long phrase", client=world.client()
        )


def test_no_secret_of_a_link_lies_readable_in_the_database(world):
    """predecessor 7.3: reset and verify tokens were stored unhashed."""
    world.person(is_verified=False)
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    signed_in = world.sign_in()
    key = world.identity.keys.create(signed_in.account.id, name="k").secret
    secrets = [world.token("verify"), world.token("reset"), key, PASSWORD]
    secrets += [signed_in.refresh_token, signed_in.device_token, signed_in.access_token]
    everything = "\n".join(
        str(tuple(row))
        for table in (*tables.METADATA.sorted_tables, database.OUTBOX)
        for row in world.rows(table)
    )
    assert [each for each in secrets if each in everything] == []
    assert "ada@example.org" in everything


def test_three_letters_of_a_sort_go_to_one_address_in_an_hour(world):
    world.person(is_verified=False)
    ask = world.identity.accounts.ask_verification
    for _ in range(3):
        ask("ada@example.org", client=world.client())
        ask("nobody@example.org", client=world.client())
    for email in ("ada@example.org", "ADA@example.org", "nobody@example.org"):
        with pytest.raises(identity.Throttled) as told:
            ask(email, client=world.client(ip="198.51.100.9"))
        assert 3_590 <= told.value.retry_after_s <= 3_600
    world.clock.advance_ms(3_600_000)
    ask("ada@example.org", client=world.client())
    assert len([each for each in world.letters() if each.template == "verify"]) == 5


def test_a_letter_that_is_written_twice_is_sent_once(world):
    world.person(is_verified=False)
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    assert [each.template for each in world.letters()] == ["verify", "reset"]
    assert [each.template for each in world.letters()] == ["verify", "reset"]


def test_a_reset_ends_every_sign_in_and_confirms_the_address(world):
    world.person(is_verified=False)
    before = world.sign_in()
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    world.identity.accounts.reset_password(
        world.token("reset"), password="another long phrase", client=world.client()
    )
    with pytest.raises(identity.SessionEnded):
        world.identity.sessions.refresh(before.refresh_token)
    assert world.letters()[-1].template == "password_changed"
    assert world.sign_in(password="another long phrase").account.is_verified


def test_a_weak_password_does_not_use_the_link_up(world):
    world.person()
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    token = world.token("reset")
    with pytest.raises(identity.PasswordWeak):
        world.identity.accounts.reset_password(token, password="password1", client=world.client())
    world.identity.accounts.reset_password(
        token, password="another long phrase", client=world.client()
    )


def test_a_changed_password_ends_the_other_sign_ins(world):
    account = world.person()
    here, elsewhere = world.sign_in(), world.sign_in()
    world.identity.accounts.change_password(
        account.id,
        current=PASSWORD,
        password="another long phrase",
        client=world.client(),
        session_id=here.session_id,
    )
    assert world.identity.sessions.refresh(here.refresh_token)
    with pytest.raises(identity.SessionEnded):
        world.identity.sessions.refresh(elsewhere.refresh_token)
    with pytest.raises(identity.SignInFailed):
        world.sign_in()


def test_guesses_at_the_current_password_are_counted(world):
    """A stolen access token is no way to learn the password."""
    account = world.person()

    def guess():
        world.identity.accounts.change_password(
            account.id, current="wrong wrong", password="another phrase", client=world.client()
        )

    for _ in range(5):
        with pytest.raises(identity.PasswordWrong):
            guess()
    with pytest.raises(identity.Throttled):
        guess()
    with pytest.raises(identity.Throttled):
        world.identity.accounts.delete(account.id, password=PASSWORD, client=world.client())


def test_a_new_address_is_taken_once_its_link_is_confirmed(world):
    account = world.person()
    world.identity.accounts.change_email(
        account.id, password=PASSWORD, email="new@example.org", client=world.client()
    )
    assert world.identity.accounts.get(account.id).email == "ada@example.org"
    token = world.token("verify", to="new@example.org")
    assert world.identity.accounts.verify(token).email == "new@example.org"
    letter = world.letters()[-1]
    assert (letter.template, letter.to) == ("address_changed", "ada@example.org")
    assert letter.params["new_email"] == "new@example.org"
    assert world.sign_in("new@example.org")
    with pytest.raises(identity.SignInFailed):
        world.sign_in("ada@example.org")


def test_an_address_that_another_account_has_is_not_taken_and_not_told(world):
    account = world.person()
    world.person("bob@example.org")
    world.identity.accounts.change_email(
        account.id, password=PASSWORD, email="BOB@example.org", client=world.client()
    )
    letter = world.letters()[-1]
    assert (letter.template, letter.to) == ("already_registered", "BOB@example.org")
    assert "token" not in str(letter.params)


def test_an_address_that_was_taken_meanwhile_is_not_taken_twice(world):
    account = world.person()
    world.identity.accounts.change_email(
        account.id, password=PASSWORD, email="new@example.org", client=world.client()
    )
    token = world.token("verify", to="new@example.org")
    world.person("new@example.org")
    with pytest.raises(identity.LinkInvalid):
        world.identity.accounts.verify(token)
    assert world.identity.accounts.get(account.id).email == "ada@example.org"


def test_links_to_the_old_mailbox_are_dead_after_the_address_changed(world):
    account = world.person()
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    old = world.token("reset")
    world.identity.accounts.change_email(
        account.id, password=PASSWORD, email="new@example.org", client=world.client()
    )
    world.identity.accounts.verify(world.token("verify", to="new@example.org"))
    with pytest.raises(identity.LinkInvalid):
        world.identity.accounts.reset_password(
            old, password="another long phrase", client=world.client()
        )


def test_a_profile_keeps_a_name_and_preferences(world):
    account = world.person()
    update = world.identity.accounts.update_profile
    update(account.id, name="Ada", preferences={"theme": "dark", "size": 14})
    found = update(account.id, preferences={"size": None, "motion": False})
    assert found.name == "Ada"
    assert found.preferences == {"theme": "dark", "motion": False}
    with pytest.raises(identity.ProfileInvalid):
        update(account.id, preferences={"x": "y" * 20_000})


def test_a_deleted_account_is_gone_at_once_and_its_erasing_is_told(world):
    world.person("boss@example.org")
    account = world.person()
    signed_in = world.sign_in()
    key = world.identity.keys.create(account.id, name="k").secret
    agent = world.identity.agents.create(account.id, name="helper")
    for bearer in (signed_in.access_token, key, agent.secret):
        assert world.identity.authenticate(bearer)
    world.identity.accounts.delete(account.id, password=PASSWORD, client=world.client())
    world.clock.advance_ms(1_000)
    for bearer in (signed_in.access_token, key, agent.secret):
        with pytest.raises(identity.CredentialInvalid):
            world.identity.authenticate(bearer)
    with pytest.raises(identity.SessionEnded):
        world.identity.sessions.refresh(signed_in.refresh_token)
    told = sorted(each["account_id"] for each in world.outbox("account.delete"))
    assert told == sorted([account.id, agent.agent.id])
    with pytest.raises(identity.AccountUnknown):
        world.identity.accounts.get(account.id)
    assert world.person().id != account.id


def test_an_erased_account_leaves_no_row(world):
    world.person("boss@example.org")
    account = world.person()
    world.sign_in()
    world.identity.keys.create(account.id, name="k")
    world.identity.accounts.delete(account.id, password=PASSWORD, client=world.client())
    for _ in range(2):
        world.identity.erase_account(account.id)
    left = [
        table.name
        for table in tables.METADATA.sorted_tables
        for row in world.rows(table)
        if account.id in tuple(row) and table is not tables.CHANGE
    ]
    assert left == []


def test_erasing_touches_no_account_that_is_not_deleted(world):
    account = world.person()
    world.identity.erase_account(account.id)
    assert world.identity.accounts.get(account.id).email == "ada@example.org"


def test_the_last_administrator_stays_while_there_are_others(world):
    boss = world.person("boss@example.org")
    other = world.person()
    with pytest.raises(identity.LastAdministrator):
        world.identity.accounts.delete(boss.id, password=PASSWORD, client=world.client())
    for change in ({"role": "user"}, {"is_disabled": True}):
        with pytest.raises(identity.LastAdministrator):
            world.identity.administration.update(boss.id, **change)
    world.identity.administration.update(other.id, role="admin")
    world.identity.accounts.delete(boss.id, password=PASSWORD, client=world.client())


def test_two_administrators_who_step_down_at_once_leave_one(world, at_once):
    people = [world.person(f"{name}@example.org") for name in ("one", "two")]
    world.identity.administration.update(people[1].id, role="admin")

    def step_down(account):
        return world.identity.administration.update(account.id, role="user")

    results = at_once(step_down, people)
    assert sum(isinstance(each, identity.LastAdministrator) for each in results) == 1


def test_registration_is_open_here_and_by_invitation_beyond(make_world):
    assert make_world().identity.registration == "open"
    assert make_world(is_public=True).identity.registration == "invitation"
    assert make_world(is_public=True, registration="open").identity.registration == "open"


def test_by_invitation_registers_who_was_invited_once(make_world):
    world = make_world(is_public=True)
    world.identity.administration.invite("ada@example.org", inviter="Grace")
    token = world.token("invitation")
    register = world.identity.accounts.register
    for email, given in (
        ("ada@example.org", ""),
        ("ada@example.org", "x" * 43),
        ("eve@example.org", token),
    ):
        with pytest.raises(identity.RegistrationRefused) as told:
            register(email, password=PASSWORD, invitation=given, client=world.client())
        assert told.value.needs_invitation
    register("Ada@example.org", password=PASSWORD, invitation=token, client=world.client())
    assert world.identity.administration.find("ada@example.org").is_verified
    with pytest.raises(identity.AddressTaken):
        world.identity.administration.invite("ada@example.org")


def test_nobody_can_claim_a_public_server_by_being_first(make_world):
    world = make_world(is_public=True)
    with pytest.raises(identity.RegistrationRefused):
        world.identity.accounts.register(
            "eve@example.org", password=PASSWORD, client=world.client()
        )
    assert world.rows(tables.ACCOUNT) == []


def test_closed_is_closed_with_an_invitation_too(make_world):
    world = make_world(registration="closed")
    world.identity.administration.invite("ada@example.org")
    with pytest.raises(identity.RegistrationRefused) as told:
        world.identity.accounts.register(
            "ada@example.org",
            password=PASSWORD,
            invitation=world.token("invitation"),
            client=world.client(),
        )
    assert not told.value.needs_invitation


def test_an_administrator_makes_accounts_and_a_link_for_the_password(world):
    made = world.identity.administration.create("grace@example.org", is_admin=True)
    assert (made.role, made.is_verified) == ("admin", True)
    with pytest.raises(identity.SignInFailed):
        world.sign_in("grace@example.org", password="")
    token = world.identity.administration.password_link(made.id).partition("=")[2]
    world.identity.accounts.reset_password(token, password=PASSWORD, client=world.client())
    assert world.sign_in("grace@example.org")
    with pytest.raises(identity.AddressTaken):
        world.identity.administration.create("GRACE@example.org")


@pytest.mark.parametrize("many", [10, 1_000])
def test_accounts_are_listed_page_by_page_with_one_query_each(world, many):
    with world.database.begin() as connection:
        connection.execute(
            tables.ACCOUNT.insert(),
            [
                {
                    "id": f"id-{number:05}",
                    "role": "user",
                    "email": f"p{number}@example.org",
                    "email_key": f"p{number}@example.org",
                    "name": "P",
                    "preferences": "{}",
                    "is_verified": True,
                    "is_disabled": False,
                    "scopes": "",
                    "created_at_us": number // 3,
                }
                for number in range(many)
            ],
        )
    seen, cursor = [], ""
    while True:
        with world.counted() as statements:
            page = world.identity.administration.list(cursor=cursor, limit=100)
        assert len([each for each in statements if each.startswith("SELECT")]) == 1
        seen += [each.id for each in page.accounts]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert seen == [f"id-{number:05}" for number in reversed(range(many))]


def found_by(world, query: str) -> list[str]:
    return [each.email for each in world.identity.administration.list(query=query).accounts]


def test_people_are_found_by_how_a_word_of_address_or_name_begins(world):
    world.person("ada_l@example.org")
    world.person("bob@example.net")
    ada, bob = ["ada_l@example.org"], ["bob@example.net"]
    for query in ("ADA_", "ada_l@exa", "l@example", "ada_l@example.org"):
        assert found_by(world, query) == ada, query
    assert found_by(world, "example.net") == bob
    assert found_by(world, "example") == [*bob, *ada]
    for query in ("%", "_", "xample", "da_l", "example.org2"):
        assert found_by(world, query) == [], query


def test_whoever_changes_name_or_address_is_found_by_the_new_one_alone(world):
    person = world.person("ada@example.org")
    people = world.identity.accounts
    people.update_profile(person.id, name="Countess Ada  Lovelace")
    assert found_by(world, "love") == found_by(world, "Countess Ada") == ["ada@example.org"]
    people.update_profile(person.id, name="Ada Byron")
    assert (found_by(world, "love"), found_by(world, "byron")) == ([], ["ada@example.org"])
    people.change_email(
        person.id, password=PASSWORD, email="countess@example.net", client=world.client()
    )
    people.verify(world.token("verify", to="countess@example.net"))
    assert found_by(world, "ada@") == []
    assert found_by(world, "countess@") == ["countess@example.net"]
    people.delete(person.id, password=PASSWORD, client=world.client())
    assert found_by(world, "byron") == []


def test_a_search_gives_everybody_once_however_many_words_fit(world):
    with world.database.begin() as connection:
        for number in range(25):
            row = {"id": f"id-{number:02}", "role": "user", "email": f"ann{number}@anna.example",
                   "name": "Ann Annette", "preferences": "{}", "is_verified": True,
                   "is_disabled": False, "scopes": "", "created_at_us": number}  # fmt: skip
            connection.execute(tables.ACCOUNT.insert().values(row))
            words.keep(connection, row["id"], email=row["email"], name=row["name"])
    seen, cursor = [], ""
    while True:
        page = world.identity.administration.list(query="ann", cursor=cursor, limit=7)
        seen += [each.id for each in page.accounts]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert sorted(seen) == [f"id-{number:02}" for number in range(25)]


def test_a_search_is_one_statement_whether_there_are_ten_people_or_a_thousand(world):
    asked = []
    for first, last in ((0, 10), (10, 1_000)):
        with world.database.begin() as connection:
            for number in range(first, last):
                row = {"id": f"id-{number}", "role": "user", "email": f"p{number}@example.org",
                       "name": "P", "preferences": "{}", "is_verified": True,
                       "is_disabled": False, "scopes": "", "created_at_us": number}  # fmt: skip
                connection.execute(tables.ACCOUNT.insert().values(row))
                words.keep(connection, row["id"], email=row["email"], name="P")
        with world.counted() as statements:
            page = world.identity.administration.list(query="example", limit=5)
        assert len(page.accounts) == 5
        asked.append([each for each in statements if each.startswith("SELECT")])
    assert [len(each) for each in asked] == [1, 1]
    assert asked[0] == asked[1]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request, tmp_path):
    """A database without a table."""
    is_file = request.param == "sqlite"
    place = tmp_path / "empty.db"
    opened = database.Database(
        place if is_file else request.getfixturevalue("postgres_server").new_schema()
    )
    yield opened
    opened.close()


def test_people_who_were_there_before_the_words_were_kept_are_found(empty_database):
    database.upgrade(empty_database, [identity.MIGRATIONS], to=["database_0001", "identity_0001"])
    with empty_database.begin() as connection:
        for number in range(1_001):
            row = {"id": f"id-{number:04}", "role": "user", "email": f"p{number}@example.org",
                   "email_key": f"p{number}@example.org", "name": "", "preferences": "{}",
                   "is_verified": True, "is_disabled": False, "scopes": "",
                   "created_at_us": number}  # fmt: skip
            connection.execute(tables.ACCOUNT.insert().values(row))
    database.upgrade(empty_database, [identity.MIGRATIONS])
    with empty_database.read() as connection:
        for number in (0, 500, 1_000):
            (found,) = connection.execute(words.search(f"p{number}@example.org", after=None))
            assert found.id == f"id-{number:04}"
