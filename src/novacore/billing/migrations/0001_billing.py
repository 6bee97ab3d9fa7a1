"""Plans, holds, ledger and counters."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0001"
down_revision = None
branch_labels = ("billing",)
depends_on = None


_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Make the tables."""
    _account()
    _hold()
    _reply()
    _ledger()
    _counter()
    _daily()
    _storage()
    _watermark()
    _proof()


def _account() -> None:
    op.create_table(
        "billing_account",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("plan_since_us", sa.BigInteger, nullable=False),
        sa.Column("plan_ends_at_us", sa.BigInteger),
        sa.Column("reminded_at_us", sa.BigInteger),
        sa.Column("tokens_per_day", sa.BigInteger),
        sa.Column("messages_per_day", sa.BigInteger),
        sa.Column("storage_bytes", sa.BigInteger),
        sa.Column("agent_minutes_per_day", sa.BigInteger),
        sa.Column("stored_bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("billing_account_ends", "billing_account", ["plan_ends_at_us", "account_id"])


def _hold() -> None:
    op.create_table(
        "billing_hold",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("price_version", sa.Text, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens_max", sa.BigInteger, nullable=False),
        sa.Column("output_tokens_seen", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("agent_ms", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("admitted_at_us", sa.BigInteger, nullable=False),
        sa.Column("lease_until_us", sa.BigInteger, nullable=False),
        sa.Column("closed_at_us", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "billing_hold_open",
        "billing_hold",
        ["account_id", "lease_until_us"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )


def _reply() -> None:
    op.create_table(
        "billing_reply",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("route", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("hold_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.Text),
        sa.Column("body", sa.LargeBinary),
        sa.Column("expires_at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("billing_reply_hold", "billing_reply", ["hold_id"])
    op.create_index("billing_reply_expires", "billing_reply", ["expires_at_us"])


def _ledger() -> None:
    op.create_table(
        "billing_ledger",
        sa.Column("hold_id", sa.Text, primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("price_version", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("ms", sa.BigInteger, nullable=False),
        sa.Column("over_tokens", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("billing_ledger_account_day", "billing_ledger", ["account_id", "day"])


def _counter() -> None:
    op.create_table(
        "billing_counter",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("agent_ms", sa.BigInteger, nullable=False),
        sa.Column("over_tokens", sa.BigInteger, nullable=False),
    )


def _daily() -> None:
    op.create_table(
        "billing_daily",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("agent_ms", sa.BigInteger, nullable=False),
    )


def _storage() -> None:
    op.create_table(
        "billing_storage",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("stored_bytes", sa.BigInteger, nullable=False),
    )


def _watermark() -> None:
    op.create_table(
        "billing_watermark",
        sa.Column("journal", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("read_at_us", sa.BigInteger, nullable=False),
    )


def _proof() -> None:
    op.create_table(
        "billing_proof",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("pending", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("drift_tokens", sa.BigInteger, nullable=False),
        sa.Column("drift_count", sa.BigInteger, nullable=False),
    )
