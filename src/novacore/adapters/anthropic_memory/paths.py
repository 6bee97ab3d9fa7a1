"""Paths of the memory tool: always within `/memories`, and never anything but a name of ours.

No path reaches the file system. They are still held to one spelling each, so that two names never
mean one file, nor one name two.
"""

from collections.abc import Iterable, Sequence

from anthropic.lib.tools import ToolError

ROOT = "/memories"
_PATH_BYTES_MAX = 1_024
_DEPTH_MAX = 32


def read_path(path: str) -> str:
    """The one spelling of a path.

    Raises:
        ToolError: it does not lie in `/memories`, or no file may be called so.
    """
    if path != ROOT and not path.startswith(f"{ROOT}/"):
        raise ToolError(f"Path must start with {ROOT}, got: {path}")
    parts = [part for part in path[len(ROOT) :].split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise ToolError(f"Path {path} would escape {ROOT} directory")
    if any(not _is_printable(part) for part in parts) or "\\" in path:
        raise ToolError(f"Path {path!r} holds a character that no file may have in its name")
    clean = "/".join([ROOT, *parts])
    if len(clean.encode("utf-8", "surrogatepass")) > _PATH_BYTES_MAX or len(parts) > _DEPTH_MAX:
        raise ToolError(
            f"Path is too long: at most {_PATH_BYTES_MAX} bytes and {_DEPTH_MAX} directories"
        )
    return clean


def is_within(path: str, folder: str) -> bool:
    """Whether a file lies in a folder, by whole names."""
    return path.startswith(f"{folder}/")


def listed(paths: Iterable[str], folder: str) -> Sequence[str]:
    """What a listing of a folder shows: two levels, folders with a `/` behind, nothing hidden."""
    found: set[tuple[str, ...]] = set()
    for path in paths:
        if not is_within(path, folder):
            continue
        names = tuple(path[len(folder) + 1 :].split("/"))
        if any(name.startswith(".") for name in names[:2]):
            continue
        found.add((*names[:1], "") if len(names) > 1 else names[:1])
        if len(names) > 1:
            found.add((*names[:2], "") if len(names) > 2 else names[:2])
    return ["/".join(names) for names in sorted(found)]


def _is_printable(name: str) -> bool:
    return all(char.isprintable() and not "\ud800" <= char <= "\udfff" for char in name)
