"""An account's conversations beside their words: forgotten, or told as plain data.

For whoever works on accounts without serving them; what was said is the journal's.
"""

import asyncio
import dataclasses
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from novacore import database
from novacore.chat.opening import WORKSPACES_FOLDER
from novacore.chat.session_rows import SessionRows
from novacore.chat.streams.log import StreamLog

_AT_ONCE: Final = 500
_LOOK_S: Final = 0.05


def erase_account(db: database.Database, account_id: str, *, data_dir: Path) -> None:
    """Forget the lists and ratings of an account, and its tools' folder. Harmless when repeated."""
    SessionRows(db).delete_account(account_id)
    shutil.rmtree(data_dir / WORKSPACES_FOLDER / account_id, ignore_errors=True)


async def end_turns(streams: StreamLog, account_ids: Collection[str], *, wait_s: float) -> int:
    """Stop every turn of these accounts, in whichever process it runs, and forget its log.

    A turn that ends journals what it has and is charged for it.

    Args:
        streams: the logs; need not be those of the process that answers.
        account_ids: whose.
        wait_s: so long they are waited for.

    Returns:
        How many run still.

    Raises:
        StreamsUnavailable: it can't be told now.
    """
    theirs = [each.stream for each in await streams.heads() if each.account in account_ids]
    for stream in theirs:
        await streams.stop(stream)
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + wait_s
    while True:
        alive = [each for each in theirs if (await streams.read(each)).is_alive]
        if not alive or loop.time() >= ends_s:
            break
        await asyncio.sleep(_LOOK_S)
    for stream in theirs:
        if stream not in alive:
            await streams.forget(stream)
    return len(alive)


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
