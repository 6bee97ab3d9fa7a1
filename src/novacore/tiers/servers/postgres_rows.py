"""Items as rows of PostgreSQL: what a column holds exactly has one, the rest is exact JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, LiteralString

from novacore.tiers.model import Item
from novacore.tiers.server_names import segment
from novacore.tiers.servers.server_columns import restored, scope_key, storable
from novacore.tiers.servers.server_items import decode_value, encode_value

BASE: Final[LiteralString] = """
    session_id text NOT NULL,
    position bigint NOT NULL,
    collection text NOT NULL,
    part_key text NOT NULL,
    part text NOT NULL,
    scope_key text NOT NULL,
    tenant text NOT NULL,
    owner text NOT NULL,
    sequence bigint NOT NULL,
    recorded_at_us bigint NOT NULL,
    rest text NOT NULL"""
"""Columns of every table; `part_key` and `scope_key` stand for texts too long to index."""

BASE_NAMES: Final = (
    "session_id", "position", "collection", "part_key", "part", "scope_key", "tenant",
    "owner", "sequence", "recorded_at_us", "rest",
)  # fmt: skip

DELETE_KEYS: Final[LiteralString] = (
    "DELETE FROM {table} AS held USING unnest(%s::text[], %s::bigint[], %s::text[], %s::text[])"
    " AS key (session_id, position, collection, part_key)"
    " WHERE held.session_id = key.session_id AND held.position = key.position"
    " AND held.collection = key.collection AND held.part_key = key.part_key"
)


def base_of(item: Item, rest: Mapping[str, Any]) -> list[Any]:
    """An item's values for `BASE_NAMES`; `rest` is what no other column holds."""
    return [
        storable(item.session_id),
        item.position,
        storable(item.collection),
        segment(item.part),
        storable(item.part),
        scope_key(item.tenant, item.owner),
        storable(item.tenant),
        storable(item.owner),
        item.sequence,
        item.recorded_at_us,
        encode_value(rest),
    ]


def item_of(row: Sequence[Any], more: Mapping[str, Any]) -> Item | None:
    """The item of a row; None where the row contradicts itself.

    Args:
        row: begins with the values of `BASE_NAMES`.
        more: what its other columns hold.
    """
    session_id, position, collection, part_key, part, scope, tenant, owner, sequence, at, rest = row
    try:
        item = Item(
            collection=restored(collection),
            session_id=restored(session_id),
            position=position,
            part=restored(part),
            tenant=restored(tenant),
            owner=restored(owner),
            sequence=sequence,
            recorded_at_us=at,
            value={**decode_value(rest), **more},
        )
    except ValueError:
        return None
    is_whole = part_key == segment(item.part) and scope == scope_key(item.tenant, item.owner)
    return item if is_whole else None


def keys_of(items: Iterable[Item]) -> list[list[Any]]:
    """The items' keys as four columns, for `DELETE_KEYS`."""
    rows = [base_of(item, {})[:4] for item in items]
    return [list(column) for column in zip(*rows, strict=True)]
