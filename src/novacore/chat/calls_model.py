"""A call of a model as a client asks for it, and where its answer goes."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from novacore import kit


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and who pays."""

    account_id: str
    """The account that pays: a person's, or that of an agent's owner."""
    actor_id: str = ""
    """The account that acts, whose sessions are used; empty: the one that pays."""
    agent_id: str = ""
    """The agent that acts; empty: none."""
    agent_tokens_per_day: int | None = None
    """What the agent may use a day; None: as much as its owner."""
    key_id: str = ""
    """The API key that was used; empty: none."""
    key_tokens_per_day: int | None = None
    """What the key may use a day; None: as much as its account."""

    @property
    def session_owner(self) -> str:
        """The account whose sessions it uses."""
        return self.actor_id or self.account_id


class CallRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request for an answer."""

    route: str
    """The endpoint's path, part of the scope of an Idempotency-Key."""
    wire: Any
    """The client's wire format: openai or anthropic."""
    data: bytes
    """The body as it came."""
    session: str = ""
    """The session whose history stands before the messages; empty: none."""
    is_recalling: bool = False
    """Whether the model is reminded of what was said in other sessions."""
    idempotency_key: str = ""
    """Empty: none."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Headers that go on to the provider."""

    def digest(self) -> str:
        """What another request under the same key must be equal in."""
        told = hashlib.sha256(self.data)
        told.update(f"\x00{self.session}\x00{self.is_recalling}".encode())
        return told.hexdigest()


class Sink(Protocol):
    """Where an answer goes: the client's connection."""

    async def whole(self, status: int, *, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Send an answer at once."""
        ...

    async def start(self, headers: Sequence[tuple[str, str]]) -> None:
        """Send the head of a stream."""
        ...

    async def piece(self, data: bytes) -> None:
        """Send a piece of a stream."""
        ...

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece of a stream."""
        ...

    def broken(self, error: kit.NovaError) -> bytes:
        """The frames that tell a client, in its format, that the stream broke off here."""
        ...
