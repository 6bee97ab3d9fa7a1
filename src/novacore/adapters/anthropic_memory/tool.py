"""Anthropic's memory tool, with its folder in the journal."""

import asyncio
from collections.abc import Mapping, Sequence

from anthropic.lib.tools import BetaAbstractMemoryTool, BetaAsyncAbstractMemoryTool, ToolError
from anthropic.types.beta import (
    BetaMemoryTool20250818CreateCommand,
    BetaMemoryTool20250818DeleteCommand,
    BetaMemoryTool20250818InsertCommand,
    BetaMemoryTool20250818RenameCommand,
    BetaMemoryTool20250818StrReplaceCommand,
    BetaMemoryTool20250818ViewCommand,
)

from novacore import journal
from novacore.adapters.anthropic_memory.files import Files
from novacore.adapters.anthropic_memory.paths import ROOT, is_within, listed, read_path

TEXT_BYTES_MAX = 1_048_576
_LINES_MAX = 999_999
_NUMBER_WIDTH = len(str(_LINES_MAX))
_AROUND = 2
"""Lines shown before and after a change."""


class JournalMemoryTool(BetaAbstractMemoryTool):
    """The memory tool for `client.beta.messages.tool_runner(tools=[…])`, kept in a journal.

    Every write is an entry, durable when the tool answers, and the versions before stay in the
    journal; `delete` destroys a file with all its versions. No path reaches the file system.

    Args:
        store: the journal, as `novacore.open` gives it; it stays yours to close.
        name: which memory folder; two names are two folders.
        text_bytes_max: the largest file.

    Example:
        >>> import novacore
        >>> from novacore.adapters.anthropic_memory import JournalMemoryTool
        >>> with novacore.open("agents") as store:
        ...     tool = JournalMemoryTool(store)
        ...     tool.call({"command": "create", "path": "/memories/a", "file_text": "figs"})
        'File created successfully at: /memories/a'
    """

    def __init__(
        self, store: journal.Store, *, name: str = "memory", text_bytes_max: int = TEXT_BYTES_MAX
    ) -> None:
        super().__init__()
        self._files = Files(store, name, text_bytes_max=text_bytes_max)

    def view(self, command: BetaMemoryTool20250818ViewCommand) -> str:
        """A file with line numbers, or a folder two levels deep."""
        path = read_path(command.path)
        files = self._files.read()
        if path in files:
            return _numbered(command.path, files[path], command.view_range)
        inside = [each for each in files if is_within(each, path)]
        if not inside and path != ROOT:
            raise ToolError(f"The path {command.path} does not exist. Please provide a valid path.")
        return _listing(command.path, path, files, listed(files, path))

    def create(self, command: BetaMemoryTool20250818CreateCommand) -> str:
        """A new file; one that is there already is refused."""
        path = read_path(command.path)

        def make(files: Mapping[str, str]) -> Mapping[str, str | None]:
            if path in files or path == ROOT or _is_folder(path, files):
                raise ToolError(f"File {command.path} already exists")
            _check_folders(path, files)
            return {path: command.file_text}

        self._files.change(make)
        return f"File created successfully at: {command.path}"

    def str_replace(self, command: BetaMemoryTool20250818StrReplaceCommand) -> str:
        """Replace a text that occurs once."""
        path = read_path(command.path)
        snippet: list[str] = []

        def make(files: Mapping[str, str]) -> Mapping[str, str | None]:
            text = _file(command.path, path, files)
            at = _only_place(command.path, text, command.old_str)
            after = text[:at] + command.new_str + text[at + len(command.old_str) :]
            snippet[:] = _around(after, text[:at].count("\n"))
            return {path: after}

        self._files.change(make)
        head = "The memory file has been edited. Here is the snippet showing the change "
        return "\n".join([head + "(with line numbers):", *snippet])

    def insert(self, command: BetaMemoryTool20250818InsertCommand) -> str:
        """Insert lines behind a line; 0: at the beginning."""
        path = read_path(command.path)

        def make(files: Mapping[str, str]) -> Mapping[str, str | None]:
            lines = _file(command.path, path, files).split("\n")
            if lines[-1] == "":
                lines.pop()
            if not 0 <= command.insert_line <= len(lines):
                raise ToolError(
                    f"Invalid `insert_line` parameter: {command.insert_line}. "
                    f"It should be within the range [0, {len(lines)}]."
                )
            lines.insert(command.insert_line, command.insert_text.rstrip("\n"))
            text = "\n".join(lines)
            return {path: text if text.endswith("\n") else text + "\n"}

        self._files.change(make)
        return f"The file {command.path} has been edited."

    def delete(self, command: BetaMemoryTool20250818DeleteCommand) -> str:
        """Destroy a file, or a folder with all that is in it."""
        path = read_path(command.path)
        if path == ROOT:
            raise ToolError(f"Cannot delete the {ROOT} directory itself")

        def make(files: Mapping[str, str]) -> Mapping[str, str | None]:
            return dict.fromkeys(_at_or_within(command.path, path, files))

        self._files.change(make)
        return f"Successfully deleted {command.path}"

    def rename(self, command: BetaMemoryTool20250818RenameCommand) -> str:
        """Move a file, or a folder with all that is in it."""
        old, new = read_path(command.old_path), read_path(command.new_path)
        if old == ROOT:
            raise ToolError(f"Cannot rename the {ROOT} directory itself")

        def make(files: Mapping[str, str]) -> Mapping[str, str | None]:
            if new in files or new == ROOT or _is_folder(new, files):
                raise ToolError(f"The destination {command.new_path} already exists")
            if is_within(new, old):
                raise ToolError(f"Cannot move {command.old_path} into itself")
            _check_folders(new, files)
            moved = _at_or_within(command.old_path, old, files)
            gone: dict[str, str | None] = dict.fromkeys(moved)
            return {new + path[len(old) :]: files[path] for path in moved} | gone

        self._files.change(make)
        return f"Successfully renamed {command.old_path} to {command.new_path}"

    def clear_all_memory(self) -> str:
        """Destroy everything in the folder."""
        self._files.change(dict.fromkeys)
        return "All memory cleared"


