"""The journal's tables on PostgreSQL: made once, brought up to date, refused when newer."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from tests.rooms.journal.children import ROOT
from tests.servers.postgres import programs

from novacore import journal
from novacore.journal import Config, Scope, postgres_schema

OLDER = Path(__file__).with_name("postgres_format_1.sql")
"""A filled journal of format 1, by pg_dump: sessions sealed and not, a fork, a blob, two owners."""


def user(text):
    return {"role": "user", "content": text}


def execute(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        return [connection.execute(each) for each in statements]


def test_a_filled_journal_of_an_older_format_opens_whole_and_takes_more(postgres_server):
    url = postgres_server.new_database()
    subprocess.run(
        [programs() / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", OLDER, url],
        check=True, capture_output=True,
    )  # fmt: skip
    with journal.open_postgres(url, config=Config(blob_text_bytes=4096)) as store:
        talk = store.get_session("talk")
        texts = [message["content"] for message in talk.open()]
        assert texts[:40] == [f"entry {n}" for n in range(40)]
        assert texts[40:50] == [f"entry {n} größer 漢字" for n in range(40, 50)]
        assert texts[50] == "long " * 1200
        fork = store.get_session("fork")
        assert [message["content"] for message in fork.open()] == [*texts[:45], "in the fork"]
        mira = store.for_owner(Scope(owner="mira"))
        assert mira.get_session("talk").open()[0]["content"] == "of another owner"
        assert talk.append(user("still here")).positions == (51,)
        assert store.erase(talk.id, positions=[3, 50]) == 2
        assert store.feed().erasures()[0].positions == (3, 50)
        assert store.verify(all_owners=True).problems == []
    assert _numbers(url) == [1, 2, 3]
    with journal.open_postgres(url) as store:
        assert store.get_session("talk").open().gaps == [3, 50]


def _numbers(url):
    rows = execute(url, "SELECT number FROM journal_migration ORDER BY number")[0].fetchall()
    return [row[0] for row in rows]


def test_migrations_are_numbered_from_one_without_a_gap():
    numbers = [number for number, _ in postgres_schema.list_migrations()]
    assert numbers == list(range(1, postgres_schema.FORMAT + 1))


def test_a_migration_that_fails_leaves_the_journal_as_it_was(postgres_server, monkeypatch):
    url = postgres_server.new_database()
    journal.open_postgres(url).close()
    known = postgres_schema.list_migrations()
    broken = [*known, (4, "CREATE TABLE journal_half (); SELECT 1/0;")]
    with monkeypatch.context() as patch:
        patch.setattr(postgres_schema, "FORMAT", 4)
        patch.setattr(postgres_schema, "list_migrations", lambda: broken)
        with pytest.raises(journal.JournalError):
            journal.open_postgres(url)
    assert _numbers(url) == [1, 2, 3]
    found = execute(url, "SELECT to_regclass('journal_half')")[0].fetchone()
    assert found == (None,)
    with journal.open_postgres(url) as store:
        store.session("talk").append(user("a"))


def test_many_that_open_an_empty_database_at_once_make_one_journal(postgres_server):
    url = postgres_server.new_database()
    with ThreadPoolExecutor(12) as pool:
        stores = list(pool.map(lambda _: journal.open_postgres(url), range(12)))
    assert len({store.feed().state().journal for store in stores}) == 1
    for number, store in enumerate(stores):
        store.session("talk").append(user(str(number)))
    assert len(stores[0].session("talk").open()) == 12
    for store in stores:
        store.close()


def test_a_journal_that_only_newer_programs_may_read_is_refused_and_not_touched(postgres_server):
    url = postgres_server.new_schema()
    with journal.open_postgres(url) as store:
        store.session("talk").append(user("a"))
    execute(url, "UPDATE journal_head SET lowest_reader = 99")
    with pytest.raises(journal.StoreTooNew) as caught:
        journal.open_postgres(url)
    assert (caught.value.needed, caught.value.ours) == (99, postgres_schema.FORMAT)


def test_a_journal_that_only_newer_programs_may_write_can_be_read(postgres_server):
    url = postgres_server.new_schema()
    with journal.open_postgres(url) as store:
        session = store.session("talk")
        session.append(user("a"))
        execute(url, "UPDATE journal_head SET lowest_writer = 99")
        for refused in (
            lambda: session.append(user("b")),
            lambda: store.session("new"),
            lambda: store.erase(session.id),
        ):
            with pytest.raises(journal.StoreTooNew):
                refused()
    with journal.open_postgres(url) as store:
        assert [dict(message) for message in store.session("talk").open()] == [user("a")]


def test_a_url_that_leads_nowhere_is_refused_with_what_to_do(postgres_server):
    with pytest.raises(journal.StoreUnusable, match="postgresql://"):
        journal.open_postgres("mysql://localhost/x")
    with pytest.raises(journal.StorageFailed, match="nobody_made_this"):
        journal.open_postgres(postgres_server.url_of("nobody_made_this"))
    with pytest.raises(journal.StorageFailed, match="could not be reached"):
        journal.open_postgres("postgresql://postgres@127.0.0.1:1/x")
    with pytest.raises(journal.StoreUnusable, match="search_path"):
        journal.open_postgres(f"{postgres_server.url}?options=-csearch_path%3Dno_such_schema")


def test_no_error_shows_the_password(postgres_server):
    url = postgres_server.url_of("nobody_made_this").replace("postgres@", "postgres:s3cr3t@")
    with pytest.raises(journal.StorageFailed) as caught:
        journal.open_postgres(url)
    assert "s3cr3t" not in f"{caught.value} {caught.value.hint}"


def test_a_user_who_may_not_make_tables_is_told_so(postgres_server):
    url = postgres_server.new_database()
    execute(url, "CREATE ROLE guest LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    try:
        with pytest.raises(journal.StorageFailed, match="right"):
            journal.open_postgres(url.replace("postgres@", "guest@"))
    finally:
        execute(url, "DROP ROLE guest")


def test_without_the_driver_the_extra_to_install_is_named():
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from novacore import journal\n"
        "try:\n    journal.open_postgres('postgresql://localhost/x')\n"
        "except journal.StoreUnusable as error:\n    print(error, error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert "pip install 'novacore[postgresql]'" in done.stdout


@pytest.mark.parametrize("weak", ["off", "local", "remote_write", "on", "remote_apply"])
def test_nothing_is_acknowledged_before_the_disk_has_it_whatever_the_default(postgres_server, weak):
    url = postgres_server.new_schema().replace(
        "options=", f"options=-csynchronous_commit%3D{weak}%20"
    )
    with journal.open_postgres(url) as store:
        found = store._core.engine._pool.run(lambda d: d.rows("SHOW synchronous_commit"), "reading")
        assert found == [("remote_apply" if weak == "remote_apply" else "on",)]
