"""Hands that change a tier's raw storage behind its engine's back, for the tests of `verify`.

`VANDALS` has one for each engine that keeps its data in files. Each changes one thing that the
engine stands on, and says what.
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import apsw

from novacore.tiers.place import Place

Vandal = Callable[[Place, random.Random], str]


def change_a_row(place: Place, rng: random.Random) -> str:
    """Cut a row of a SQLite tier, or edit one value in it."""
    connection = apsw.Connection(str(_database(place.folder)))
    try:
        table = rng.choice(_tables(connection))
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        row = rng.choice(rows)
        names = [each[0] for each in connection.execute(f"SELECT * FROM {table}").description]
        held = dict(zip(names, row, strict=True))
        if rng.random() < 0.2:
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (held["id"],))
            return f"cut {held} from {table}"
        wanted = [name for name in names if name != "id" and held[name] is not None]
        name = rng.choice(wanted)
        value = _changed(held[name], rng)
        connection.execute(f'UPDATE {table} SET "{name}" = ? WHERE id = ?', (value, held["id"]))
        return f"{table}.{name}: {held[name]!r} -> {value!r}"
    finally:
        connection.close()


def change_an_index_file(place: Place, rng: random.Random) -> str:
    """Flip a bit in a published index, where there is one; else change a row."""
    files = sorted(place.folder.glob("*.usearch"))
    if not files:
        return change_a_row(place, rng)
    path = rng.choice(files)
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return f"a bit of byte {at} of {path.name}"


def flip_a_byte(place: Place, rng: random.Random) -> str:
    """Change one byte of a SQLite tier's file, used or not."""
    path = _database(place.folder)
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return f"a bit of byte {at} of {path.name}"


def _database(folder: Path) -> Path:
    return folder / f"{folder.name}.db"


def _tables(connection: Any) -> list[str]:
    names = connection.execute(
        "SELECT name FROM sqlite_schema s WHERE type = 'table'"
        " AND EXISTS (SELECT 1 FROM pragma_table_info(s.name) WHERE name = 'rest')"
    ).fetchall()
    return [name for (name,) in names if connection.execute(f"SELECT count(*) FROM {name}").get]


def _changed(value: Any, rng: random.Random) -> Any:
    if isinstance(value, int):
        return value + rng.choice((1_000_003, -1_000_003))
    if isinstance(value, float):
        return value + 1.5
    at = rng.randrange(len(value)) if value else 0
    if isinstance(value, bytes):
        return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
    return value[:at] + ("y" if value[at : at + 1] != "y" else "z") + value[at + 1 :]


_SQLITE = ("hot", "relational", "graph", "stream", "document", "broker")
VANDALS: Mapping[tuple[str, str], Vandal] = {
    **{(tier, "sqlite"): change_a_row for tier in _SQLITE},
    ("vector", "usearch"): change_an_index_file,
}
"""(Tier, engine) -> what changes its storage."""
