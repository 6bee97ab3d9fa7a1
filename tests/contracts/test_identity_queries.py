"""Every statement about accounts finds its rows by an index, however many there are."""

import contextlib

import pytest
import sqlalchemy
from tests import migrated
from tests.rooms.identity.conftest import CONFIG, PASSWORD, World

from novacore import database, identity, kit

MANY = 30_000
FILL = (
    (
        "INSERT INTO identity_account (id, role, email, email_key, name, preferences, is_verified,"
        " is_disabled, scopes, created_at_us)"
        " SELECT 'a' || n, 'user', 'p' || n, 'p' || n, '', '{}', true, false, '', n"
        f" FROM generate_series(1, {MANY}) n"
    ),
    (
        "INSERT INTO identity_word (word, account_id)"
        f" SELECT convert_to('p' || n, 'UTF8'), 'a' || n FROM generate_series(1, {MANY}) n"
    ),
    (
        "INSERT INTO identity_session (id, account_id, created_at_us, last_used_at_us,"
        " expires_at_us, ip, user_agent)"
        f" SELECT 's' || n, 'a' || n, 0, n, 9e15, '', '' FROM generate_series(1, {MANY}) n"
    ),
    (
        "INSERT INTO identity_refresh (digest, session_id, created_at_us)"
        f" SELECT 'r' || n, 's' || n, 0 FROM generate_series(1, {MANY}) n"
    ),
    (
        "INSERT INTO identity_key (id, account_id, name, prefix, digest, scopes, created_at_us)"
        f" SELECT 'k' || n, 'a' || n, '', '', 'd' || n, '', 0 FROM generate_series(1, {MANY}) n"
    ),
    (
        "INSERT INTO identity_device (digest, account_id, created_at_us, last_used_at_us)"
        f" SELECT 'd' || n, 'a' || n, 0, 0 FROM generate_series(1, {MANY}) n"
    ),
    (
        "INSERT INTO identity_ticket (digest, purpose, account_id, email, created_at_us,"
        f" expires_at_us) SELECT 't' || n, 'reset', 'a' || n, '', 0, 9e15"
        f" FROM generate_series(1, {MANY}) n"
    ),
    (
        "INSERT INTO identity_throttle (name, count, window_at_us, level, seen_at_us)"
        f" SELECT 'b' || n, 0, 0, 0, 0 FROM generate_series(1, {MANY}) n"
    ),
)


@pytest.fixture(scope="module")
def crowded(postgres_server, tmp_path_factory):
    """A world in which tens of thousands of others have accounts."""
    opened = database.Database(postgres_server.new_schema())
    migrated.make_tables(opened, [identity.MIGRATIONS])
    with opened.begin() as connection:
        for statement in FILL:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("ANALYZE")
    clock, vault = kit.FixedClock(), identity.open_vault(tmp_path_factory.mktemp("keys"))
    made = identity.Identity(
        opened,
        config=CONFIG,
        clock=clock,
        vault=vault,
        public_url="http://127.0.0.1:8080",
        is_public=False,
    )
    # Its thread would send statements of its own between ours.
    made._authenticator.watch.close()
    yield World(identity=made, database=opened, clock=clock, vault=vault)
    made.close()
    opened.close()


@contextlib.contextmanager
def _explained(world, plans):
    """Adds the plan of every statement in the block, as it was sent."""

    def note(connection, cursor, statement, parameters, *_rest):
        is_ours = "identity_" in statement and not statement.startswith(("INSERT", "EXPLAIN"))
        for each in parameters if isinstance(parameters, list) else [parameters]:
            if is_ours:
                cursor.execute(f"EXPLAIN {statement}", each)
                plans.append((statement, "\n".join(row[0] for row in cursor.fetchall())))

    sqlalchemy.event.listen(world.database.engine, "before_cursor_execute", note)
    yield
    sqlalchemy.event.remove(world.database.engine, "before_cursor_execute", note)


SMALL = ("identity_state", "identity_change", "identity_signing_key")
"""Tables that stay small."""


def _scans(plans):
    return {
        (line.strip(), statement)
        for statement, plan in plans
        for line in plan.splitlines()
        if "Seq Scan on" in line and not any(name in line for name in SMALL)
    }


def test_what_people_do_reads_no_table_from_end_to_end(crowded):
    world, plans = crowded, []
    people, client = world.identity, world.client()
    with _explained(world, plans):
        account = world.person()
        signed_in = world.sign_in()
        world.sign_in(device=signed_in.device_token)
        people.authenticate(signed_in.access_token)
        fresh = people.sessions.refresh(signed_in.refresh_token)
        key = people.keys.create(account.id, name="k")
        agent = people.agents.create(account.id, name="a")
        for secret in (key.secret, agent.secret):
            people.authenticate(secret)
        people.keys.list(account.id)
        people.keys.revoke(account.id, key.key.id)
        people.agents.list(account.id)
        people.agents.rotate(account.id, agent.agent.id)
        people.sessions.list(account.id)
        people.accounts.ask_reset("ada@example.org", client=client)
        people.accounts.reset_password(
            world.token("reset"), password="another long phrase", client=client
        )
        people.accounts.change_password(
            account.id, current="another long phrase", password=PASSWORD, client=client
        )
        people.accounts.change_email(
            account.id, password=PASSWORD, email="new@example.org", client=client
        )
        people.accounts.verify(world.token("verify", to="new@example.org"))
        people.administration.list(limit=50)
        people.administration.list(limit=50, cursor="500-a500")
        found = people.administration.list(query="p", limit=50)
        people.administration.list(query="p", limit=50, cursor=found.next_cursor)
        people.sessions.sign_out(refresh_token=fresh.refresh_token)
        people.agents.revoke(account.id, agent.agent.id)
        people.administration.update("a7", role="admin")
        people.accounts.delete(account.id, password=PASSWORD, client=client)
        people.erase_account(account.id)
    assert len(plans) > 80
    assert _scans(plans) == set()


def test_a_missing_index_would_be_noticed(crowded):
    plans = []
    """The last test of this file: it breaks what the others stand on."""
    with crowded.database.begin() as connection:
        connection.exec_driver_sql("DROP INDEX identity_key_account")
    with _explained(crowded, plans):
        crowded.identity.keys.list("a7")
    assert [line for line, _ in _scans(plans)]
