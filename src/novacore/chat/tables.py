"""The tables of chat: what lists of conversations need, and what people said of answers.

Both follow from the journal's entries and can be made from them again.
"""

from pathlib import Path
from typing import Final

import sqlalchemy
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Text

METADATA = sqlalchemy.MetaData()
FOLDER: Final = Path(__file__).parent / "migrations"
"""Chat's migrations."""

SESSION = sqlalchemy.Table(
    "chat_session",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_folded", Text, nullable=False),
    Column("title_by", Text, nullable=False),
    Column("is_pinned", Boolean, nullable=False),
    Column("is_archived", Boolean, nullable=False),
    Column("is_deleted", Boolean, nullable=False),
    Column("model", Text, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("state_sequence", BigInteger, nullable=False),
    Column("active_stream", Text),
    Column("created_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Index("chat_session_listed", "account_id", "is_archived", "is_pinned", "updated_at_us", "id"),
    Index("chat_session_active", "active_stream"),
)
"""One row per conversation; `id` is its session's in the journal, `state_sequence` that of the last
entry whose title, pin, archive or model it has, `active_stream` the stream that answers now."""

FEEDBACK = sqlalchemy.Table(
    "chat_feedback",
    METADATA,
    Column("session_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("rating", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("chat_feedback_account", "account_id"),
)
"""What a person thinks of an answer: `rating` is up or down."""
