"""Listing, searching and filtering, as pure functions and as a program of its own.

The program reads one request as JSON from its input and writes one answer as JSON. It is run in a
process of its own, so that a pattern that takes for ever or a huge folder can be ended at any
time. For that reason this file uses the standard library only.
"""

import functools
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

_BINARY_PROBE_BYTES = 8_192


@functools.lru_cache(maxsize=1_024)
def glob_regex(pattern: str, *, is_case_blind: bool = False) -> re.Pattern[str]:
    """The regular expression of a path glob.

    `*` and `?` stop at `/`, `**` does not, `a/**` also fits `a` itself. A pattern without `/` is
    compared with the last part of the path.
    """
    if "/" not in pattern and pattern != "**":
        pattern = "**/" + pattern
    found = ""
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            found, at = found + "(?:.*/)?", at + 3
        elif pattern[at:] == "/**":
            found, at = found + "(?:/.*)?", len(pattern)
        elif pattern.startswith("**", at):
            found, at = found + ".*", at + 2
        else:
            piece, length = _glob_piece(pattern[at:])
            found, at = found + piece, at + length
    return re.compile(found + r"\Z", re.DOTALL | (re.IGNORECASE if is_case_blind else 0))


def _glob_piece(rest: str) -> tuple[str, int]:
    if rest[0] == "*":
        return "[^/]*", 1
    if rest[0] == "?":
        return "[^/]", 1
    end = rest.find("]", 2)
    if rest[0] == "[" and end > 0:
        inside = rest[1:end].replace("\\", r"\\").replace("[", r"\[")
        if inside[0] in "!^":
            inside = "^/" + inside[1:]
        return f"[{inside}]", end + 1
    return re.escape(rest[0]), 1


class _Walk:
    """Walks one folder in the order of names; remembers what it passed by."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.root = str(request["root"])
        self.skipped_names = set(request["skipped_folders"])
        self.denied = [glob_regex(each, is_case_blind=True) for each in request["denied"]]
        self.base = str(request["base"])
        self.skipped: set[str] = set()
        self.unreadable = 0

    def is_denied(self, relative: str) -> bool:
        return any(each.match(relative) for each in self.denied)

    def entries(self) -> Iterator[tuple[str, bool]]:
        """Paths relative to the folder, and whether each is a folder; links are not followed."""
        yield from self._entries("")

    def _entries(self, prefix: str) -> Iterator[tuple[str, bool]]:
        try:
            with os.scandir(os.path.join(self.root, prefix)) as scan:
                found = sorted((each.name, each.is_dir(follow_symlinks=False)) for each in scan)
        except OSError:
            self.unreadable += 1
            return
        for name, is_folder in found:
            path = prefix + name
            if self.is_denied(os.path.join(self.base, path) if self.base else path):
                continue
            if is_folder and name in self.skipped_names:
                self.skipped.add(name)
                continue
            yield path, is_folder
            if is_folder:
                yield from self._entries(path + "/")


def list_paths(request: dict[str, Any]) -> dict[str, Any]:
    """The files (and, without a pattern of `**`, the folders) below `root` that fit a glob.

    Args:
        request: root, base (where root is below the workspace), pattern, entries_max,
            skipped_folders, denied (globs relative to the workspace).
    """
    walk = _Walk(request)
    pattern = str(request["pattern"])
    regex = glob_regex(pattern)
    paths: list[str] = []
    total = 0
    for path, is_folder in walk.entries():
        if not regex.match(path):
            continue
        total += 1
        if len(paths) < request["entries_max"]:
            paths.append(path + "/" if is_folder else path)
    return {
        "paths": paths,
        "total": total,
        "skipped": sorted(walk.skipped),
        "unreadable": walk.unreadable,
    }


def search_files(request: dict[str, Any]) -> dict[str, Any]:
    """The lines that fit a regular expression, file by file in the order of paths.

    Args:
        request: as for `list_paths`; further regex, is_case_blind, glob (which files),
            matches_max, file_matches_max, file_bytes_max, line_chars_max, context_lines.
    """
    regex = re.compile(request["regex"], re.IGNORECASE if request["is_case_blind"] else 0)
    glob = glob_regex(str(request["glob"])) if request["glob"] else None
    answer: dict[str, Any] = {"files": [], "matches": 0, "binary": 0, "large": 0, "searched": 0}
    walk = _Walk(request)
    if os.path.isfile(walk.root):
        walk.root, name = os.path.split(walk.root)
        names: Iterator[tuple[str, bool]] = iter([(name, False)])
    else:
        names = walk.entries()
    shown = 0
    for path, is_folder in names:
        full = os.path.join(walk.root, path)
        if is_folder or (glob and not glob.match(path)) or not os.path.isfile(full):
            continue
        found = _search_one(full, regex=regex, request=request, answer=answer)
        if not found:
            continue
        answer["matches"] += len(found)
        room = min(int(request["file_matches_max"]), int(request["matches_max"]) - shown)
        shown += min(len(found), room)
        if room > 0:
            answer["files"].append({"path": path, "lines": found[:room], "total": len(found)})
    answer |= {
        "shown": shown,
        "skipped": sorted(walk.skipped),
        "unreadable": walk.unreadable,
    }
    return answer


def _search_one(
    path: str, *, regex: re.Pattern[str], request: dict[str, Any], answer: dict[str, Any]
) -> list[list[Any]]:
    try:
        if os.path.islink(path) or os.path.getsize(path) > request["file_bytes_max"]:
            answer["large"] += not os.path.islink(path)
            return []
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        answer["unreadable"] = answer.get("unreadable", 0) + 1
        return []
    if b"\0" in data[:_BINARY_PROBE_BYTES]:
        answer["binary"] += 1
        return []
    answer["searched"] += 1
    lines = data.decode("utf-8", "replace").splitlines()
    return [
        [number, cut_line(line, int(request["line_chars_max"]))]
        for number, line in enumerate(lines, 1)
        if regex.search(line)
    ]


def cut_line(line: str, chars_max: int) -> str:
    """The line, or its beginning and how much follows."""
    if len(line) <= chars_max:
        return line
    return f"{line[:chars_max]} [{len(line) - chars_max:,} more characters]"


def filter_lines(request: dict[str, Any]) -> dict[str, Any]:
    """The indexes of the `lines` that fit `regex`."""
    regex = re.compile(request["regex"])
    lines: Sequence[str] = request["lines"]
    return {"indexes": [at for at, line in enumerate(lines) if regex.search(line)]}


_JOBS = {"list": list_paths, "search": search_files, "filter": filter_lines}


def main() -> None:
    """Answer the one request on the standard input."""
    request = json.load(sys.stdin)
    try:
        answer = _JOBS[request["job"]](request)
    except re.error as error:
        answer = {"problem": f"The pattern is no regular expression: {error}."}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
