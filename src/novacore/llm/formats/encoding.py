"""JSON for the wire: always valid UTF-8, whatever a message holds; the message stays as it is."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

_JSONObject = Mapping[str, Any]


def _plain(value: object) -> object:
    """Turn what only behaves like a mapping or a sequence into the real thing."""
    if isinstance(value, Mapping):
        return dict(cast(Mapping[Any, Any], value))
    if isinstance(value, Sequence):
        return list(cast(Sequence[Any], value))
    raise TypeError(f"{type(value).__name__} has no JSON form")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def encode(value: object) -> bytes:
    """The compact JSON text of `value`, in valid UTF-8.

    Surrogate pairs are joined to their character and lone surrogates become U+FFFD: the journal
    keeps them, but no provider takes them.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_mended(value))


def joined(objects: Iterable[bytes]) -> bytes:
    """Encoded values as the inside of a JSON array."""
    return b",".join(objects)


def mended_text(text: str) -> str:
    """`text` without lone surrogates."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _mended(value: object) -> object:
    if isinstance(value, str):
        return mended_text(value)
    if isinstance(value, Mapping):
        items = cast(Mapping[Any, Any], value).items()
        return {mended_text(str(key)): _mended(item) for key, item in items}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_mended(item) for item in cast(Sequence[Any], value)]
    return value


def decode_object(data: str | bytes) -> dict[str, Any] | None:
    """The JSON object in `data`; None where it is no JSON or no object.

    What the fast parser does not take is given to the standard library's, which alone takes lone
    surrogate escapes, that models do write; NaN and infinities, which no JSON has, are refused.
    """
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        try:
            value = json.loads(data, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def mapping_of(value: object) -> _JSONObject | None:
    """`value` where it is a mapping, else None."""
    return cast(_JSONObject, value) if isinstance(value, Mapping) else None


def mappings_of(value: object) -> list[_JSONObject]:
    """The mappings in `value` where it is a list; empty where it is none."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray):
        return []
    items = cast(Sequence[object], value)
    return [cast(_JSONObject, item) for item in items if isinstance(item, Mapping)]


def text_of(value: object) -> str:
    """`value` where it is text, else the empty text."""
    return value if isinstance(value, str) else ""
