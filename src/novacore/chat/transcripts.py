"""A conversation as a file that people and programs read."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from novacore import journal
from novacore.chat.model import SaidMessage, SessionFacts

_WHO: Final = {"user": "You", "assistant": "Nova", "system": "System", "tool": "Tool"}


def as_markdown(facts: SessionFacts, messages: Sequence[SaidMessage]) -> str:
    """A heading, then who said what and when; the words themselves as they were said."""
    parts = [f"# {facts.title or 'Conversation'}"]
    for said in messages:
        when = dt.datetime.fromtimestamp(said.said_at_us / 1_000_000, dt.UTC)
        more = " (broken off)" if said.is_partial else ""
        who = _WHO.get(said.role, said.role or "?")
        parts.append(f"## {who}, {when:%Y-%m-%d %H:%M} UTC{more}")
        parts.append("*erased*" if said.is_erased else said.text)
    return "\n\n".join(parts) + "\n"


def as_json(facts: SessionFacts, messages: Sequence[SaidMessage]) -> str:
    """Title and messages as one JSON object; messages in the shape in which they were kept."""
    told: dict[str, Any] = {
        "id": facts.id,
        "title": facts.title,
        "created_at_us": facts.created_at_us,
        "messages": [
            {
                "position": said.position,
                "role": said.role,
                "said_at_us": said.said_at_us,
                "is_partial": said.is_partial,
                "message": None if said.is_erased else dict(said.message.items()),
            }
            for said in messages
        ],
    }
    return journal.encode_exact(told)[0]
