"""Identity on both databases, with a clock that moves when told to."""

import contextlib
import dataclasses
import json
import shutil
import threading

import pytest
import sqlalchemy

from novacore import database, identity, kit
from novacore.identity import tables

PASSWORD = "a quiet violet harbour"
CONFIG = identity.Config(password_memory_kib=8, password_passes=1)


@dataclasses.dataclass
class World:
    """An identity, its database and its clock, and what tests want to know of them."""

    identity: identity.Identity
    database: database.Database
    clock: kit.FixedClock
    vault: identity.Vault

    def client(self, ip="203.0.113.7", device="", agent="Firefox"):
        return identity.Client(ip=ip, user_agent=agent, device_token=device)

    def letters(self):
        """What was mailed, oldest first, once everything that was asked for is written."""
        with self.database.read() as connection:
            rows = connection.execute(
                sqlalchemy.select(database.OUTBOX).order_by(database.OUTBOX.c.created_at_us)
            ).all()
        for row in rows:
            if row.kind == "identity.letter":
                self.identity.write_letter(row.id, json.loads(row.payload))
        with self.database.read() as connection:
            rows = connection.execute(
                sqlalchemy.select(database.OUTBOX)
                .where(database.OUTBOX.c.kind == "mail")
                .order_by(database.OUTBOX.c.created_at_us, database.OUTBOX.c.id)
            ).all()
        return [self.identity.unseal_mail(json.loads(row.payload)) for row in rows]

    def outbox(self, kind):
        with self.database.read() as connection:
            rows = connection.execute(
                sqlalchemy.select(database.OUTBOX.c.payload).where(database.OUTBOX.c.kind == kind)
            )
            return [json.loads(row.payload) for row in rows]

    def token(self, template, to=None, name="link"):
        """The secret in the newest letter of a sort."""
        found = [
            each for each in self.letters() if each.template == template and to in {None, each.to}
        ]
        return found[-1].params[name].partition("=")[2]

    def person(self, email="ada@example.org", *, is_verified=True):
        """A registered account."""
        self.identity.accounts.register(email, password=PASSWORD, client=self.client(ip=""))
        account = self.identity.administration.find(email)
        if is_verified:
            self.identity.administration.update(account.id, is_verified=True)
        return self.identity.administration.find(email)

    def sign_in(self, email="ada@example.org", password=PASSWORD, **client):
        return self.identity.sessions.sign_in(
            email, password=password, client=self.client(**client)
        )

    def rows(self, table):
        with self.database.read() as connection:
            return connection.execute(sqlalchemy.select(table)).all()

    @contextlib.contextmanager
    def counted(self):
        """Statements that run in the block, as they were sent."""
        seen = []

        def note(_connection, _cursor, statement, *_rest):
            seen.append(statement)

        sqlalchemy.event.listen(self.database.engine, "before_cursor_execute", note)
        yield seen
        sqlalchemy.event.remove(self.database.engine, "before_cursor_execute", note)

    def other_process(self):
        """An identity as another process has it: nothing shared but the database and the key."""
        return identity.Identity(
            self.database,
            config=self.identity.config,
            clock=self.clock,
            vault=self.vault,
            public_url="http://127.0.0.1:8080",
            is_public=False,
        )


def make(place, folder, *, config=CONFIG, is_public=False):
    opened = database.Database(place)
    clock = kit.FixedClock()
    vault = identity.open_vault(folder / "keys")
    made = identity.Identity(
        opened,
        config=config,
        clock=clock,
        vault=vault,
        public_url="http://127.0.0.1:8080/",
        is_public=is_public,
    )
    return World(identity=made, database=opened, clock=clock, vault=vault)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    """A file with the tables, to copy: migrating anew for each test takes most of its time."""
    path = tmp_path_factory.mktemp("identity") / "business.db"
    opened = database.Database(path)
    database.upgrade(opened, [identity.MIGRATIONS])
    opened.close()
    return path


@pytest.fixture(scope="session")
def migrated_schema(postgres_server):
    url = postgres_server.new_schema()
    opened = database.Database(url)
    database.upgrade(opened, [identity.MIGRATIONS])
    opened.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where an empty database with the tables is."""
    if request.param == "sqlite":
        path = tmp_path / "business.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        yield path
        return
    url = request.getfixturevalue("migrated_schema")
    yield url
    opened = database.Database(url)
    with opened.begin() as connection:
        for table in (*tables.METADATA.sorted_tables, database.OUTBOX):
            connection.execute(table.delete())
        connection.execute(tables.STATE.insert().values(id=1, generation=0))
    opened.close()


@pytest.fixture
def world(place, tmp_path):
    made = make(place, tmp_path)
    yield made
    made.identity.close()
    made.database.close()


@pytest.fixture
def make_world(place, tmp_path):
    made = []

    def build(*, is_public=False, **config):
        found = make(
            place,
            tmp_path,
            config=dataclasses.replace(CONFIG, **config),
            is_public=is_public,
        )
        made.append(found)
        return found

    yield build
    for each in made:
        each.identity.close()
        each.database.close()


@pytest.fixture
def at_once():
    """Calls `function` in as many threads as there are arguments, all let go together."""

    def run(function, arguments):
        results, ready = [], threading.Barrier(len(arguments))

        def one(argument):
            ready.wait()
            try:
                results.append(function(argument))
            except kit.NovaError as error:
                results.append(error)

        threads = [threading.Thread(target=one, args=(each,)) for each in arguments]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return results

    return run
