"""The table that belongs to the database itself."""

import sqlalchemy
from sqlalchemy import BigInteger, Column, Index, Integer, Text

METADATA = sqlalchemy.MetaData()

OUTBOX = sqlalchemy.Table(
    "outbox",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("due_at_us", BigInteger, nullable=False),
    Column("holder", Text),
    Column("lease_until_us", BigInteger),
    Column("problem", Text),
    Column("done_at_us", BigInteger),
    Index("outbox_state_due", "state", "due_at_us"),
)
"""What is to follow: `state` is waiting, claimed, done or dead."""
