"""The words that administrators find people by."""

import sqlalchemy as sa
from alembic import op

from novacore.identity.words import words_of

revision = "identity_0002"
down_revision = "identity_0001"
branch_labels = None
depends_on = None

_AT_ONCE = 500
_PEOPLE = sa.text(
    "SELECT id, email, name FROM identity_account"
    " WHERE email_key IS NOT NULL AND id > :after ORDER BY id LIMIT :most"
)


def upgrade() -> None:
    """Make the table, and fill it for everybody who is there."""
    word = op.create_table(
        "identity_word",
        sa.Column("word", sa.LargeBinary, nullable=False, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False, primary_key=True),
    )
    op.create_index("identity_word_account", "identity_word", ["account_id", "word"])
    connection, after = op.get_bind(), ""
    while people := connection.execute(_PEOPLE, {"after": after, "most": _AT_ONCE}).all():
        rows = [
            {"word": each, "account_id": person.id}
            for person in people
            for each in words_of(email=person.email, name=person.name)
        ]
        if rows:
            connection.execute(word.insert(), rows)
        after = people[-1].id
