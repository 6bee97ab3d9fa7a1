"""Deleting an account everywhere, room by room, each step harmless when done again.

What was said goes first and the account itself last: a crash in between leaves an account that is
marked as deleted, which nobody can use, and a row of the outbox that goes on.
"""

import asyncio
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

from novacore import bootstrap, chat
from novacore.workers import exporting
from novacore.workers.errors import WorkFailed, WorkUnsound
from novacore.workers.model import Job

_CATCH_UP_MS: Final = 30_000
"""The longest that the tiers are waited for; those that are down follow the list of erasures."""
_TURNS_S: Final = 10.0
"""The longest that turns may take to journal what they have, once they were asked to stop."""


def erase_sessions(platform: "bootstrap.Platform", job: Job) -> None:
    """Destroy what the account and its agents said and what is remembered of it, in all tiers."""
    owned = _owned(platform, job)
    asyncio.run(_end_turns(platform, owned))
    # What they cost is in the ledger before the entries that tell of it are gone.
    platform.metering.feed.drain()
    for account_id in owned:
        _erase_said(platform, account_id)


async def _end_turns(platform: "bootstrap.Platform", owned: Collection[str]) -> None:
    chosen = platform.chosen
    streams = chat.open_streams(
        chosen.chat, data_dir=chosen.data_dir, shared_url=chosen.server.shared_url
    )
    try:
        if await chat.end_turns(streams, owned, wait_s=_TURNS_S):
            raise WorkFailed("A turn of a deleted account has not ended yet.")
    finally:
        await streams.aclose()


def _erase_said(platform: "bootstrap.Platform", account_id: str) -> None:
    store = platform.store_of(account_id)
    if store.all_sessions():
        bootstrap.erase(store, bootstrap.find_owner(store), timeout_ms=_CATCH_UP_MS)
    if any(each.entries for each in store.list_sessions()):
        raise WorkUnsound("Sessions of a deleted account could be read after their erasure.")


def list_account(platform: "bootstrap.Platform", job: Job) -> None:
    """Note who is deleted, outside of every backup: a restore of an older one leaves them out."""
    chosen = platform.chosen
    beside = chosen.data_dir.with_name(f"{chosen.data_dir.name}-backups")
    backups = Path(chosen.ops.backup_dir).expanduser() if chosen.ops.backup_dir else beside
    for folder in (chosen.data_dir, backups):
        bootstrap.note_erased_accounts(folder, _owned(platform, job))


def erase_chats(platform: "bootstrap.Platform", job: Job) -> None:
    """Forget titles, pins and ratings, and the folder that tools worked in."""
    for account_id in _owned(platform, job):
        chat.erase_account(platform.database, account_id, data_dir=platform.chosen.data_dir)


def erase_exports(platform: "bootstrap.Platform", job: Job) -> None:
    """Remove exports that were made for the account."""
    folder = exporting.folder_of(platform.chosen.data_dir, str(job.payload["account_id"]))
    shutil.rmtree(folder, ignore_errors=True)


def erase_billing(platform: "bootstrap.Platform", job: Job) -> None:
    """Forget the plan; what the books must keep bears no name."""
    for account_id in _owned(platform, job):
        platform.billing.erase_account(account_id)


def erase_identity(platform: "bootstrap.Platform", job: Job) -> None:
    """Remove the account, its agents, sign-ins and keys."""
    # The account itself last: it is what names its agents.
    for account_id in reversed(_owned(platform, job)):
        # What a request that was under way, as learning behind an answer, wrote meanwhile.
        _erase_said(platform, account_id)
        platform.identity.erase_account(account_id)


def _owned(platform: "bootstrap.Platform", job: Job) -> list[str]:
    """The account and its agents, which are accounts of their own."""
    account_id = str(job.payload["account_id"])
    return [account_id, *(each.id for each in platform.identity.agents.list(account_id))]