class AsyncJournalMemoryTool(BetaAsyncAbstractMemoryTool):
    """`JournalMemoryTool` for the asynchronous client."""

    def __init__(
        self, store: journal.Store, *, name: str = "memory", text_bytes_max: int = TEXT_BYTES_MAX
    ) -> None:
        super().__init__()
        self._tool = JournalMemoryTool(store, name=name, text_bytes_max=text_bytes_max)

    async def view(self, command: BetaMemoryTool20250818ViewCommand) -> str:
        """A file with line numbers, or a folder two levels deep."""
        return await asyncio.to_thread(self._tool.view, command)

    async def create(self, command: BetaMemoryTool20250818CreateCommand) -> str:
        """A new file; one that is there already is refused."""
        return await asyncio.to_thread(self._tool.create, command)

    async def str_replace(self, command: BetaMemoryTool20250818StrReplaceCommand) -> str:
        """Replace a text that occurs once."""
        return await asyncio.to_thread(self._tool.str_replace, command)

    async def insert(self, command: BetaMemoryTool20250818InsertCommand) -> str:
        """Insert lines behind a line; 0: at the beginning."""
        return await asyncio.to_thread(self._tool.insert, command)

    async def delete(self, command: BetaMemoryTool20250818DeleteCommand) -> str:
        """Destroy a file, or a folder with all that is in it."""
        return await asyncio.to_thread(self._tool.delete, command)

    async def rename(self, command: BetaMemoryTool20250818RenameCommand) -> str:
        """Move a file, or a folder with all that is in it."""
        return await asyncio.to_thread(self._tool.rename, command)

    async def clear_all_memory(self) -> str:
        """Destroy everything in the folder."""
        return await asyncio.to_thread(self._tool.clear_all_memory)


