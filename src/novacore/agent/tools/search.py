"""The tools `list_files` and `search_files`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from novacore import llm
from novacore.agent.config import Config
from novacore.agent.tool import Access, FunctionTool, Tool, ToolOutcome, failed
from novacore.agent.toolbox import arguments_schema
from novacore.agent.tools.finding import find
from novacore.agent.tools.workspace import Workspace

_PATH = {"type": "string", "description": "A folder; the workspace where not given."}


def search_tools(
    workspace: Workspace, *, config: Config, denied_paths: Callable[..., Sequence[str]]
) -> list[Tool]:
    """The two tools.

    Args:
        workspace: where paths start.
        config: the limits.
        denied_paths: gives the path globs that are refused to the named tools; such files are
            passed by as if they weren't there.
    """
    tools = _SearchTools(workspace, config=config, denied_paths=denied_paths)
    return [
        FunctionTool(
            spec=llm.ToolSpec(
                name="list_files",
                description="The paths of files and folders that fit a glob, sorted.",
                parameters=arguments_schema(
                    {
                        "pattern": {
                            "type": "string",
                            "description": "As **/*.py; * stops at /, ** does not. Without / it "
                            "is compared with the name. Everything where not given.",
                        },
                        "path": _PATH,
                    }
                ),
            ),
            function=tools.list_files,
            access=Access.READ,
            subject_of=tools.subject,
        ),
        FunctionTool(
            spec=llm.ToolSpec(
                name="search_files",
                description="The lines that fit a regular expression, with path and line number.",
                parameters=arguments_schema(
                    {
                        "pattern": {
                            "type": "string",
                            "minLength": 1,
                            "description": "A Python regular expression, compared line by line.",
                        },
                        "path": {"type": "string", "description": "A folder or one file."},
                        "glob": {"type": "string", "description": "Only such files, as *.py."},
                        "ignore_case": {"type": "boolean"},
                    },
                    required=("pattern",),
                ),
            ),
            function=tools.search_files,
            access=Access.READ,
            subject_of=tools.subject,
        ),
    ]


class _SearchTools:
    def __init__(
        self, workspace: Workspace, *, config: Config, denied_paths: Callable[..., Sequence[str]]
    ) -> None:
        self._workspace = workspace
        self._config = config
        self._denied_paths = denied_paths

    def subject(self, arguments: Mapping[str, Any]) -> Any:
        return self._workspace.subject(arguments.get("path", "."))

    async def list_files(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        root = await asyncio.to_thread(self._workspace.resolve, arguments.get("path", "."))
        if not await asyncio.to_thread(root.is_dir):
            return failed(f"{self._workspace.name(root)} is no folder.")
        request = self._request("list", root=str(root), arguments=arguments)
        request["pattern"] = arguments.get("pattern", "**")
        request["entries_max"] = self._config.list_entries_max
        answer = await find(request, timeout_ms=self._config.search_timeout_ms)
        if isinstance(answer, ToolOutcome):
            return answer
        paths: list[str] = answer["paths"]
        notes = _notes(answer)
        if answer["total"] > len(paths):
            notes.insert(0, f"the first {len(paths):,} of {answer['total']:,}; narrow the pattern")
        return _outcome("\n".join(paths) or "(no such files)", notes=notes)

    async def search_files(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        root = await asyncio.to_thread(self._workspace.resolve, arguments.get("path", "."))
        if not await asyncio.to_thread(root.exists):
            return failed(f"{self._workspace.name(root)} does not exist.")
        config = self._config
        request = self._request("search", root=str(root), arguments=arguments)
        request |= {
            "regex": arguments["pattern"],
            "is_case_blind": bool(arguments.get("ignore_case")),
            "glob": arguments.get("glob", ""),
            "matches_max": config.search_matches_max,
            "file_matches_max": config.search_file_matches_max,
            "file_bytes_max": config.search_file_bytes_max,
            "line_chars_max": config.read_line_chars_max,
        }
        answer = await find(request, timeout_ms=config.search_timeout_ms)
        if isinstance(answer, ToolOutcome):
            return answer
        is_file = await asyncio.to_thread(root.is_file)
        base = "" if is_file else self._base(str(root))
        lines: list[str] = []
        for file in answer["files"]:
            name = self._workspace.name(root) if is_file else base + file["path"]
            lines += [f"{name}:{number}: {line}" for number, line in file["lines"]]
            if file["total"] > len(file["lines"]):
                more = file["total"] - len(file["lines"])
                lines.append(f"{name}: {more:,} more lines fit")
        notes = _notes(answer)
        if answer["matches"] > answer["shown"]:
            notes.insert(0, f"{answer['shown']:,} of {answer['matches']:,} lines shown")
        return _outcome("\n".join(lines) or "(no line fits)", notes=notes)

    def _base(self, root: str) -> str:
        name = self._workspace.name(Path(root))
        return "" if name == "." else name + "/"

    def _request(self, job: str, *, root: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        asked = f"{arguments.get('path', '')}/{arguments.get('glob', '')}/"
        asked += str(arguments.get("pattern", "")) if job == "list" else ""
        skipped = [each for each in self._config.skipped_folders if each not in asked.split("/")]
        return {
            "job": job,
            "root": root,
            "base": self._base(root).removesuffix("/"),
            "skipped_folders": skipped,
            "denied": list(self._denied_paths("read_file", "list_files", "search_files")),
        }


def _notes(answer: Mapping[str, Any]) -> list[str]:
    notes: list[str] = []
    if answer["skipped"]:
        notes.append("passed by: " + ", ".join(answer["skipped"]))
    for key, what in (
        ("binary", "binary files not searched"),
        ("large", "files too large to search"),
        ("unreadable", "that could not be read"),
    ):
        if answer.get(key):
            notes.append(f"{answer[key]:,} {what}")
    return notes


def _outcome(text: str, *, notes: Sequence[str]) -> ToolOutcome:
    return ToolOutcome(text=text + (f"\n[{'; '.join(notes)}]" if notes else ""))
