"""The tables that belong to the database itself: the outbox, and who carries it out."""

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

EXECUTORS = sqlalchemy.Table(
    "work_executors",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("beat_at_us", BigInteger, nullable=False),
)
"""The processes that carry the outbox out, and when each last said that it lives."""

LEASES = sqlalchemy.Table(
    "work_leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until_us", BigInteger, nullable=False),
)
"""What one process at a time does, and until when it may."""

RUNS = sqlalchemy.Table(
    "work_runs",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("due_at_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("began_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("done_at_us", BigInteger),
    Column("told", Text, nullable=False),
)
"""The last run of each schedule. `state` is none, running, done or failed; `done_at_us`: when one
last came to a good end; `told`: what it did, or what went wrong."""
