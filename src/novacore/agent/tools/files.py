"""The tools `read_file`, `write_file` and `edit_file`."""

import asyncio
import contextlib
import difflib
import os
import stat
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from novacore import kit, llm
from novacore.agent.config import Config
from novacore.agent.finder import cut_line
from novacore.agent.output import size
from novacore.agent.tool import Access, FunctionTool, Subject, Tool, ToolOutcome, failed
from novacore.agent.toolbox import arguments_schema
from novacore.agent.tools.workspace import Workspace

_PROBE_BYTES = 8_192
_LINE_BYTES_MAX = 1024 * 1024
_NEAR = 0.6
_PATH = {"type": "string", "minLength": 1, "description": "In the workspace."}
_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x7fELF", "an ELF program"),
    (b"SQLite format 3", "an SQLite database"),
)


def file_tools(workspace: Workspace, *, config: Config) -> list[Tool]:
    """The three tools; each keeps to the workspace and to the limits."""
    tools = _FileTools(workspace, config=config)

    def subject(arguments: Mapping[str, Any]) -> Subject:
        return workspace.subject(arguments["path"])

    return [
        FunctionTool(
            spec=llm.ToolSpec(
                name="read_file",
                description="Read a text file, with line numbers.",
                parameters=arguments_schema(
                    {
                        "path": _PATH,
                        "offset": {
                            "type": "integer",
                            "minimum": 1,
                            "description": "The first line, from 1.",
                        },
                        "limit": {"type": "integer", "minimum": 1, "description": "How many."},
                    },
                    required=("path",),
                ),
            ),
            function=tools.read_file,
            access=Access.READ,
            subject_of=subject,
        ),
        FunctionTool(
            spec=llm.ToolSpec(
                name="write_file",
                description="Write a whole file, in place of what was there. Makes its folders.",
                parameters=arguments_schema(
                    {"path": _PATH, "content": {"type": "string"}}, required=("path", "content")
                ),
            ),
            function=tools.write_file,
            access=Access.WRITE,
            subject_of=subject,
        ),
        FunctionTool(
            spec=llm.ToolSpec(
                name="edit_file",
                description=(
                    "Replace a text in a file. old_text must be there exactly once, with its "
                    "white space and without line numbers; replace_all replaces every place."
                ),
                parameters=arguments_schema(
                    {
                        "path": _PATH,
                        "old_text": {"type": "string", "minLength": 1},
                        "new_text": {"type": "string"},
                        "replace_all": {"type": "boolean"},
                    },
                    required=("path", "old_text", "new_text"),
                ),
            ),
            function=tools.edit_file,
            access=Access.WRITE,
            subject_of=subject,
        ),
    ]


