"""On PostgreSQL with a million rows, every query that people wait for finds its way by an index."""

import asyncio
import json
from collections.abc import Iterator

import pytest
import sqlalchemy
from sqlalchemy import event

from novacore import billing, bootstrap, chat, database, identity, settings, workers

pytestmark = pytest.mark.heavy

ROWS = 50_000
MANY = {"billing_ledger": 400_000, "billing_hold": 200_000, "outbox": 100_000}
SMALL = {
    "identity_state",
    "identity_change",
    "identity_signing_key",
    "billing_watermark",
    "work_executors",
    "work_leases",
    "work_runs",
}
"""Tables that have a few rows however many people there are."""
FUTURE_US = 4_000_000_000_000_000
OWNERS = 2_000
"""The rows of a table belong to so many accounts."""
FIXED = {
    "state": "'done'",
    "kind": "'mail'",
    "role": "'user'",
    "payload": "'{}'",
    "preferences": "'{}'",
    "scopes": "'chat'",
    "purpose": "'chat'",
    "plan": "'basic'",
    "source": "'provider'",
    "day": "to_char(date '2026-01-01' + mod(i, 300)::int, 'YYYY-MM-DD')",
    "line": "0",
}


def _value(table: sqlalchemy.Table, column: sqlalchemy.Column) -> str:
    """SQL for a column's value in row `i`."""
    if column.name in FIXED:
        return FIXED[column.name]
    if column.name in {"account_id", "owner_id"} and table.name != "identity_account":
        return f"'id' || (mod(i, {OWNERS}) + 1)"
    if column.name.endswith("_id") or column.name == "id" or column.unique:
        return "i" if isinstance(column.type, sqlalchemy.Integer) else "'id' || i"
    if column.nullable and not column.name.endswith(("expires_at_us", "due_at_us")):
        return "NULL"
    if isinstance(column.type, sqlalchemy.Boolean):
        return "false"
    if isinstance(column.type, sqlalchemy.Integer):
        # Nothing is due or over: what is to be tidied is a small part, as it is every day.
        return f"({FUTURE_US} + i)" if column.name.endswith("_us") else "i"
    if isinstance(column.type, sqlalchemy.LargeBinary):
        return "''::bytea"
    return f"'{column.name}' || i"


def _fill(connection: sqlalchemy.Connection, metadata: sqlalchemy.MetaData) -> None:
    for table in metadata.sorted_tables:
        if table.name in SMALL:
            continue
        columns = list(table.columns)
        names = ", ".join(column.name for column in columns)
        values = ", ".join(_value(table, column) for column in columns)
        count = MANY.get(table.name, ROWS)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({names}) SELECT {values} "
            f"FROM generate_series(1, {count}) AS i ON CONFLICT DO NOTHING"
        )


class Plans:
    """The plan of every statement that runs on a database, as the server made it."""

    def __init__(self, opened: database.Database) -> None:
        self.scans: dict[str, str] = {}
        """Statements that read a large table from end to end, with the table."""
        self.count = 0
        event.listen(opened.engine, "connect", self._watch)
        # Connections that are open already were made without us.
        opened.engine.dispose()

    def begin(self) -> None:
        """Forget what was seen."""
        self.scans, self.count = {}, 0

    def _watch(self, raw, _record) -> None:
        raw.add_notice_handler(self._note)
        raw.execute("LOAD 'auto_explain'")
        for name, value in (
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_format", "json"),
            ("auto_explain.log_nested_statements", "off"),
            ("client_min_messages", "log"),
        ):
            raw.execute(f"SET {name} = '{value}'")
        raw.commit()

    def _note(self, diagnostic) -> None:
        text = diagnostic.message_primary or ""
        _, found, plan = text.partition("plan:\n")
        if found:
            self.count += 1
            decoded = json.loads(plan)
            self._look(decoded["Plan"], decoded["Query Text"])

    def _look(self, node: dict, query: str) -> None:
        if node["Node Type"] == "Seq Scan" and node["Plan Rows"] >= 0:
            self.scans[" ".join(query.split())] = node["Relation Name"]
        for child in node.get("Plans", ()):
            self._look(child, query)


