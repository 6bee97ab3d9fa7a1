"""Items as rows: the keys and known values in columns of their own, the rest as JSON.

Whatever a value holds comes back exactly. A column takes what SQLite gives back unchanged; text
with half a surrogate pair, an integer over 64 bits or a list goes into `rest`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from novacore.tiers.errors import TierCorrupt
from novacore.tiers.model import Item
from novacore.tiers.servers.server_items import decode_value, encode_value

SHARED: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE session (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE);
CREATE TABLE scope (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, owner TEXT NOT NULL, UNIQUE (tenant, owner));
"""
_HEAD: Final = ("session", "position", "collection", "part", "scope", "sequence", "recorded_at_us")
_INT_MAX: Final = 2**63 - 1


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_integer(value: object) -> bool:
    return type(value) is int and -_INT_MAX <= value <= _INT_MAX


def _is_real(value: object) -> bool:
    # SQLite has no negative zero.
    return type(value) is float and value - value == 0.0 and str(value) != "-0.0"


_FITS: Final[Mapping[str, Callable[[object], bool]]] = {
    "text": _is_text,
    "integer": _is_integer,
    "real": _is_real,
    "blob": lambda value: isinstance(value, bytes),
    "boolean": lambda value: isinstance(value, bool),
}


def _flag(stored: object) -> object:
    """True and False as they were; anything else has been changed and stays as it is."""
    return bool(stored) if stored in (0, 1) else stored


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of items.

    Args:
        name: its name.
        columns: value -> text, integer, real, blob or boolean: the values that have a column.
        indexes: what is indexed beside the key: name -> columns, and a condition.
    """

    name: str
    columns: Mapping[str, str]
    indexes: Mapping[str, str]

    @property
    def ddl(self) -> str:
        """The statements that make it."""
        own = "".join(f', "{name}" {kind.upper()}' for name, kind in self.columns.items())
        table = (
            f"CREATE TABLE {self.name} (id INTEGER PRIMARY KEY AUTOINCREMENT, "
            "session INTEGER NOT NULL, "
            "position INTEGER NOT NULL, collection TEXT NOT NULL, part TEXT NOT NULL, "
            "scope INTEGER NOT NULL, sequence INTEGER NOT NULL, recorded_at_us INTEGER NOT NULL"
            f"{own}, rest TEXT, UNIQUE (session, position, collection, part));"
        )
        indexes = [
            f"CREATE INDEX {self.name}_{name} ON {self.name} {columns};"
            for name, columns in self.indexes.items()
        ]
        return "\n".join([table, *indexes])

    @cached_property
    def upsert(self) -> str:
        """The statement that stores a row; a known key's row is replaced."""
        names = [*_HEAD, *(f'"{name}"' for name in self.columns), "rest"]
        changed = ", ".join(f"{name}=excluded.{name}" for name in names[4:])
        marks = ", ".join("?" * len(names))
        return (
            f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({marks}) "  # noqa: S608 - ours
            f"ON CONFLICT (session, position, collection, part) DO UPDATE SET {changed}"
        )

    @cached_property
    def selected(self) -> str:
        """What `item` reads, of the table under the name `i`."""
        own = "".join(f', i."{name}"' for name in self.columns)
        return f"i.position, i.collection, i.part, i.sequence, i.recorded_at_us, i.rest{own}"

    @cached_property
    def _places(self) -> Mapping[str, tuple[int, Callable[[object], bool]]]:
        """Value -> the place of its column, and whether that can hold it."""
        return {name: (at, _FITS[kind]) for at, (name, kind) in enumerate(self.columns.items())}

    @cached_property
    def _flags(self) -> tuple[str, ...]:
        return tuple(name for name, kind in self.columns.items() if kind == "boolean")

    def row(self, item: Item, *, session: int, scope: int) -> tuple[Any, ...]:
        """What `upsert` takes."""
        own: list[Any] = [None] * len(self.columns)
        rest: dict[str, Any] = {}
        places = self._places
        for name, found in item.value.items():
            place = places.get(name)
            if place is not None and place[1](found):
                own[place[0]] = found
            else:
                rest[name] = found
        return (
            session,
            item.position,
            item.collection,
            item.part,
            scope,
            item.sequence,
            item.recorded_at_us,
            *own,
            encode_value(rest) if rest else None,
        )

    def item(self, row: Sequence[Any], *, session_id: str, tenant: str, owner: str) -> Item:
        """The item of a row, as `selected` reads it.

        Raises:
            TierCorrupt: it is not what `row` gave.
        """
        position, collection, part, sequence, recorded_at_us, rest, *own = row
        value = {
            name: found for name, found in zip(self.columns, own, strict=True) if found is not None
        }
        for name in self._flags:
            if name in value:
                value[name] = _flag(value[name])
        if rest is not None:
            try:
                value.update(decode_value(rest))
            except (ValueError, TypeError) as error:
                raise TierCorrupt(f"A row of {self.name} can't be read.") from error
        return Item(
            collection=collection,
            session_id=session_id,
            position=position,
            part=part,
            tenant=tenant,
            owner=owner,
            sequence=sequence,
            recorded_at_us=recorded_at_us,
            value=value,
        )
