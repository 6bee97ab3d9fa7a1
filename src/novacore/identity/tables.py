"""The tables of accounts. Times are µs UTC; secrets stand here only as digests, or sealed."""

import sqlalchemy
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Text

METADATA = sqlalchemy.MetaData()

STATE = sqlalchemy.Table(
    "identity_state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", BigInteger, nullable=False),
    Column("founder_id", Text),
)
"""One row: `generation` counts what other processes must forget; `founder_id` had the first
account, so that nobody becomes administrator by registering after it is gone."""

CHANGE = sqlalchemy.Table(
    "identity_change",
    METADATA,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("account_id", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("identity_change_at", "at_us"),
)
"""Whose tokens and keys are to be looked up anew since which generation; empty: everybody's."""

ACCOUNT = sqlalchemy.Table(
    "identity_account",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, unique=True),
    Column("name", Text, nullable=False),
    Column("preferences", Text, nullable=False),
    Column("password_hash", Text),
    Column("is_verified", Boolean, nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    Column("owner_id", Text),
    Column("scopes", Text, nullable=False),
    Column("requests_per_minute", Integer),
    Column("tokens_per_day", BigInteger),
    Column("created_at_us", BigInteger, nullable=False),
    Column("last_sign_in_at_us", BigInteger),
    Column("deleted_at_us", BigInteger),
    Index("identity_account_created", "created_at_us", "id"),
    Index("identity_account_owner", "owner_id"),
    Index("identity_account_role", "role"),
)
"""People, and agents (with an owner). `email_key` is the same for all spellings of an address;
agents and deleted accounts have none."""

WORD = sqlalchemy.Table(
    "identity_word",
    METADATA,
    Column("word", LargeBinary, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Index("identity_word_account", "account_id", "word"),
)
"""By what administrators find people; see `words`. It follows from the accounts."""

SESSION = sqlalchemy.Table(
    "identity_session",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("last_used_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("ip", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Index("identity_session_account", "account_id", "ended_at_us"),
    Index("identity_session_ended", "ended_at_us"),
    Index("identity_session_expires", "expires_at_us"),
    Index("identity_session_used", "last_used_at_us"),
)
"""Sign-ins: each is one family of refresh tokens."""

REFRESH = sqlalchemy.Table(
    "identity_refresh",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("replaced_at_us", BigInteger),
    Column("salt", Text),
    Index("identity_refresh_replaced", "replaced_at_us"),
    Index("identity_refresh_session", "session_id"),
)
"""Refresh tokens. A replaced one stays known, so that its use by a thief is noticed."""

DEVICE = sqlalchemy.Table(
    "identity_device",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("created_at_us", BigInteger, nullable=False),
    Column("last_used_at_us", BigInteger, nullable=False),
    Index("identity_device_account", "account_id"),
    Index("identity_device_used", "last_used_at_us"),
)
"""Browsers in which somebody signed in before."""

KEY = sqlalchemy.Table(
    "identity_key",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("requests_per_minute", Integer),
    Column("tokens_per_day", BigInteger),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("last_used_at_us", BigInteger),
    Column("revoked_at_us", BigInteger),
    Index("identity_key_account", "account_id", "created_at_us"),
)
"""API keys of people and agents."""

TICKET = sqlalchemy.Table(
    "identity_ticket",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("account_id", Text),
    Column("email", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("used_at_us", BigInteger),
    Index("identity_ticket_account", "account_id"),
    Index("identity_ticket_expires", "expires_at_us"),
)
"""Links that were mailed: each works once."""

THROTTLE = sqlalchemy.Table(
    "identity_throttle",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("window_at_us", BigInteger, nullable=False),
    Column("level", Integer, nullable=False),
    Column("seen_at_us", BigInteger, nullable=False),
    Index("identity_throttle_seen", "seen_at_us"),
)
"""What is counted, by keyed digests of addresses and networks."""

SIGNING_KEY = sqlalchemy.Table(
    "identity_signing_key",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("public", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("retires_at_us", BigInteger),
)
"""The keys that sign access tokens: the newest signs, those that have not retired are accepted."""
