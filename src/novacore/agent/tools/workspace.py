"""The folder that the agent works in, and which paths its file tools may touch."""

import os
from pathlib import Path

from novacore.agent.errors import OutsideWorkspace
from novacore.agent.tool import Subject


class Workspace:
    """Resolves paths as the model writes them: links and `..` are followed before anything else.

    Args:
        root: the folder; it must exist.
        is_confined: True: paths outside are refused.
    """

    def __init__(self, root: str | Path, *, is_confined: bool = True) -> None:
        self.root = Path(os.path.realpath(root))
        self.is_confined = is_confined

    def resolve(self, path: str) -> Path:
        """The real path that `path` names, which may not exist yet.

        Raises:
            OutsideWorkspace: it is outside, and the workspace is confined.
            ValueError: it can't be a path.
        """
        if "\0" in path:
            raise ValueError("A path can't hold a zero byte.")
        try:
            real = Path(os.path.realpath(self.root / path))
        except UnicodeEncodeError as error:
            raise ValueError(f"The path can't be written in UTF-8: {error.reason}.") from error
        if self.is_confined and not real.is_relative_to(self.root):
            raise OutsideWorkspace(path=path, workspace=str(self.root))
        return real

    def name(self, real: Path) -> str:
        """How a real path is shown: relative to the workspace, or absolute outside it."""
        if real.is_relative_to(self.root):
            return real.relative_to(self.root).as_posix()
        return real.as_posix()

    def subject(self, path: str) -> Subject:
        """The subject of a call about `path`."""
        return Subject(kind="path", text=self.name(self.resolve(path)))
