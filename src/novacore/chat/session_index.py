"""Keeps the rows of conversations up to date with the journal, whoever appends to it.

Conversations come from the browser, from `nova` on a server, from programs: a row is made for each
that is seen in the journal's feed. What is written twice changes nothing.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from novacore import agent, journal, memory
from novacore.chat.model import WORKSPACE, SessionFacts, plain_text, read_patch
from novacore.chat.session_rows import SessionRows
from novacore.chat.usage import WORKSPACE as USAGE_WORKSPACE

STATE: Final = "state"
"""The kind of entries that tell a title, a pin, an archive or a model."""
_HIDDEN: Final = (USAGE_WORKSPACE, memory.WORKSPACE)


def is_conversation(workspace: str) -> bool:
    """Whether sessions of a workspace are conversations, not what the house keeps for itself."""
    return workspace not in _HIDDEN and not workspace.startswith(f"{agent.NOTEBOOK_NAME}:")


class SessionIndex:
    """Told of the journal's entries in order; see `UsageFeed`.

    Args:
        feed: the journal's, of all accounts.
        rows: where the rows are.
    """

    def __init__(self, feed: journal.Feed, *, rows: SessionRows) -> None:
        self._feed = feed
        self._rows = rows

    def observe(self, entries: Sequence[journal.Entry]) -> None:
        """Take in a batch."""
        said: dict[str, int] = {}
        for entry in entries:
            is_said = entry.kind == journal.MESSAGE
            at_us = entry.recorded_at_us if is_said else 0
            said[entry.session_id] = max(at_us, said.get(entry.session_id, 0))
        found = [self._facts(session_id, at_us) for session_id, at_us in said.items()]
        known = [facts for facts in found if facts is not None]
        self._rows.put(known)
        shown = {facts.id for facts in known}
        for entry in entries:
            if entry.kind == STATE and not entry.is_erased and entry.session_id in shown:
                patch = read_patch(cast("Any", entry.body))
                if patch is not None:
                    self._rows.patch(entry.session_id, patch, sequence=entry.sequence)

    def _facts(self, session_id: str, at_us: int) -> SessionFacts | None:
        owned = self._feed.find_session(session_id)
        if owned is None or owned.is_erased or not is_conversation(owned.info.workspace):
            return None
        return facts_of(owned.info, account_id=owned.scope.owner, at_us=at_us)


def facts_of(info: journal.SessionInfo, *, account_id: str, at_us: int = 0) -> SessionFacts:
    """The row of a session that was not heard of before."""
    # A name that a person or program chose is a title; ours are ids.
    is_own = info.workspace == WORKSPACE and _is_own_name(info.name)
    title = "" if is_own else plain_text(info.name)
    return SessionFacts(
        id=info.id,
        account_id=account_id,
        title=title,
        title_by="person" if title else "",
        is_pinned=False,
        is_archived=False,
        model="",
        messages=info.messages,
        created_at_us=info.created_at_us,
        updated_at_us=at_us or info.created_at_us,
        active_stream=None,
    )


def _is_own_name(name: str) -> bool:
    return len(name) == 36 and name.count("-") == 4