@pytest.fixture(scope="module")
def platform(postgres_server, tmp_path_factory, request) -> Iterator[bootstrap.Platform]:
    folder = tmp_path_factory.mktemp("plans")
    env = {
        "NOVA_DATA_DIR": str(folder / "data"),
        "NOVA_DATABASE_URL": postgres_server.new_schema(),
        "NOVA_BILLING_LIMITS": "on",
        "NOVA_IDENTITY_PASSWORD_MEMORY_KIB": "8",
        "NOVA_IDENTITY_PASSWORD_PASSES": "1",
    }
    chosen = settings.load(env=env, workspace=folder)
    opened = bootstrap.open_platform(chosen, announce=lambda line: None)
    request.addfinalizer(opened.close)  # noqa: PT021 - filling it may fail
    with opened.database.begin() as connection:
        for metadata in (database.METADATA, identity.METADATA, billing.METADATA, chat.METADATA):
            _fill(connection, metadata)
    with opened.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    with asyncio.Runner() as runner:
        runner.run(opened.start())
        yield opened
        runner.run(opened.stop())


@pytest.fixture(scope="module")
def watching(platform) -> Plans:
    return Plans(platform.database)


@pytest.fixture
def plans(watching) -> Plans:
    watching.begin()
    return watching


@pytest.fixture(scope="module")
def large(platform) -> set[str]:
    """The tables whose end-to-end reading people would wait for."""
    with platform.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= 10000"
        )
        return {row[0] for row in rows}


@pytest.fixture(scope="module")
def person(platform) -> identity.Account:
    return platform.identity.administration.create(
        "ada@plans.example", password="a long enough password"
    )


def _client() -> identity.Client:
    return identity.Client(ip="192.0.2.7", user_agent="a browser")


def _sign_in_and_out(platform, person) -> None:
    known = platform.identity
    signed = known.sessions.sign_in(
        person.email, password="a long enough password", client=_client()
    )
    known.authenticate(signed.access_token)
    again = known.sessions.refresh(signed.refresh_token)
    known.sessions.list(person.id)
    known.accounts.get(person.id)
    known.accounts.ask_reset(person.email, client=_client())
    known.sessions.sign_out(refresh_token=again.refresh_token)


def _keys_and_agents(platform, person) -> None:
    known = platform.identity
    key = known.keys.create(person.id, name="one")
    known.authenticate(key.secret)
    known.keys.list(person.id)
    known.keys.revoke(person.id, key.key.id)
    known.agents.create(person.id, name="helper")
    known.agents.list(person.id)


def _administer(platform, person) -> None:
    page = platform.identity.administration.list(limit=50)
    platform.identity.administration.list(limit=50, cursor=page.next_cursor or "")
    platform.identity.administration.find(person.email)
    platform.billing.plans_of([each.id for each in page.accounts])


def _meter(platform, person) -> None:
    bill = platform.billing
    admission = billing.Admission(
        account_id=person.id,
        purpose="chat",
        model="scripted",
        input_tokens=10,
        output_tokens_wanted=10,
        output_tokens_max=100,
        output_tokens_min=1,
        messages=1,
        idempotency=billing.Claim(route="/v1/chat", key="k", digest="d"),
    )
    hold = bill.admit(admission).result()
    bill.renew(hold.id, 3).result()
    bill.release(hold.id).result()
    bill.plan_of(person.id)
    bill.quota(person.id)
    bill.history(person.id, 30)
    bill.expired_holds(person.id)
    bill.expired_holds(None)


def _talk(platform, person) -> None:
    sessions = platform.chat.sessions
    made = sessions.create(person.id, title="One")
    sessions.get(person.id, made.id)
    sessions.change(person.id, made.id, changes=chat.StatePatch(is_pinned=True))
    page = sessions.page(person.id, limit=20)
    sessions.page(person.id, limit=20, after=page.next_after)
    sessions.page(person.id, limit=20, query="One")
    sessions.page(person.id, limit=20, is_archived=True)
    sessions.messages(person.id, made.id)
    sessions.fork(person.id, made.id, at=0)
    sessions.delete(person.id, made.id)


def _work(platform, person) -> None:
    assert workers.get_status(platform)


def _tidy(platform, person) -> None:
    platform.identity.clean_up()
    platform.billing.clean_up()
    platform.billing.remind_trials()
    platform.billing.expire_trials()


@pytest.mark.parametrize(
    "use", [_sign_in_and_out, _keys_and_agents, _administer, _meter, _talk, _work, _tidy]
)
def test_no_large_table_is_read_from_end_to_end(use, platform, person, plans, large):
    use(platform, person)
    assert plans.count > 0
    assert {query: name for query, name in plans.scans.items() if name in large} == {}


def test_the_look_at_plans_finds_a_scan(platform, plans, large):
    with platform.database.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM billing_ledger WHERE outcome = 'none'")
    assert "billing_ledger" in {plans.scans[query] for query in plans.scans} & large
