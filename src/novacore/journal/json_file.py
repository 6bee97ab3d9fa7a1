"""One session as a plain JSON file: what a person reads above, what the journal needs below.

    {"id": name, "timestamp": …, "workspace": …, "message_count": n,
     "messages": [one message a line],
     "novacore": {"format": 1, "session_id": …, …, "entries": [one entry a line]}}

The upper part is what other agents write and read. An entry of kind message points to its message;
any other kind has its body in its line. A fork's file is whole: it also holds what it shares.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from novacore.journal import exact_json
from novacore.journal.model import MESSAGE

FORMAT = 1
_WORKSPACE = re.compile(rb'^"workspace": (null|"(?:[^"\\\n]|\\.)*"),$', re.MULTILINE)


class StoredEntry(msgspec.Struct, kw_only=True):
    """One entry of a file."""

    position: int
    sequence: int
    id: str
    kind: str
    actor: str
    version: int
    said_at_us: int
    recorded_at_us: int
    salt: str = ""
    """Hexadecimal, 16 bytes."""
    erased: str | None = None
    """The digest of what was erased, hexadecimal."""
    message: int | None = None
    """Which of the file's messages is its body."""
    body: Any = None
    mark: str = ""
    """See `exact_json`."""


class Facts(msgspec.Struct, kw_only=True):
    """What a file says of its session."""

    format: int
    session_id: str
    tenant: str
    owner: str
    name: str
    workspace: str
    created_at_us: int
    updated_at_us: int
    parent_id: str | None
    forked_at: int
    is_erased: bool
    entries: list[StoredEntry]


class Line(NamedTuple):
    """An entry as it stands in the file."""

    entry: str
    message: str | None


def entry_line(entry: StoredEntry, body: Mapping[str, Any], *, index: int) -> Line:
    """The line of an entry, and that of its message where it is one.

    Args:
        entry: the entry; its body, message and mark are filled in here.
        body: what it says; ignored where it was erased.
        index: which message of the file it would be.
    """
    fields: dict[str, Any] = {
        name: getattr(entry, name)
        for name in (
            "position", "sequence", "id", "kind", "actor", "version", "said_at_us",
            "recorded_at_us",
        )
    }  # fmt: skip
    if entry.erased is not None:
        return Line(exact_json.encode({**fields, "erased": entry.erased})[0], None)
    text, mark = exact_json.encode(dict(body))
    fields["salt"] = entry.salt
    if mark:
        fields["mark"] = mark
    if entry.kind == MESSAGE:
        return Line(exact_json.encode({**fields, "message": index})[0], text)
    return Line(f'{exact_json.encode(fields)[0][:-1]},"body":{text}}}', None)


def render(facts: Facts, lines: Sequence[Line]) -> bytes:
    """The whole file. `facts.entries` is left alone: `lines` are the entries."""
    messages = [line.message for line in lines if line.message is not None]
    moment = dt.datetime.fromtimestamp(facts.updated_at_us / 1_000_000, tz=dt.UTC)
    top = {
        "id": facts.name,
        "timestamp": moment.astimezone().replace(tzinfo=None).isoformat(),
        "workspace": facts.workspace or None,
        "message_count": len(messages),
    }
    ours = msgspec.to_builtins(facts)
    del ours["entries"]
    parts = [
        "{\n", *(f"{_text(name)}: {_text(value)},\n" for name, value in top.items()),
        '"messages": [\n', ",\n".join(messages), '\n],\n"novacore": {\n',
        *(f"{_text(name)}: {_text(value)},\n" for name, value in ours.items()),
        '"entries": [\n', ",\n".join(line.entry for line in lines), "\n]\n}\n}\n",
    ]  # fmt: skip
    return "".join(parts).encode()


def _text(value: object) -> str:
    return exact_json.encode(value)[0]


def read(data: bytes) -> tuple[Facts, list[dict[str, Any]]]:
    """(what a file says of its session, the body of each entry; empty where it was erased).

    Raises:
        ValueError: it is torn, was changed so that it does not fit together, or is another file.
    """
    value = exact_json.decode(data)
    try:
        document = msgspec.convert(value, _Document)
        facts = document.novacore
    except msgspec.ValidationError as error:
        raise ValueError(f"it is no session file of this store: {error}") from error
    if facts.format > FORMAT:
        raise ValueError("a newer NovaCore wrote it")
    bodies = [_body(entry, document.messages) for entry in facts.entries]
    listed = [entry.message for entry in facts.entries if entry.message is not None]
    if listed != list(range(len(document.messages))):
        raise ValueError("its messages are not those that its entries list")
    if [entry.position for entry in facts.entries] != list(range(len(facts.entries))):
        raise ValueError("its entries are not in order")
    if not 0 <= facts.forked_at <= len(facts.entries):
        raise ValueError("it shares more entries than it has")
    return facts, bodies


def find_workspace(data: bytes) -> str | None:
    """The workspace that a file names, torn or not; None: it is not to be found."""
    found = _WORKSPACE.search(data)
    try:
        return None if found is None else exact_json.decode(found[1]) or ""
    except ValueError:
        return None


class _Document(msgspec.Struct, kw_only=True):
    novacore: Facts
    messages: list[Any]


def _body(entry: StoredEntry, messages: Sequence[Any]) -> dict[str, Any]:
    if entry.erased is not None:
        return {}
    body: Any = entry.body
    if entry.message is not None:
        if not 0 <= entry.message < len(messages):
            raise ValueError(f"its entry {entry.position} names a message that is not there")
        body = messages[entry.message]
    if entry.mark:
        body = exact_json.decode(exact_json.encode(body)[0], mark=entry.mark)
    if not isinstance(body, dict):
        raise ValueError(f"what its entry {entry.position} says is no object")  # noqa: TRY004 - the file is wrong
    return cast("dict[str, Any]", body)
