"""The tools that every agent has: commands, files, search, notes, history and kept output."""

from pathlib import Path

from novacore.agent.config import Config
from novacore.agent.history import Session
from novacore.agent.notebook import NoteBook
from novacore.agent.permissions import Permissions
from novacore.agent.toolbox import Toolbox
from novacore.agent.tools.files import file_tools
from novacore.agent.tools.history import Recaller, history_tool
from novacore.agent.tools.notes import note_tools, output_tool
from novacore.agent.tools.search import search_tools
from novacore.agent.tools.shell import shell_tools
from novacore.agent.tools.workspace import Workspace

__all__ = ["standard_tools"]


def standard_tools(
    workspace: str | Path,
    *,
    session: Session,
    permissions: Permissions,
    config: Config,
    notebook: NoteBook | None = None,
    recaller: Recaller | None = None,
) -> Toolbox:
    """The tools for one session in one workspace.

    Args:
        workspace: the folder that commands start in and file tools are kept to; it must exist.
        session: where long outputs are kept.
        permissions: files that it refuses to read are left out of lists and searches.
        config: the limits.
        notebook: the workspace's notes; None: without the tools `note` and `recall`.
        recaller: finds what was said in earlier conversations; None: without `search_history`.
    """
    place = Workspace(workspace, is_confined=config.workspace_confined)
    notes = note_tools(notebook, session=session, config=config) if notebook else []
    history = [history_tool(recaller, session=session, config=config)] if recaller else []
    return Toolbox(
        [
            *shell_tools(place.root, config=config, blobs=session),
            *file_tools(place, config=config),
            *search_tools(place, config=config, denied_paths=permissions.denied_paths),
            *notes,
            *history,
            output_tool(session=session, config=config),
        ]
    )
