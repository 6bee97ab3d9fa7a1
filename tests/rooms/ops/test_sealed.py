"""A sealed file gives back what was written, or says that it can't."""

import io

import pytest

from novacore import ops
from novacore.ops import records, sealed


@pytest.fixture
def key(tmp_path) -> ops.Key:
    return ops.make_key(tmp_path / "key")


def written(key: ops.Key, data: bytes, *, backup: str = "one") -> bytes:
    file = io.BytesIO()
    writer = sealed.SealedWriter(file, key=key, backup=backup)
    for at in range(0, len(data), 1_000_003):
        writer.write(data[at : at + 1_000_003])
    writer.close()
    return file.getvalue()


def read(key: ops.Key, data: bytes, *, backup: str = "one") -> bytes:
    return b"".join(sealed.read_sealed(io.BytesIO(data), key=key, backup=backup))


@pytest.mark.parametrize("chunks", [0, 0.5, 1, 2, 2.5])
def test_what_goes_in_comes_out(key: ops.Key, chunks: float) -> None:
    data = bytes(range(256)) * int(chunks * sealed.CHUNK_BYTES / 256)
    assert read(key, written(key, data)) == data


def test_a_file_cut_between_two_chunks_is_no_shorter_one(key: ops.Key) -> None:
    data = written(key, bytes(3 * sealed.CHUNK_BYTES))
    header = 8 + 2 + 1 + 1 + 8 + 32
    first = 4 + int.from_bytes(data[header : header + 4], "little")
    with pytest.raises(ops.BackupDamaged):
        read(key, data[: header + first])
    with pytest.raises(ops.BackupDamaged):
        read(key, data[:header])


def test_a_file_of_one_backup_is_none_of_another(key: ops.Key) -> None:
    with pytest.raises(ops.BackupDamaged):
        read(key, written(key, b"content"), backup="two")


def test_the_same_content_is_sealed_differently_each_time(key: ops.Key) -> None:
    assert written(key, b"content")[20:] != written(key, b"content")[20:]


def test_zlib_is_read_where_zstandard_was_missing(
    key: ops.Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "_zstd", lambda: None)
    data = written(key, b"text " * 10_000)
    monkeypatch.undo()
    assert read(key, data) == b"text " * 10_000


def test_records_that_lack_their_end_are_damaged() -> None:
    recorder = records.Recorder()
    file = recorder.file(ops.File("a", b"b"))
    entry = recorder.entry(b"entry")
    whole = [file, entry, recorder.end()]
    assert list(records.read_records(whole, backup="one"))[1] == b"entry"
    for cut in (whole[:2], [file, whole[2]], [*whole[:2], whole[2][:-1]]):
        with pytest.raises(ops.BackupDamaged):
            list(records.read_records(cut, backup="one"))
