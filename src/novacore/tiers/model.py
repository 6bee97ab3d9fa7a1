"""What goes through the tiers: records in, items stored, and how far each tier has come."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import xxhash

from novacore import journal

TIERS: Final = ("hot", "relational", "vector", "graph", "stream", "document", "broker")
"""The seven projections of the journal, in the order in which status lists them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """An entry of the journal together with whose it is, as projections take it."""

    sequence: int
    """Its place in the whole journal."""
    session_id: str
    """The session it was appended to."""
    position: int
    """Its place in that session."""
    id: str
    """Its UUID."""
    kind: str
    """message, memory, decision, usage, state …; a projection passes over what it doesn't know."""
    said_at_us: int
    """When the source says it was said, µs UTC."""
    recorded_at_us: int
    """When it was recorded, µs UTC."""
    actor: str
    """Who said or did it; empty where unknown."""
    body: Mapping[str, Any]
    """What was appended; empty where erased."""
    is_erased: bool
    """True: its body was destroyed; every projection leaves it out."""
    tenant: str
    """The organisation."""
    owner: str
    """The person or agent within it."""
    workspace: str
    """The session's folder or project; may be empty."""
    session_name: str
    """The session's name."""
    parent_id: str | None = None
    """The session that this one was forked from."""
    forked_at: int | None = None
    """How many entries it shares with its parent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing that a tier stores because of one entry. Storing it twice is harmless."""

    collection: str
    """What it is, in the tier's words: message, decision, mention, event …"""
    session_id: str
    """The session of the entry it came from."""
    position: int
    """The position of the entry it came from."""
    part: str = ""
    """Tells items of one collection and one entry apart; an entity's name, say."""
    tenant: str
    """The organisation it belongs to."""
    owner: str
    """The person or agent it belongs to."""
    sequence: int
    """The sequence of the entry it came from."""
    recorded_at_us: int
    """When that entry was recorded, µs UTC."""
    value: Mapping[str, Any]
    """What is stored: JSON values, and `bytes` for a vector (float32, little-endian). The engine
    gives back exactly this."""

    @property
    def key(self) -> tuple[str, str, int, str]:
        """(collection, session, position, part): unique within a tier."""
        return self.collection, self.session_id, self.position, self.part

    def digest(self) -> bytes:
        """xxh3-128 over all of it: equal for equal items, whatever engine gave them."""
        # By name and not by `asdict`, which copies the value and takes four times as long.
        text = json.dumps(
            {name: getattr(self, name) for name in self.__slots__},
            sort_keys=True,
            ensure_ascii=True,
            separators=(",", ":"),
            default=_hex,
        )
        return xxhash.xxh3_128_digest(text.encode())


def _hex(value: object) -> str:
    if isinstance(value, bytes):
        return f"bytes:{value.hex()}"
    raise TypeError(f"An item holds a {type(value).__name__}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Watermark:
    """How far a tier has come. Stored inside the tier, with its data where it can."""

    journal: str
    """The id of the journal that it follows."""
    epoch: str
    """The journal's epoch; a tier of another epoch is rebuilt, never trusted."""
    sequence: int
    """Every entry up to this sequence is applied, or set aside."""
    erasures: int
    """Every erasure up to this number is applied."""
    projection: str
    """The projection's name, version and settings; a tier made by another one is rebuilt."""

    def encode(self) -> str:
        """As JSON text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> "Watermark | None":
        """From JSON text; None where it is none of ours."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAside:
    """An entry that a tier could not take, set aside so that the rest goes on."""

    sequence: int
    session_id: str
    position: int
    error: str
    """What the tier said, in one line."""
    tries: int
    """How often it was tried."""
    at_us: int
    """When it was tried last, µs UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one `apply` stores: all of it, or, where the engine has no transaction, first the items
    and last the watermark, so that a kill in between only repeats work.
    """

    items: Sequence[Item]
    """To store; an item with a known key replaces the stored one."""
    erased: Sequence[journal.Erased]
    """Applied after the items: everything that came from these entries is destroyed."""
    watermark: Watermark
    """Where the tier is afterwards."""
    set_aside: Sequence[SetAside] = ()
    """The whole list of entries set aside, as it is afterwards."""
    forget_before_us: int = 0
    """Items recorded before this time are dropped (the hot tier's window); 0: none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TierState:
    """What a tier says of itself; read with its watermark in one piece where the engine can."""

    watermark: Watermark | None
    """None: nothing was ever applied, or what is stored can't be read."""
    set_aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """Whether a tier's engine answers."""

    is_up: bool
    what: str = ""
    """The server and its version, or what is wrong; one line."""
    latency_ms: float | None = None
    """The time of one round trip, where it answers."""
