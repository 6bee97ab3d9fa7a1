"""Bodies as bytes: any JSON value in, the same value out.

MessagePack carries what JSON holds, in order and with int and float apart. Four extension types
carry what it lacks: integers over 64 bits, texts with lone surrogates, texts that live in a blob,
and objects whose keys need one of these. What JSON can't hold is refused, and the path named.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

import msgspec

from novacore.journal.config import Config
from novacore.journal.errors import EntryRefused

BIG_INT, SURROGATE_TEXT, BLOB_TEXT, ODD_OBJECT = 1, 2, 3, 4
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_SMALL_TEXT_BYTES = 4 * 1024
_BLOB_MARK = b"\xc7\x28\x03"
"""How MessagePack begins an extension of 40 bytes and type `BLOB_TEXT`."""

_encode = msgspec.msgpack.Encoder().encode
Ext = msgspec.msgpack.Ext


class Body(msgspec.Struct, frozen=True, gc=False):
    """One encoded body and the blobs that it refers to."""

    data: bytes
    blobs: tuple[tuple[bytes, bytes], ...] = ()
    """(sha256 digest, content) of each text that moved into a blob."""


def encode_body(
    fields: Mapping[str, Any], *, config: Config, digest: Callable[[bytes], bytes]
) -> Body:
    """The bytes of one body.

    Args:
        fields: the body, a JSON object.
        config: gives the limits.
        digest: SHA-256 of a blob's content, 32 bytes.

    Raises:
        EntryRefused: something in it can't be kept exactly, or it is too large; names the path.
    """
    top = cast("object", fields)
    if not isinstance(top, Mapping):
        _refuse("", f"a {type(top).__name__} instead of an object")
    is_plain = _is_plain(fields, config.blob_text_bytes // 4, config.nesting_max)
    if is_plain and isinstance(fields, dict):
        try:
            data = _encode((fields,))
        except UnicodeEncodeError:
            data = b""
        if data and len(data) <= config.body_bytes_max:
            return Body(data)
    return _encode_exactly(fields, config, digest)


def _is_plain(value: object, text_max: int, depth: int) -> bool:
    """True when MessagePack alone keeps the value: the fast path of nearly all bodies."""
    kind = type(value)
    if kind is str:
        return len(cast("str", value)) < text_max
    if kind is dict:
        if not depth:
            return False
        for key, item in cast("dict[object, object]", value).items():
            if type(key) is not str or not _is_plain(item, text_max, depth - 1):
                return False
        return True
    if kind is list:
        if not depth:
            return False
        return all(_is_plain(item, text_max, depth - 1) for item in cast("list[object]", value))
    if kind is int:
        return _INT_MIN <= cast("int", value) <= _INT_MAX
    if kind is float:
        return math.isfinite(cast("float", value))
    return kind is bool or value is None


def _encode_exactly(
    fields: Mapping[str, Any], config: Config, digest: Callable[[bytes], bytes]
) -> Body:
    """The slow path: every value checked, long texts moved out until the body fits."""
    text_max = config.blob_text_bytes
    while True:
        walk = _Walk(text_max, config, digest)
        data = _encode((walk.encodable(fields, "", config.nesting_max),))
        if len(data) <= config.body_bytes_max:
            return Body(data, tuple(walk.blobs.items()))
        if text_max <= _SMALL_TEXT_BYTES or walk.longest < _SMALL_TEXT_BYTES:
            raise EntryRefused(
                f"The body has {len(data)} bytes even with its long texts moved into blobs; "
                f"at most {config.body_bytes_max} (journal.body_bytes_max).",
                hint="Split it into several entries.",
            )
        text_max = max(_SMALL_TEXT_BYTES, text_max // 4)


class _Walk:
    """One pass over a body: turns what MessagePack lacks into extension values."""

    def __init__(self, text_max: int, config: Config, digest: Callable[[bytes], bytes]) -> None:
        self.text_max = text_max
        self.config = config
        self.digest = digest
        self.blobs: dict[bytes, bytes] = {}
        self.longest = 0
        """The size of the longest text that stayed in the body."""

    def encodable(self, value: object, path: str, depth: int) -> object:
        """The value, exactly; of a subclass (an enumeration's member, say) what JSON would hold."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, int):
            number = int.__int__(value)
            return number if _INT_MIN <= number <= _INT_MAX else Ext(BIG_INT, b"%x" % number)
        if isinstance(value, float):
            if not math.isfinite(value):
                _refuse(path, f"the number {value!r}, which JSON can't hold")
            return float.__float__(value)
        if isinstance(value, Mapping | list) and not depth:
            _refuse(path, f"more than {self.config.nesting_max} levels (journal.nesting_max)")
        if isinstance(value, Mapping):
            return self._object(cast("Mapping[object, object]", value), path, depth - 1)
        if isinstance(value, list):
            items = cast("list[object]", value)
            return [self.encodable(v, f"{path}[{i}]", depth - 1) for i, v in enumerate(items)]
        return _refuse(path, f"a {type(value).__name__}, which JSON can't hold exactly")

    def _object(self, value: Mapping[object, object], path: str, depth: int) -> object:
        pairs: list[tuple[object, object]] = []
        is_odd = False
        for key, item in value.items():
            if not isinstance(key, str):
                _refuse(path, f"the key {key!r} of type {type(key).__name__}; keys are text")
            text = str.__str__(key)
            step = f"{path}.{text}" if path else text
            name = self._surrogates(text)
            is_odd = is_odd or not isinstance(name, str)
            pairs.append((name, self.encodable(item, step, depth)))
        if is_odd:
            return Ext(ODD_OBJECT, _encode(pairs))
        return dict(pairs)

    def _text(self, value: str, path: str) -> object:
        text = self._surrogates(str.__str__(value))
        if len(value) < _SMALL_TEXT_BYTES // 4:
            return text
        raw = value.encode("utf-8", "surrogatepass")
        if len(raw) < self.text_max:
            self.longest = max(self.longest, len(raw))
            return text
        if len(raw) > self.config.blob_bytes_max:
            limit = f"at most {self.config.blob_bytes_max} (journal.blob_bytes_max)"
            _refuse(path, f"a text of {len(raw)} bytes; {limit}")
        key = self.digest(raw)
        self.blobs[key] = raw
        return Ext(BLOB_TEXT, key + len(raw).to_bytes(8, "big"))

    @staticmethod
    def _surrogates(text: str) -> object:
        try:
            text.encode()
        except UnicodeEncodeError:
            return Ext(SURROGATE_TEXT, text.encode("utf-8", "surrogatepass"))
        return text


def _refuse(path: str, found: str) -> NoReturn:
    raise EntryRefused(
        f"The body has at {path or 'its top'}: {found}.",
        path=path,
        hint="Bodies are JSON objects: text keys, texts, finite numbers, true, false, null, lists.",
    )


class ExtensionHook:
    """The decoder's hook for our extension types; `read_blob` gives a blob by its digest.

    A class, not a closure that names itself: such a closure is a reference cycle, and with it a
    transcript's bytes would stay until the garbage collector comes by.
    """

    def __init__(self, read_blob: Callable[[bytes], bytes]) -> None:
        self._read_blob = read_blob

    def __call__(self, code: int, data: memoryview) -> object:
        """The value of one extension."""
        raw = bytes(data)
        if code == BIG_INT:
            return int(raw, 16)
        if code == SURROGATE_TEXT:
            return raw.decode("utf-8", "surrogatepass")
        if code == BLOB_TEXT:
            return self._read_blob(raw[:32]).decode("utf-8", "surrogatepass")
        if code == ODD_OBJECT:
            pairs = msgspec.msgpack.Decoder(list[tuple[Any, Any]], ext_hook=self).decode(raw)
            return dict(pairs)
        raise ValueError(f"extension type {code} is not known")


def may_name_blobs(data: bytes | memoryview) -> bool:
    """False: an encoded body refers to no blob. True: most likely it does."""
    return _BLOB_MARK in bytes(data)


def blob_digests(data: bytes) -> tuple[bytes, ...]:
    """The digests of the blobs that an encoded body refers to, in order, without duplicates."""
    found: dict[bytes, None] = {}

    def note(code: int, raw: memoryview) -> object:
        if code == BLOB_TEXT:
            found[bytes(raw[:32])] = None
        elif code == ODD_OBJECT:
            msgspec.msgpack.Decoder(ext_hook=note).decode(bytes(raw))
        return bytes(raw)

    msgspec.msgpack.Decoder(ext_hook=note).decode(data)
    return tuple(found)
