"""The outbox, who carries it out, and what is done by the clock."""

import sqlalchemy as sa
from alembic import op

revision = "database_0001"
down_revision = None
branch_labels = ("database",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("due_at_us", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("lease_until_us", sa.BigInteger),
        sa.Column("problem", sa.Text),
        sa.Column("done_at_us", sa.BigInteger),
    )
    op.create_index("outbox_state_due", "outbox", ["state", "due_at_us"])
    op.create_table(
        "work_executors",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at_us", sa.BigInteger, nullable=False),
        sa.Column("beat_at_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "work_leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "work_runs",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("due_at_us", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("began_at_us", sa.BigInteger),
        sa.Column("ended_at_us", sa.BigInteger),
        sa.Column("done_at_us", sa.BigInteger),
        sa.Column("told", sa.Text, nullable=False),
    )
