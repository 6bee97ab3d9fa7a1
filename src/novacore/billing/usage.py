"""What one call used: the content of a usage entry, and how far such entries have been read."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from novacore.billing.errors import UsageMalformed

BODY_VERSION = 1
"""The version of a usage entry's body that this release writes."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one call used: the content of a usage entry of the journal."""

    account_id: str
    hold_id: str
    day: str
    plan: str
    purpose: str
    model: str
    provider: str
    price_version: str
    input_tokens: int
    """Everything that was sent, cached or not."""
    output_tokens: int
    """Everything that came back, thinking included."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    source: Literal["provider", "estimate"] = "provider"
    messages: int = 0
    agent_id: str = ""
    key_id: str = ""
    outcome: str = "done"
    """done, stopped, broken or expired."""
    ms: int = 0
    """How long the call took."""
    held_tokens: int = 0
    """What the hold had set aside."""
    is_correction: bool = False
    """The provider's true count of a call that was closed with an estimate."""
    sequence: int = 0
    """The entry's place in the journal's feed; 0: not told. No part of the body."""

    @property
    def tokens(self) -> int:
        """What is charged: input and output."""
        return self.input_tokens + self.output_tokens

    def to_body(self) -> dict[str, Any]:
        """The body of the journal's entry."""
        body: dict[str, Any] = {
            "version": BODY_VERSION,
            "account": self.account_id,
            "hold": self.hold_id,
            "day": self.day,
            "plan": self.plan,
            "purpose": self.purpose,
            "model": self.model,
            "provider": self.provider,
            "price_version": self.price_version,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "source": self.source,
            "messages": self.messages,
            "agent": self.agent_id,
            "key": self.key_id,
            "outcome": self.outcome,
            "ms": self.ms,
            "held_tokens": self.held_tokens,
        }
        if self.is_correction:
            body["is_correction"] = True
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any], *, sequence: int = 0) -> "Usage":
        """Read an entry's body; fields of later releases are passed over.

        Raises:
            UsageMalformed: a field is missing or of another kind.
        """
        try:
            return cls(
                account_id=_text(body, "account"),
                hold_id=_text(body, "hold"),
                day=_text(body, "day"),
                plan=_text(body, "plan"),
                purpose=_text(body, "purpose"),
                model=_text(body, "model"),
                provider=_text(body, "provider"),
                price_version=_text(body, "price_version"),
                input_tokens=_count(body, "input_tokens"),
                output_tokens=_count(body, "output_tokens"),
                cache_read_tokens=_count(body, "cache_read_tokens"),
                cache_write_tokens=_count(body, "cache_write_tokens"),
                source="estimate" if body["source"] == "estimate" else "provider",
                messages=_count(body, "messages"),
                agent_id=_text(body, "agent"),
                key_id=_text(body, "key"),
                outcome=_text(body, "outcome"),
                ms=_count(body, "ms"),
                held_tokens=_count({"held_tokens": 0, **body}, "held_tokens"),
                is_correction=bool(body.get("is_correction", False)),
                sequence=sequence,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageMalformed(f"A usage entry can't be read: {error!r}.") from error


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Watermark:
    """How far the ledger has read the journal."""

    journal: str
    """The journal's id."""
    epoch: str
    """Which history of it: a restored journal begins a new one."""
    sequence: int
    """The last entry that was read."""


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}, not text")
    return value


def _count(body: Mapping[str, Any], name: str) -> int:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{name} is {value!r}, not a whole number of at least 0")
    return value
