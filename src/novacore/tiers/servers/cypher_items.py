"""Items as nodes and links of a property graph: what the graph holds exactly, and as what.

    (:Session)  (:Entry)  a session's and an entry's own item are their properties
    (:Session)-[:FORKED_FROM]->(:Session)   (:Entry)-[:FOLLOWS]->(:Entry)
    (:Entry)-[:CALLS]->(:Call)<-[:ANSWERS]-(:Entry)   (:Entry)-[:MENTIONS]->(:Entity)

Every node has a `key` that begins with its tenant and owner. One that is only named by others has
nothing but that: a fork's parent that is not there, an entry that was erased.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from novacore.tiers.model import Item
from novacore.tiers.servers.server_columns import fits, restored, scope_key, storable
from novacore.tiers.servers.server_items import decode_value, encode_value

NATIVE: Final[Mapping[str, str]] = {
    "type": "text",
    "name": "text",
    "entry_id": "text",
    "kind": "text",
    "actor": "text",
    "said_at_us": "integer",
    "to_session": "text",
    "to_position": "integer",
    "at": "integer",
    "workspace": "text",
    "session_name": "text",
    "parent_id": "text",
    "forked_at": "integer",
    "mentions": "integer",
}
"""Fields of a value that are properties of their own; the others are exact JSON in `rest`."""
BASE: Final = (
    "collection", "position", "part", "tenant", "owner", "sequence", "recorded_at_us", "rest",
)  # fmt: skip
PROPERTIES: Final = (*BASE, *NATIVE)


@dataclass(frozen=True, kw_only=True)
class LinkKind:
    """How the items of a collection are links."""

    type: str
    """The relationship's type."""
    source: str
    """The label where it begins: the item's own entry or session."""
    target: str
    """The label where it ends."""


NODES: Final[Mapping[str, str]] = {"session": "Session", "entry": "Entry"}
"""Collection -> label of the node that is its item."""
LINKS: Final[Mapping[str, LinkKind]] = {
    "follows": LinkKind(type="FOLLOWS", source="Entry", target="Entry"),
    "forked_from": LinkKind(type="FORKED_FROM", source="Session", target="Session"),
    "call": LinkKind(type="CALLS", source="Entry", target="Call"),
    "answer": LinkKind(type="ANSWERS", source="Entry", target="Call"),
    "mention": LinkKind(type="MENTIONS", source="Entry", target="Entity"),
    "": LinkKind(type="HAS", source="Entry", target="Thing"),
}
"""Collection -> its links; the empty one takes those that are unknown."""
LABELS: Final = ("Session", "Entry", "Call", "Entity", "Thing")


def link_of(item: Item) -> LinkKind:
    """How an item is a link."""
    return LINKS.get(item.collection, LINKS[""])


def session_key(scope: str, session_id: str) -> str:
    """A session's node."""
    return f"{scope}:{storable(session_id)}"


def entry_key(scope: str, session_id: str, position: object) -> str:
    """An entry's node."""
    return f"{session_key(scope, session_id)}/{position}"


def entity_key(scope: str, name: str) -> str:
    """An entity's node: one for all of an owner's sessions."""
    return f"{scope}:{storable(name)}"


def scope_of(item: Item) -> str:
    """Whose an item is."""
    return scope_key(item.tenant, item.owner)


def source_key(item: Item, label: str) -> str:
    """The node at which an item begins."""
    if label == "Session":
        return session_key(scope_of(item), item.session_id)
    return entry_key(scope_of(item), item.session_id, item.position)


def target_key(item: Item) -> str:
    """The node at which a link ends."""
    scope, value = scope_of(item), item.value
    match link_of(item).type:
        case "FOLLOWS":
            return entry_key(scope, str(value.get("to_session", "")), value.get("to_position"))
        case "FORKED_FROM":
            return session_key(scope, str(value.get("to_session", "")))
        case "CALLS" | "ANSWERS":
            return f"{session_key(scope, item.session_id)}/{storable(item.part)}"
        case "MENTIONS":
            return entity_key(scope, item.part)
        case _:
            return f"{scope}:{storable(item.collection)}/{storable(item.part)}"


def target_properties(item: Item) -> dict[str, Any]:
    """What a link's end is known by."""
    value = item.value
    match link_of(item).type:
        case "FOLLOWS":
            at = value.get("to_position")
            session = storable(str(value.get("to_session", "")))
            return {"session": session, "position": at if isinstance(at, int) else -1}
        case "FORKED_FROM":
            return {"session": storable(str(value.get("to_session", "")))}
        case _:
            return {"name": storable(item.part)}


def properties_of(item: Item) -> dict[str, Any]:
    """An item as properties of its node or link."""
    native = {
        name: item.value[name]
        for name, kind in NATIVE.items()
        if name in item.value and fits(item.value[name], kind)
    }
    rest = {name: value for name, value in item.value.items() if name not in native}
    return {
        "collection": storable(item.collection),
        "position": item.position,
        "part": storable(item.part),
        "tenant": storable(item.tenant),
        "owner": storable(item.owner),
        "sequence": item.sequence,
        "recorded_at_us": item.recorded_at_us,
        "rest": storable(encode_value(rest)),
        **native,
    }


def item_of(session_id: str, row: Sequence[Any]) -> Item | None:
    """The item of a row of `PROPERTIES`; None where it is none of ours."""
    found = dict(zip(PROPERTIES, row, strict=True))
    try:
        native = {name: found[name] for name in NATIVE if found[name] is not None}
        return Item(
            collection=restored(found["collection"]),
            session_id=session_id,
            position=int(found["position"]),
            part=restored(found["part"]),
            tenant=restored(found["tenant"]),
            owner=restored(found["owner"]),
            sequence=int(found["sequence"]),
            recorded_at_us=int(found["recorded_at_us"]),
            value={**decode_value(restored(found["rest"])), **native},
        )
    except (ValueError, TypeError, AttributeError):
        return None
