"""The migrations make the tables that the room works with."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from novacore import identity


def _is_ours(found, name, kind, *_rest):
    return kind != "table" or name.startswith("identity_")


def test_migrated_tables_are_those_that_the_room_knows(world):
    with world.database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": _is_ours, "compare_type": True}
        )
        assert compare_metadata(context, identity.METADATA) == []
