"""Somebody edits the files of an embedded tier: verify finds it, and a rebuild heals it."""

import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from tests.contracts.tier_records import ODD_BODIES, HashEmbedder

from novacore import journal, tiers

PATIENCE_MS = 60_000
_NOT_CONTENT = {"id", "key", "until_us", "taken"}


@pytest.fixture
def store() -> Iterator[journal.JournalStore]:
    with journal.open_memory() as opened:
        for name in ("talk", "other"):
            entries = [journal.NewEntry(kind=kind, body=body) for kind, body in ODD_BODIES]
            opened.session(name).append(*entries)
        yield opened


def _open(store: journal.JournalStore, folder: Path, tier: str) -> tiers.TierSet:
    config = tiers.Config(**{each: "off" for each in tiers.TIERS if each != tier})
    return tiers.open_tiers(config, folder=folder, feed=store.feed(), embedder=HashEmbedder())


def _tables(connection: apsw.Connection) -> dict[str, list[str]]:
    """The columns of the tables that hold content."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")]
    found = {}
    for name in names:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info('{name}')")]
        if {"session", "position", "collection"} <= {*columns} or name in ("session", "scope"):
            rows = connection.execute(f"SELECT count(*) FROM {name}").get
            if rows:
                found[name] = [each for each in columns if each not in _NOT_CONTENT]
    return found


def _vandalise(path: Path, draw: random.Random) -> str:
    """Cut or edit something; says what."""
    connection = apsw.Connection(str(path))
    try:
        tables = _tables(connection)
        table = draw.choice(sorted(tables))
        row = draw.choice([row for (row,) in connection.execute(f"SELECT rowid FROM {table}")])
        if draw.random() < 0.3:
            connection.execute(f"DELETE FROM {table} WHERE rowid=?", (row,))
            return f"cut row {row} of {table}"
        column = draw.choice(tables[table])
        old = connection.execute(f"SELECT {column} FROM {table} WHERE rowid=?", (row,)).get
        new = _other(old)
        connection.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (new, row))
        return f"changed {column} in row {row} of {table} from {old!r:.60} to {new!r:.60}"
    finally:
        connection.close()


def _other(value: object) -> object:
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 0x40]) if value else b"x"
    return "x"


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tier", tiers.TIERS)
def test_whatever_is_cut_or_edited_in_a_tiers_file_is_found_and_healed(store, tmp_path, tier, seed):
    opened = _open(store, tmp_path, tier)
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    assert opened.verify(tier)[0].is_equal
    opened.close()
    what = _vandalise(tmp_path / tier / f"{tier}.db", random.Random(f"{tier} {seed}"))

    opened = _open(store, tmp_path, tier)
    try:
        report = opened.verify(tier)[0]
        assert not report.is_equal, what
        assert report.difference is not None, what
        assert opened.rebuild(tier), what
        assert opened.verify(tier)[0].is_equal, what
    finally:
        opened.close()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tier", tiers.TIERS)
def test_a_tiers_file_that_is_cut_off_or_overwritten_is_found_and_healed(
    store, tmp_path, tier, seed
):
    opened = _open(store, tmp_path, tier)
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    opened.close()
    path = tmp_path / tier / f"{tier}.db"
    data, draw = path.read_bytes(), random.Random(seed)
    pages = len(data) // 4096
    at = 4096 * draw.randrange(pages // 2, pages)
    cuts = (data[:at], bytes(4096) + data[4096:], b"not a database")
    path.write_bytes(cuts[seed])

    opened = _open(store, tmp_path, tier)
    try:
        assert not opened.verify(tier)[0].is_equal
        assert opened.rebuild(tier)
        assert opened.verify(tier)[0].is_equal
    finally:
        opened.close()
