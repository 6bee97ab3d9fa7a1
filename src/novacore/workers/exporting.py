"""All that is kept of an account in one file, for its owner to take along.

The file is made beside and put in place whole; it lies in a private folder of the data directory
and is handed out to its owner alone, for some days. Making it again gives the same name.
"""

import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

from novacore import bootstrap, chat, database, identity, journal, kit, memory
from novacore.workers.errors import ExportMissing
from novacore.workers.model import Export, Job

FOLDER: Final = "exports"
"""The folder of the data directory that exports lie in."""
_DAY_US: Final = 86_400_000_000
_README: Final = """All that NovaCore keeps of your account.

profile.json    your account
usage.json      what was used, your plan, and what is set for you
chats.json      titles, folders and ratings of your conversations
sessions.jsonl  every conversation, one entry a line; `nova import sessions.jsonl` reads it back
memories.jsonl  everything that is remembered, one memory a line
"""


def build(platform: "bootstrap.Platform", job: Job) -> None:
    """Make the export and have its owner told. An account that is gone gets none.

    Raises:
        OSError: the disk is full or failing; what was begun is removed.
    """
    account_id = str(job.payload["account_id"])
    try:
        account = platform.identity.accounts.get(account_id)
    except identity.AccountUnknown:
        return
    path = place_of(platform.chosen.data_dir, account_id, job.id)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-") as scratch:
            made = Path(scratch) / "export.zip"
            _write(platform, account_id, profile=_plain(account), into=made)
            with kit.replaced(path) as file, made.open("rb") as source:
                shutil.copyfileobj(source, file)
    _tell(platform, account_id, job)


def folder_of(data_dir: Path, account_id: str) -> Path:
    """The folder of an account's exports."""
    return data_dir / FOLDER / hashlib.sha256(account_id.encode()).hexdigest()[:32]


def place_of(data_dir: Path, account_id: str, export_id: str) -> Path:
    """The file of one export, whether it is there or not."""
    name = hashlib.sha256(export_id.encode()).hexdigest()[:32]
    return folder_of(data_dir, account_id) / f"{name}.zip"


def ask_for_export(platform: "bootstrap.Platform", account_id: str) -> None:
    """Have an export made and its owner told by a letter; asking again on a day changes nothing."""
    with platform.database.begin() as connection:
        now_us = platform.database.now_us(connection)
        database.put(
            connection,
            "account.export",
            payload={"account_id": account_id},
            now_us=now_us,
            id=f"export/{account_id}/{now_us // _DAY_US}",
        )


def list_exports(platform: "bootstrap.Platform", account_id: str) -> list[Export]:
    """The exports of an account that wait to be fetched, newest first."""
    found: list[Export] = []
    keep_us = platform.chosen.workers.export_keep_days * _DAY_US
    for path in folder_of(platform.chosen.data_dir, account_id).glob("*.zip"):
        with contextlib.suppress(FileNotFoundError):
            facts = path.stat()
            made_at_us = facts.st_mtime_ns // 1_000
            found.append(
                Export(
                    id=path.stem,
                    made_at_us=made_at_us,
                    expires_at_us=made_at_us + keep_us,
                    size_bytes=facts.st_size,
                )
            )
    return sorted(found, key=lambda each: -each.made_at_us)


def find_export(platform: "bootstrap.Platform", account_id: str, *, export_id: str) -> Path:
    """The file of one export of an account.

    Raises:
        ExportMissing: there is none, or it was removed.
    """
    if export_id not in {each.id for each in list_exports(platform, account_id)}:
        raise ExportMissing
    return folder_of(platform.chosen.data_dir, account_id) / f"{export_id}.zip"


def remove_old(data_dir: Path, *, keep_days: int, now_us: int) -> int:
    """Remove exports that were made long ago, and what killed ones left; how many files."""
    gone = 0
    for path in (data_dir / FOLDER).glob("*/*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime_ns // 1_000 > now_us - keep_days * _DAY_US:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
            gone += 1
    return gone


def _write(
    platform: "bootstrap.Platform", account_id: str, *, profile: dict[str, Any], into: Path
) -> None:
    store = platform.store_of(account_id)
    sessions = into.with_name("sessions.jsonl")
    journal.export_store(store, sessions)
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _README)
        archive.writestr("profile.json", _json(profile))
        archive.writestr("usage.json", _json(platform.billing.export_account(account_id)))
        chats = chat.export_account(platform.database, account_id)
        archive.writestr("chats.json", _json(chats))
        archive.write(sessions, "sessions.jsonl")
        with archive.open("memories.jsonl", "w") as file:
            for each in store.memories.every(memory.Filter(states=())):
                line = json.dumps(_plain(each), ensure_ascii=False, default=str)
                file.write(line.encode("utf-8", "surrogatepass") + b"\n")
    sessions.unlink()


def _tell(platform: "bootstrap.Platform", account_id: str, job: Job) -> None:
    days = platform.chosen.workers.export_keep_days
    with platform.database.begin() as connection:
        now_us = platform.database.now_us(connection)
        database.put(
            connection,
            "mail",
            payload={
                "template": "export_ready",
                "account_id": account_id,
                "params": {"expires_at_us": now_us + days * _DAY_US},
            },
            now_us=now_us,
            id=f"export-ready/{job.id}",
        )


def _plain(told: Any) -> dict[str, Any]:
    return dataclasses.asdict(told)


def _json(told: Any) -> str:
    made_at = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
    content = {"made_at": made_at, **told}
    return json.dumps(content, ensure_ascii=False, indent=2, default=str)
