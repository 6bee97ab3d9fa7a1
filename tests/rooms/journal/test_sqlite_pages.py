"""The reader of raw pages gives what SQLite gives, as long as nothing is damaged."""

import random
import struct

import apsw
import pytest

from novacore.journal.sqlite_pages import open_damaged, record, rows_of, varint


def filled(path, *, page_size, log):
    """A file with rows of all kinds of values, short and long, and what SQLite says of them."""
    draw = random.Random(page_size)
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA page_size={page_size}").fetchall()
    connection.execute("PRAGMA auto_vacuum=incremental").fetchall()
    if log:
        connection.execute("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").fetchall()
    connection.execute("CREATE TABLE t (key INTEGER PRIMARY KEY, a, b)")
    integers = [0, 1, -1, 127, -129, 2**15, -(2**23), 2**31, 2**40, -(2**47), 2**62, -(2**63)]
    keys = [*range(1, 40), 2**31, 2**56, 2**63 - 1, -1, -(2**63)]
    for number, key in enumerate(keys):
        value = draw.choice([None, 1.5, "é 🦉", integers[number % len(integers)]])
        size = draw.choice([0, 3, 200, page_size - 40, page_size - 30, 3 * page_size, 20_000])
        connection.execute("INSERT INTO t VALUES (?, ?, ?)", (key, value, draw.randbytes(size)))
    rows = connection.execute("SELECT * FROM t").fetchall()
    return connection, {(key, (None, a, b)) for key, a, b in rows}


def read(path):
    """Every reading of every row of three columns."""
    with open_damaged(path, path.with_name(path.name + "-wal"), page_size=4096) as file:
        return {
            (row.key, row.values)
            for page in file.pages()
            for readings in rows_of(page)
            for row in readings
            if len(row.values) == 3
        }


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
@pytest.mark.parametrize("log", [False, True])
def test_raw_pages_give_every_row(tmp_path, page_size, log):
    path = tmp_path / "x.db"
    connection, expected = filled(path, page_size=page_size, log=log)
    assert read(path) >= expected
    if not log:
        assert read(path) == expected
    connection.close()


def test_rows_that_were_replaced_are_still_in_the_log(tmp_path):
    path = tmp_path / "x.db"
    connection, before = filled(path, page_size=4096, log=True)
    connection.execute("UPDATE t SET a='new'")
    connection.execute("DELETE FROM t WHERE key < 20")
    after = {(k, (None, a, b)) for k, a, b in connection.execute("SELECT * FROM t")}
    assert read(path) >= before | after
    connection.close()


@pytest.mark.parametrize("seed", range(20))
def test_garbage_never_raises(tmp_path, seed):
    path = tmp_path / "x.db"
    connection, _ = filled(path, page_size=512, log=False)
    connection.close()
    data = bytearray(path.read_bytes())
    draw = random.Random(seed)
    for _ in range(200):
        data[draw.randrange(100, len(data))] = draw.randrange(256)
    path.write_bytes(data)
    read(path)
    path.with_name("x.db-wal").write_bytes(draw.randbytes(9_000))
    read(path)


def test_an_overflow_that_runs_in_a_circle_ends(tmp_path):
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t (key INTEGER PRIMARY KEY, a, b)")
    connection.execute("INSERT INTO t VALUES (1, 2, zeroblob(30000))")
    connection.close()
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        if data[page * 4096] == 0:
            data[page * 4096 : page * 4096 + 4] = struct.pack(">I", page + 1)
    path.write_bytes(data)
    assert read(path) == set()


def test_the_page_size_is_taken_from_the_log_where_the_main_file_is_gone(tmp_path):
    path = tmp_path / "x.db"
    connection, expected = filled(path, page_size=1024, log=True)
    (tmp_path / "y.db-wal").write_bytes((tmp_path / "x.db-wal").read_bytes())
    connection.close()
    assert read(tmp_path / "y.db") >= expected


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b"\x00", 0), (b"\x7f", 127), (b"\x81\x00", 128), (b"\xff" * 9, 2**64 - 1)],
)
def test_integers_of_one_to_nine_bytes(raw, value):
    assert varint(b"x" + raw + b"x", 1) == (value, 1 + len(raw))


@pytest.mark.parametrize(
    "payload", [b"\x02\x0a", b"\x03\x01\x01\x05", b"\x02\x1c\x01", b"\x02\x01\x05\x05"]
)
def test_a_record_that_does_not_fit_together_is_refused(payload):
    with pytest.raises(ValueError, match=r"record|value"):
        record(payload)
