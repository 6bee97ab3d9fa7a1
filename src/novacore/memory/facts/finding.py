"""What was found in one place of one message, before it is compared with what is known."""

from dataclasses import dataclass
from typing import Final

USER: Final = "user"
"""The subject that stands for the owner."""
PROJECT: Final = "project"
"""The subject that stands for what the session works on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A fact that a message states."""

    subject: str
    predicate: str
    object: str
    text: str
    """The fact as a sentence."""
    topic: str = ""
    """As in `Statement`."""
    confidence: float = 0.85
    valid_from_us: int | None = None
    """Since when, where the message says so; None: since it was said."""
    tags: tuple[str, ...] = ()
    outcome: str = ""
    position: int = 0
    """The entry's position in the session."""
    entry_id: str = ""
    """The entry's UUID."""
    said_at_us: int = 0
    """When it was said, µs UTC."""
    start: int = 0
    """Where its sentence begins in the message's text."""
    end: int = 0
    """Where it ends."""
