"""Accounts, sign-ins, keys, mailed links, throttles and signing keys."""

import sqlalchemy as sa
from alembic import op

revision = "identity_0001"
down_revision = None
branch_labels = ("identity",)
depends_on = None


def upgrade() -> None:
    """Make the tables, and the one row of the state."""
    _state()
    _change()
    _account()
    _session()
    _refresh()
    _device()
    _key()
    _ticket()
    _throttle()
    _signing_key()
    op.execute("INSERT INTO identity_state (id, generation) VALUES (1, 0)")


def _state() -> None:
    op.create_table(
        "identity_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("founder_id", sa.Text),
    )


def _change() -> None:
    op.create_table(
        "identity_change",
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("identity_change_at", "identity_change", ["at_us"])


def _account() -> None:
    op.create_table(
        "identity_account",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_key", sa.Text, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("preferences", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("is_verified", sa.Boolean, nullable=False),
        sa.Column("is_disabled", sa.Boolean, nullable=False),
        sa.Column("owner_id", sa.Text),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("requests_per_minute", sa.Integer),
        sa.Column("tokens_per_day", sa.BigInteger),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("last_sign_in_at_us", sa.BigInteger),
        sa.Column("deleted_at_us", sa.BigInteger),
    )
    op.create_index("identity_account_created", "identity_account", ["created_at_us", "id"])
    op.create_index("identity_account_owner", "identity_account", ["owner_id"])
    op.create_index("identity_account_role", "identity_account", ["role"])


def _session() -> None:
    op.create_table(
        "identity_session",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("last_used_at_us", sa.BigInteger, nullable=False),
        sa.Column("expires_at_us", sa.BigInteger, nullable=False),
        sa.Column("ended_at_us", sa.BigInteger),
        sa.Column("ip", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
    )
    op.create_index("identity_session_account", "identity_session", ["account_id", "ended_at_us"])
    op.create_index("identity_session_ended", "identity_session", ["ended_at_us"])
    op.create_index("identity_session_expires", "identity_session", ["expires_at_us"])
    op.create_index("identity_session_used", "identity_session", ["last_used_at_us"])


def _refresh() -> None:
    op.create_table(
        "identity_refresh",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("replaced_at_us", sa.BigInteger),
        sa.Column("salt", sa.Text),
    )
    op.create_index("identity_refresh_replaced", "identity_refresh", ["replaced_at_us"])
    op.create_index("identity_refresh_session", "identity_refresh", ["session_id"])


def _device() -> None:
    op.create_table(
        "identity_device",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("last_used_at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("identity_device_account", "identity_device", ["account_id"])
    op.create_index("identity_device_used", "identity_device", ["last_used_at_us"])


def _key() -> None:
    op.create_table(
        "identity_key",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("requests_per_minute", sa.Integer),
        sa.Column("tokens_per_day", sa.BigInteger),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("expires_at_us", sa.BigInteger),
        sa.Column("last_used_at_us", sa.BigInteger),
        sa.Column("revoked_at_us", sa.BigInteger),
    )
    op.create_index("identity_key_account", "identity_key", ["account_id", "created_at_us"])


def _ticket() -> None:
    op.create_table(
        "identity_ticket",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("expires_at_us", sa.BigInteger, nullable=False),
        sa.Column("used_at_us", sa.BigInteger),
    )
    op.create_index("identity_ticket_account", "identity_ticket", ["account_id"])
    op.create_index("identity_ticket_expires", "identity_ticket", ["expires_at_us"])


def _throttle() -> None:
    op.create_table(
        "identity_throttle",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("window_at_us", sa.BigInteger, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("seen_at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("identity_throttle_seen", "identity_throttle", ["seen_at_us"])


def _signing_key() -> None:
    op.create_table(
        "identity_signing_key",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("public", sa.Text, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("retires_at_us", sa.BigInteger),
    )
