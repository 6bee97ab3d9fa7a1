"""Session files of other agents: one JSON document with all messages, as they wrote it.

    {"id": …, "timestamp": …, "workspace": …, "messages": […], "message_count": n}

The time is ISO 8601, local where it names no zone. A bare list of messages is read too, a message
on each line, and what OpenAI and Anthropic clients send (a `system` beside `messages`). Messages
are taken as they are, every key of them.
"""

import datetime as dt
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from novacore.journal import exact_json, lines
from novacore.journal.errors import ImportRefused

SYSTEM = "system"
_COMPARED = ("role", "content", "thinking", "tool_calls", "tool_call_id", "name")
_NAME_MAX = 200
_SUFFIXES = (".json", ".jsonl")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_OLD_FOLDER = ".agent-sessions"


@dataclass(frozen=True, kw_only=True)
class SessionFile:
    """One file, read."""

    label: str
    """Its path, for people."""
    names: tuple[str, ...]
    """What its session may be called, the best first: the id in it, then the file's name."""
    workspace: str
    """The workspace that it names."""
    said_at_us: int
    """The time it gives, or where it gives none, when it was last changed; µs UTC."""
    messages: list[dict[str, Any]]
    """All of them, system prompts too."""
    facts: dict[str, Any]
    """What it says beside its messages."""


def label_of(path: Path) -> str:
    """A path as a text that can be printed, whatever bytes are in it."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def files_in(path: Path) -> list[Path]:
    """A file itself; of a folder its session files, those in its `.agent-sessions` too.

    Raises:
        ImportRefused: there is nothing, or nothing of the kind.
    """
    if not path.is_dir():
        if path.exists():
            return [path]
        raise ImportRefused("there is no such file or folder", path=label_of(path))
    folders = (path, path / _OLD_FOLDER)
    found = [
        each
        for folder in folders
        if folder.is_dir()
        for each in sorted(folder.iterdir())
        if each.suffix in _SUFFIXES and each.is_file() and not each.name.startswith(".")
    ]
    if not found:
        raise ImportRefused("the folder holds no .json or .jsonl file", path=label_of(path))
    return found


def is_export(path: Path) -> bool:
    """True for a file in our own JSON Lines form."""
    try:
        with path.open("rb") as file:
            return file.read(len(lines.START)) == lines.START
    except OSError:
        return False


def read_file(path: Path, *, workspace: str) -> SessionFile:
    """A session file of another agent.

    Args:
        path: the file.
        workspace: where it belongs when it does not say.

    Raises:
        ImportRefused: it can't be read, is torn, or holds no messages; says where.
    """
    label = label_of(path)
    try:
        data = path.read_bytes()
        changed_us = path.stat().st_mtime_ns // 1_000
        value = _parse(data)
        facts, messages = _parts(value)
        _check(messages)
    except OSError as error:
        raise ImportRefused(f"it can't be read: {error.strerror}", path=label) from error
    except ValueError as error:
        raise ImportRefused(str(error), path=label) from error
    named = facts.get("workspace")
    return SessionFile(
        label=label,
        names=_names(facts.get("id"), path),
        workspace=named if isinstance(named, str) and named else workspace,
        said_at_us=_time_us(facts.get("timestamp"), changed_us),
        messages=messages,
        facts=facts,
    )


def _parse(data: bytes) -> Any:
    try:
        return exact_json.decode(data)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        messages = _parse_lines(data)
        if messages is None:
            where = f"line {error.lineno} column {error.colno}"
            raise ValueError(f"it is torn or no JSON at {where}: {error.msg}") from error
        return messages


def _parse_lines(data: bytes) -> list[Any] | None:
    """A file with a message on each line; None: it is no such file."""
    rows = [row for row in data.splitlines() if row.strip()]
    try:
        found = [exact_json.decode(row) for row in rows]
    except ValueError:
        return None
    return found if len(found) > 1 else None


def _parts(value: Any) -> tuple[dict[str, Any], list[Any]]:
    """(what stands beside the messages, the messages)."""
    if isinstance(value, list):
        return {}, cast("list[Any]", value)
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    messages = fields.get("messages")
    if not isinstance(messages, list):
        raise ValueError("it holds no list of messages")  # noqa: TRY004 - the file is wrong
    facts = {key: each for key, each in fields.items() if key not in ("messages", "novacore")}
    before: list[Any] = []
    if isinstance(facts.get(SYSTEM), str | list):
        before = [{"role": SYSTEM, "content": facts.pop(SYSTEM)}]
    return facts, before + cast("list[Any]", messages)


def _check(messages: list[Any]) -> None:
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            raise ValueError(f"message {number} is no object")  # noqa: TRY004 - the file is wrong
        if not isinstance(cast("dict[str, Any]", message).get("role"), str):
            raise ValueError(f"message {number} has no role")  # noqa: TRY004 - the file is wrong


def _names(file_id: object, path: Path) -> tuple[str, ...]:
    wanted = (file_id if isinstance(file_id, str) else "", os.fsdecode(path.stem))
    clean = (each.encode("utf-8", "replace").decode()[:_NAME_MAX].strip() for each in wanted)
    return tuple(dict.fromkeys(filter(None, clean))) or ("imported",)


def _time_us(timestamp: object, changed_us: int) -> int:
    """A time without a zone is this machine's local time, as the other agents meant it."""
    try:
        moment = dt.datetime.fromisoformat(timestamp if isinstance(timestamp, str) else "")
        found = (moment.astimezone() - _EPOCH) // dt.timedelta(microseconds=1)
    except (ValueError, OverflowError, OSError):
        return changed_us
    return found if found >= 0 else changed_us


def compared_key(message: Mapping[str, Any]) -> bytes:
    """What two messages have in common when they count as the same one.

    Role, content, thinking, tool calls, tool call id and name, as JSON values: the order of keys
    says nothing, and a missing one is null.
    """
    values = [message.get(field) for field in _COMPARED]
    try:
        text = json.dumps(values, sort_keys=True)
    except ValueError:  # An integer of thousands of digits.
        text = exact_json.encode(values)[0]
    return hashlib.sha256(text.encode()).digest()


def system_body(message: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a system prompt: its text, and the message as the file has it."""
    content = message.get("content")
    if isinstance(content, list):
        blocks = cast("list[Any]", content)
        texts = [cast("dict[str, Any]", b).get("text") for b in blocks if isinstance(b, dict)]
        content = "\n".join(text for text in texts if isinstance(text, str))
    return {"system": content if isinstance(content, str) else "", "message": dict(message)}
