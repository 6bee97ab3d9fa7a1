"""A file of a backup: a stream of bytes, cut into chunks, each compressed, then encrypted.

    header = magic 8 | format u16 | codec u8 | 0 | key id 8 | salt 32
    chunk  = size u32 | AES-256-GCM(codec u8 | compressed bytes)

Each file has a key of its own: HKDF of the backups' key, the salt and the backup's id, so that one
file can't stand in for another. A chunk's nonce is its number and whether it is the last one, and
the header is authenticated with each: nothing can be changed, cut, swapped or appended unnoticed.

Source: https://www.rfc-editor.org/rfc/rfc5869 (HKDF); STREAM, https://eprint.iacr.org/2015/189
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from novacore.ops.errors import BackupDamaged, KeyUnusable
from novacore.ops.key import Key

CHUNK_BYTES = 4 * 1024 * 1024
_MAGIC = b"NOVABAK1"
_HEADER = struct.Struct("<8sHBB8s32s")
_SIZE = struct.Struct("<I")
_FORMAT = 1
_ZLIB, _ZSTD = 0, 1
_LEVEL = 3
_SEALED_MAX = CHUNK_BYTES + CHUNK_BYTES // 64 + 1024
"""A chunk that doesn't compress is a little larger than what it holds."""


class SealedWriter:
    """Writes one file; `close` ends it, without that it can't be read.

    Args:
        file: where to.
        key: the backups' key.
        backup: the backup's id.
    """

    def __init__(self, file: BinaryIO, *, key: Key, backup: str) -> None:
        self._file = file
        salt = os.urandom(32)
        self._header = _HEADER.pack(_MAGIC, _FORMAT, 0, 0, bytes.fromhex(key.id), salt)
        self._cipher = _cipher(key, salt, backup)
        self._compress = _compressor()
        self._held = bytearray()
        self._number = 0
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.raw_bytes = 0
        self._put(self._header)

    def write(self, data: bytes) -> None:
        """Add bytes to the stream."""
        self._held += data
        at = 0
        while len(self._held) - at > CHUNK_BYTES:
            self._seal(bytes(self._held[at : at + CHUNK_BYTES]), is_last=False)
            at += CHUNK_BYTES
        del self._held[:at]

    def close(self) -> str:
        """Write what is held; returns the SHA-256 of the whole file, hexadecimal."""
        self._seal(bytes(self._held), is_last=True)
        self._held.clear()
        return self._hash.hexdigest()

    def _seal(self, data: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._number, is_last=is_last)
        sealed = self._cipher.encrypt(nonce, self._compress(data), self._header)
        self._put(_SIZE.pack(len(sealed)) + sealed)
        self._number += 1
        self.raw_bytes += len(data)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size_bytes += len(data)


def read_sealed(file: BinaryIO, *, key: Key, backup: str) -> Iterator[bytes]:
    """The stream that `SealedWriter` wrote, in pieces.

    Raises:
        KeyUnusable: it was written with another key.
        BackupDamaged: its bytes are not what was written, or its end is missing.
    """
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise BackupDamaged("its file does not begin as one of ours", backup=backup)
    _, form, _, _, key_id, salt = _HEADER.unpack(header)
    if key_id.hex() != key.id:
        raise KeyUnusable(
            f"Backup {backup} was made with key {key_id.hex()}; the key given is {key.id}.",
            hint="Name the right one with ops.backup_key_file.",
        )
    if form != _FORMAT:
        raise BackupDamaged(f"its format {form} is unknown to this program", backup=backup)
    yield from _chunks(file, _cipher(key, salt, backup), header, backup)


def _chunks(file: BinaryIO, cipher: Any, header: bytes, backup: str) -> Iterator[bytes]:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - heavy: only for backups

    sealed = _next_chunk(file, backup)
    number = 0
    while sealed is not None:
        following = _next_chunk(file, backup)
        nonce = _nonce(number, is_last=following is None)
        try:
            yield _decompressed(cipher.decrypt(nonce, sealed, header), backup)
        except InvalidTag:
            raise BackupDamaged(
                f"its chunk {number} is not what was written, or its end is missing", backup=backup
            ) from None
        sealed = following
        number += 1
    if not number:
        raise BackupDamaged("its file ends after the header", backup=backup)


def _next_chunk(file: BinaryIO, backup: str) -> bytes | None:
    raw = file.read(_SIZE.size)
    if not raw:
        return None
    size = _SIZE.unpack(raw)[0] if len(raw) == _SIZE.size else 0
    sealed = file.read(size) if 0 < size <= _SEALED_MAX else b""
    if not sealed or len(sealed) < size:
        raise BackupDamaged("a chunk's size is wrong, or its file is cut short", backup=backup)
    return sealed


def _cipher(key: Key, salt: bytes, backup: str) -> Any:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - heavy: only for backups
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=f"file {backup}".encode())
    return AESGCM(kdf.derive(key.derived("files")))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return struct.pack("<QI", number, is_last)


def _compressor() -> Any:
    """Zstandard where its library is there: a third of zlib's size and several times its speed."""
    zstd = _zstd()
    if zstd is None:
        return lambda data: bytes([_ZLIB]) + zlib.compress(data, 1)
    compressor = zstd.ZstdCompressor(level=_LEVEL)
    return lambda data: bytes([_ZSTD]) + compressor.compress(data)


def _zstd() -> Any:
    try:
        import zstandard  # noqa: PLC0415 - heavy: only for backups
    except ImportError:
        return None
    return zstandard


def _decompressed(data: bytes, backup: str) -> bytes:
    if data[:1] == bytes([_ZLIB]):
        return zlib.decompressobj().decompress(data[1:], CHUNK_BYTES)
    zstd = _zstd()
    if zstd is None or data[:1] != bytes([_ZSTD]):
        raise BackupDamaged(
            "it is compressed in a way unknown here; install zstandard", backup=backup
        )
    return zstd.ZstdDecompressor().decompress(data[1:], max_output_size=CHUNK_BYTES)
