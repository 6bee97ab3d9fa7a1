"""The tables of billing."""

from pathlib import Path
from typing import Final

import sqlalchemy
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text, text

METADATA = sqlalchemy.MetaData()
FOLDER: Final = Path(__file__).parent / "migrations"
"""Billing's migrations."""

_OPEN = text("state = 'open'")

ACCOUNT = sqlalchemy.Table(
    "billing_account",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("plan_since_us", BigInteger, nullable=False),
    Column("plan_ends_at_us", BigInteger),
    Column("reminded_at_us", BigInteger),
    Column("tokens_per_day", BigInteger),
    Column("messages_per_day", BigInteger),
    Column("storage_bytes", BigInteger),
    Column("agent_minutes_per_day", BigInteger),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Index("billing_account_ends", "plan_ends_at_us", "account_id"),
)
"""Each account's plan. A limit here was set by the administrator: NULL is the plan's, -1 none."""

HOLD = sqlalchemy.Table(
    "billing_hold",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("price_version", Text, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens_max", BigInteger, nullable=False),
    Column("output_tokens_seen", BigInteger, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("agent_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("admitted_at_us", BigInteger, nullable=False),
    Column("lease_until_us", BigInteger, nullable=False),
    Column("closed_at_us", BigInteger),
    Index(
        "billing_hold_open",
        "account_id",
        "lease_until_us",
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    sqlite_with_rowid=False,
)
"""What is set aside for calls: `state` is open, then once settled, estimated or released.

As few indexes as can be: each is a page more to write for every call.
"""

REPLY = sqlalchemy.Table(
    "billing_reply",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("hold_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", LargeBinary),
    Column("expires_at_us", BigInteger, nullable=False),
    Index("billing_reply_hold", "hold_id"),
    Index("billing_reply_expires", "expires_at_us"),
)
"""Idempotency-Keys: `state` is running, done, or lost (answered, the reply not kept)."""

LEDGER = sqlalchemy.Table(
    "billing_ledger",
    METADATA,
    Column("hold_id", Text, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("account_id", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("price_version", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("ms", BigInteger, nullable=False),
    Column("over_tokens", BigInteger, nullable=False),
    Index("billing_ledger_account_day", "account_id", "day"),
    sqlite_with_rowid=False,
)
"""Each call once: line 0 is what it used, line 1 what corrects an estimate, same day."""

COUNTER = sqlalchemy.Table(
    "billing_counter",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("tokens", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("agent_ms", BigInteger, nullable=False),
    Column("over_tokens", BigInteger, nullable=False),
)
"""The ledger's sums that admission asks: `subject` is empty, `key:<id>` or `agent:<id>`."""

DAILY = sqlalchemy.Table(
    "billing_daily",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("agent_id", Text, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("agent_ms", BigInteger, nullable=False),
)
"""The ledger's sums that history shows."""

STORAGE = sqlalchemy.Table(
    "billing_storage",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("stored_bytes", BigInteger, nullable=False),
)
"""What was stored at the end of each day on which it was measured."""

WATERMARK = sqlalchemy.Table(
    "billing_watermark",
    METADATA,
    Column("journal", Text, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("read_at_us", BigInteger, nullable=False),
)
"""How far the ledger has read each journal."""

PROOF = sqlalchemy.Table(
    "billing_proof",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("pending", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("drift_tokens", BigInteger, nullable=False),
    Column("drift_count", BigInteger, nullable=False),
)
"""The last comparison of journal, ledger and counters: one row."""