def _is_folder(path: str, files: Mapping[str, str]) -> bool:
    return any(is_within(each, path) for each in files)


def _check_folders(path: str, files: Mapping[str, str]) -> None:
    """Refuse a file below a file."""
    parts = path.split("/")
    for count in range(3, len(parts)):
        if "/".join(parts[:count]) in files:
            raise ToolError(f"{'/'.join(parts[:count])} is a file, not a directory")


def _file(shown: str, path: str, files: Mapping[str, str]) -> str:
    if path in files:
        return files[path]
    if path == ROOT or _is_folder(path, files):
        raise ToolError(f"The path {shown} is not a file.")
    raise ToolError(f"The path {shown} does not exist. Please provide a valid path.")


def _at_or_within(shown: str, path: str, files: Mapping[str, str]) -> list[str]:
    found = [each for each in files if each == path or is_within(each, path)]
    if not found:
        raise ToolError(f"The path {shown} does not exist")
    return found


def _only_place(shown: str, text: str, wanted: str) -> int:
    """Where a text stands that occurs once."""
    at = text.find(wanted) if wanted else -1
    if at < 0:
        raise ToolError(
            f"No replacement was performed, old_str `{wanted}` did not appear verbatim in {shown}."
        )
    lines: list[int] = []
    place = at
    while place >= 0:
        lines.append(text[:place].count("\n") + 1)
        place = text.find(wanted, place + 1)
    if len(lines) > 1:
        raise ToolError(
            f"No replacement was performed. Multiple occurrences of old_str `{wanted}` in lines: "
            f"{', '.join(map(str, lines))}. Please ensure it is unique"
        )
    return at


def _around(text: str, line: int) -> list[str]:
    lines = text.split("\n")
    start = max(0, line - _AROUND)
    return _with_numbers(lines[start : line + _AROUND + 1], start + 1)


def _numbered(shown: str, text: str, wanted: Sequence[int] | None) -> str:
    lines = text.split("\n")
    if len(lines) > _LINES_MAX:
        raise ToolError(f"File {shown} exceeds maximum line limit of {_LINES_MAX:,} lines.")
    start, end = 0, len(lines)
    if wanted and len(wanted) == 2:
        start = max(1, wanted[0]) - 1
        end = len(lines) if wanted[1] == -1 else wanted[1]
    head = f"Here's the content of {shown} with line numbers:"
    return f"{head}\n" + "\n".join(_with_numbers(lines[start:end], start + 1))


def _with_numbers(lines: Sequence[str], first: int) -> list[str]:
    return [f"{number:>{_NUMBER_WIDTH}}\t{line}" for number, line in enumerate(lines, first)]


def _listing(shown: str, path: str, files: Mapping[str, str], names: Sequence[str]) -> str:
    head = (
        f"Here're the files and directories up to 2 levels deep in {shown}, excluding hidden items:"
    )
    sizes = {each: len(text.encode("utf-8", "surrogatepass")) for each, text in files.items()}

    def total(place: str) -> int:
        inside = (size for each, size in sizes.items() if is_within(each, place.rstrip("/")))
        return sizes.get(place, sum(inside))

    lines = [f"{_size(total(path))}\t{shown}"]
    lines += [f"{_size(total(f'{path}/{name}'))}\t{shown}/{name}" for name in names]
    return "\n".join([head, *lines])


def _size(count: int) -> str:
    """A size as the tool shows it: 0B, 512B, 1.5K, 2M."""
    if count == 0:
        return "0B"
    step = min((count.bit_length() - 1) // 10, 3)
    size = count / 1024**step
    return f"{size:g}{'BKMG'[step]}" if size == int(size) else f"{size:.1f}{'BKMG'[step]}"
