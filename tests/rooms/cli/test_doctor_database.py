"""`nova doctor` on a journal in PostgreSQL: what the server is, and what may lose entries."""

import psycopg
import pytest
from tests.rooms.cli.conftest import Nova
from tests.servers.postgres import PostgresServer


def findings(nova: Nova, url: str) -> list[dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOVA_DATABASE_URL", url)
        found = nova("doctor", "--json").json["findings"]
    return [each for each in found if each["name"] == "database"]


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.new_schema()


def test_the_server_is_named_and_what_may_lose_entries_is_wrong(nova: Nova, url: str) -> None:
    first, *others = findings(nova, url)
    assert first["state"] == "ok"
    assert "PostgreSQL 18" in first["what"]
    # The tests' server does not wait for its disk.
    assert [(each["state"], each["what"].split()[0]) for each in others] == [
        ("wrong", "fsync"),
        ("wrong", "full_page_writes"),
    ]
    assert "fsync = on" in others[0]["mend"]


def test_doctor_makes_no_tables(nova: Nova, url: str) -> None:
    findings(nova, url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('journal_head')").fetchone() == (None,)


def test_a_server_that_does_not_answer_is_wrong_with_the_reason(nova: Nova) -> None:
    (found,) = findings(nova, "postgresql://postgres:s3cr3t@127.0.0.1:1/x")
    assert found["state"] == "wrong"
    assert "could not be reached" in found["what"]
    assert "s3cr3t" not in str(found)
