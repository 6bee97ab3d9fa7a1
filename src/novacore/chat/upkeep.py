"""An account's conversations beside their words: forgotten, or told as plain data.

For whoever works on accounts without serving them; what was said is the journal's.
"""

import dataclasses
from typing import Any, Final

from novacore import database
from novacore.chat.session_rows import SessionRows

_AT_ONCE: Final = 500


def erase_account(db: database.Database, account_id: str) -> None:
    """Forget the lists and ratings of an account. Doing it again is harmless."""
    SessionRows(db).delete_account(account_id)


def export_account(db: database.Database, account_id: str) -> dict[str, Any]:
    """Titles, folders and ratings of an account's conversations."""
    rows = SessionRows(db)
    sessions: list[dict[str, Any]] = []
    for is_archived in (False, True):
        after: tuple[int, int, str] | None = None
        while True:
            page = rows.page(account_id, is_archived=is_archived, after=after, limit=_AT_ONCE)
            sessions += [dataclasses.asdict(each) for each in page.sessions]
            after = page.next_after
            if after is None:
                break
    return {"sessions": sessions, "feedback": rows.feedback_of(account_id)}