class _FileTools:
    def __init__(self, workspace: Workspace, *, config: Config) -> None:
        self._workspace = workspace
        self._config = config

    async def read_file(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        path = await asyncio.to_thread(self._workspace.resolve, arguments["path"])
        offset, limit = int(arguments.get("offset", 1)), arguments.get("limit")
        return await asyncio.to_thread(self._read, path, offset, limit and int(limit))

    def _read(self, path: Path, offset: int, limit: int | None) -> ToolOutcome:
        name = self._workspace.name(path)
        problem = _not_a_file(path, name=name)
        if problem:
            return failed(problem)
        with path.open("rb") as file:
            probe = file.read(_PROBE_BYTES)
            file.seek(0)
            encoding = _encoding(probe)
            if not encoding:
                return ToolOutcome(text=_binary(name, probe=probe, size_bytes=path.stat().st_size))
            return self._page(_lines(file, encoding), name=name, offset=offset, limit=limit)

    def _page(
        self, lines: Iterator[str], *, name: str, offset: int, limit: int | None
    ) -> ToolOutcome:
        shown: list[str] = []
        room = self._config.read_bytes_max
        number = 0
        is_cut = False
        for number, line in enumerate(lines, 1):
            if number < offset:
                continue
            text = f"{number:6}\t{cut_line(line, self._config.read_line_chars_max)}"
            room -= size(text) + 1
            is_cut = room < 0 or (limit is not None and len(shown) >= limit)
            if is_cut:
                break
            shown.append(text)
        if is_cut:
            shown.append(f"[there is more: go on with offset {offset + len(shown)}]")
        elif not shown and number:
            return failed(f"{name} has {number:,} lines; there is no line {offset:,}.")
        return ToolOutcome(text="\n".join(shown) or f"({name} is empty)")

    async def write_file(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        path = await asyncio.to_thread(self._workspace.resolve, arguments["path"])
        data = _encoded(arguments["content"])
        was = await asyncio.to_thread(path.exists)
        problem = await kit.result_of(asyncio.to_thread(self._write, path, data))
        if problem:
            return failed(problem)
        lines = arguments["content"].count("\n") + (not arguments["content"].endswith("\n"))
        verb = "replaced" if was else "written"
        return ToolOutcome(
            text=f"{self._workspace.name(path)} {verb}: {lines:,} lines, {len(data):,} bytes."
        )

    def _write(self, path: Path, data: bytes) -> str:
        if len(data) > self._config.write_bytes_max:
            limit = self._config.write_bytes_max
            return f"{len(data):,} bytes are too many; agent.write_bytes_max is {limit:,}."
        if path.exists() and not path.is_file():
            return f"{self._workspace.name(path)} is no regular file."
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
        return ""

    async def edit_file(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        path = await asyncio.to_thread(self._workspace.resolve, arguments["path"])
        return await kit.result_of(asyncio.to_thread(self._edit, path, arguments))

    def _edit(self, path: Path, arguments: Mapping[str, Any]) -> ToolOutcome:
        name = self._workspace.name(path)
        problem = _not_a_file(path, name=name)
        if problem:
            return failed(problem)
        old, new = _encoded(arguments["old_text"]), _encoded(arguments["new_text"])
        if old == new:
            return failed("old_text and new_text are the same; nothing was changed.")
        if path.stat().st_size > self._config.write_bytes_max:
            return failed(f"{name} is larger than agent.write_bytes_max.")
        data = path.read_bytes()
        if old not in data and b"\r\n" in data:
            # The model sees plain line ends; the file keeps its own.
            old, new = (each.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for each in (old, new))
        count = data.count(old)
        if count == 0:
            return failed(f"old_text is not in {name}.{_nearest(data, old)} Nothing was changed.")
        if count > 1 and not arguments.get("replace_all"):
            where = ", ".join(str(each) for each in _line_numbers(data, old))
            return failed(
                f"old_text is {count} times in {name} (lines {where}). Nothing was changed: "
                "give more of its surroundings, or set replace_all."
            )
        first = data[: data.find(old)].count(b"\n") + 1
        problem = self._write(path, data.replace(old, new))
        if problem:
            return failed(problem)
        places = "1 place" if count == 1 else f"{count} places"
        return ToolOutcome(text=f"{name} changed in {places}, first at line {first}.")


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` in place of a file so that nobody ever sees half of it, and keep its mode.

    Written beside it, made durable, then renamed over it. What fails leaves the file as it was.
    """
    temporary = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _not_a_file(path: Path, *, name: str) -> str:
    """Why `path` can't be read as a file; a pipe or device could keep us waiting for ever."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return f"{name} does not exist.{_alike(path)}"
    if stat.S_ISDIR(mode):
        return f"{name} is a folder; list_files shows what is in it."
    return "" if stat.S_ISREG(mode) else f"{name} is no regular file."


def _alike(path: Path) -> str:
    try:
        names = {each.name.casefold(): each.name for each in path.parent.iterdir()}
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name.casefold(), names, n=3, cutoff=_NEAR)
    return f" There is {' and '.join(names[each] for each in near)}." if near else ""


def _encoding(probe: bytes) -> str:
    """How to decode a file that begins so; empty: it is binary."""
    if probe.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "" if b"\0" in probe else "utf-8-sig"


def _lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The lines of a file, without their ends; of a far too long line only the beginning."""
    if encoding == "utf-16":
        yield from file.read().decode(encoding, "replace").splitlines()
        return
    is_first = True
    while raw := file.readline(_LINE_BYTES_MAX):
        more = 0
        piece = raw
        while len(piece) == _LINE_BYTES_MAX and not piece.endswith(b"\n"):
            piece = file.readline(_LINE_BYTES_MAX)
            more += len(piece)
        text = raw.decode("utf-8-sig" if is_first else "utf-8", "replace")
        is_first = False
        text = text.removesuffix("\n").removesuffix("\r")
        yield f"{text} [{more:,} more bytes]" if more else text


def _binary(name: str, *, probe: bytes, size_bytes: int) -> str:
    kind = next((what for magic, what in _KINDS if probe.startswith(magic)), "binary")
    return (
        f"({name} is {kind}, {size_bytes:,} bytes; it begins with {probe[:16].hex(' ')}. "
        "It has no text to show.)"
    )


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"The text can't be written as UTF-8: character {error.start} is half of a pair."
        ) from error


def _line_numbers(data: bytes, old: bytes) -> Iterator[int]:
    at = data.find(old)
    while at >= 0:
        yield data.count(b"\n", 0, at) + 1
        at = data.find(old, at + len(old))


def _nearest(data: bytes, old: bytes) -> str:
    """Where a text that is not there comes closest, by its first line that says something."""
    wanted = next((line for line in old.decode("utf-8").splitlines() if line.strip()), "")
    if not wanted:
        return ""
    lines = data.decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip() == wanted.strip():
            return (
                f" Line {number} has its first line; what differs is white space or what follows."
            )
    near = difflib.get_close_matches(wanted, lines[:5_000], n=1, cutoff=_NEAR)
    return f" The nearest is line {lines.index(near[0]) + 1}: {near[0].strip()!r}." if near else ""
