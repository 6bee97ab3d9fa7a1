"""What the mail room takes and gives: plain data."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Message:
    """A letter that is to be delivered."""

    id: str
    """The id of what caused it; the same id gives the same Message-ID, so a second delivery of it
    can be told from a second letter."""
    template: str
    """Which letter: a name of `LETTERS`."""
    to: str
    """The address."""
    params: Mapping[str, object]
    """The facts that the letter tells: see `LETTERS`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter as it reads."""

    subject: str
    text: str
    """All of it as plain text."""
    html: str
    """The same, laid out; no remote part."""
    link: str
    """Where its button leads; empty: it has none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Delivered:
    """What became of a letter."""

    message_id: str
    """Its Message-ID, in angle brackets."""
    where: str
    """`smtp` or `outbox`."""
    subject: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutboxLetter:
    """A letter of the outbox folder."""

    id: str
    kept_at_us: int
    """When it was kept, by the machine's clock."""
    to: str
    subject: str
    link: str
    """Where its button leads; empty: it has none."""
