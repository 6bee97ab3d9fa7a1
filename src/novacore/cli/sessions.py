"""Sessions as the command line speaks of them: found by name, listed, turned into JSON."""

import datetime as dt
from pathlib import Path
from typing import Any, Final

from novacore import agent, journal, memory
from novacore.cli import errors

_USAGE_WORKSPACE: Final = "usage"
"""Where a server notes what calls cost that belong to no conversation."""


def find_session(store: journal.Store, wanted: str, *, workspace: str) -> journal.Session:
    """The session of this name in this folder, else of this id or name anywhere.

    Raises:
        SessionUnknown: there is none.
    """
    try:
        return store.get_session(wanted, workspace=workspace)
    except journal.SessionUnknown:
        return store.get_session(wanted)


def is_reserved(info: journal.SessionInfo) -> bool:
    """Whether it holds a folder's notes and answers, memories, or what an account used on a
    server, and is no conversation.
    """
    return info.workspace in (memory.WORKSPACE, _USAGE_WORKSPACE) or info.workspace.startswith(
        f"{agent.NOTEBOOK_NAME}:"
    )


def info_json(info: journal.SessionInfo) -> dict[str, Any]:
    """What a listing says of a session, as JSON."""
    return {
        "id": info.id,
        "name": info.name,
        "workspace": info.workspace,
        "created_at": iso_time(info.created_at_us),
        "updated_at": iso_time(info.updated_at_us),
        "entries": info.entries,
        "messages": info.messages,
        "parent_id": info.parent_id,
        "forked_at": info.forked_at,
    }


def entry_json(entry: journal.Entry) -> dict[str, Any]:
    """One entry as JSON; digests as hexadecimal text."""
    return {
        "sequence": entry.sequence,
        "session_id": entry.session_id,
        "position": entry.position,
        "id": entry.id,
        "kind": entry.kind,
        "said_at": iso_time(entry.said_at_us),
        "recorded_at": iso_time(entry.recorded_at_us),
        "actor": entry.actor,
        "version": entry.version,
        "is_erased": entry.is_erased,
        "digest": entry.digest.hex(),
        "body": dict(entry.body),
    }


def iso_time(time_us: int) -> str:
    """UTC in ISO 8601, to the microsecond."""
    moment = dt.datetime.fromtimestamp(time_us / 1_000_000, tz=dt.UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def local_time(time_us: int) -> str:
    """The user's own time, to the minute."""
    moment = dt.datetime.fromtimestamp(time_us / 1_000_000, tz=dt.UTC)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def free_place(name: str, *, folder: Path) -> Path:
    """Where a person who stands in `folder` means to write; nothing is there yet.

    Raises:
        OutputTaken: there is something.
    """
    path = folder / Path(name).expanduser()
    if path.exists():
        raise errors.OutputTaken(path)
    return path
