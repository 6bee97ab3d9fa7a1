"""JSON texts that give back exactly the value that went in.

Python's own reader and writer keep nearly everything. They stumble over two things: integers of
more than 4,300 digits, and texts that hold both halves of a surrogate pair as two characters, which
every JSON reader would join. Such halves are kept apart by a mark, a character that the text holds
nowhere else; whoever reads the text is told the mark and takes it out again.
"""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn, cast

_SURROGATE = re.compile("[\ud800-\udfff]")
_SPLIT_PAIR = re.compile("([\ud800-\udbff])(?=[\udc00-\udfff])")
_MARKS = tuple(map(chr, range(0xE000, 0xF900)))


def encode(value: Any) -> tuple[str, str]:
    """(JSON on one line without a lone surrogate in it, the mark that stands in it or "").

    Raises:
        ValueError: a number in it is not finite.
    """
    text = _dump(value)
    if text.isascii() or _SURROGATE.search(text) is None:
        return text, ""
    mark = ""
    if _SPLIT_PAIR.search(text):
        mark = next(each for each in _MARKS if each not in text)
        text = _SPLIT_PAIR.sub("\\1" + mark, text)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text), mark


def decode(data: bytes | str, *, mark: str = "") -> Any:
    """The value that a JSON text holds.

    Args:
        data: the text, in UTF-8 where it is bytes; a byte order mark is skipped.
        mark: what `encode` gave with it.

    Raises:
        ValueError: it is no JSON; says where, as far as is known.
    """
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    try:
        value = _load(text)
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return _without(value, mark) if mark else value


def _dump(value: Any) -> str:
    try:
        return _encode(value)
    except ValueError as error:
        if "digits" not in str(error):
            raise
    return _dump_slowly(value)


def _dump_slowly(value: object) -> str:
    """For values with integers that are too long for `json`."""
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return "{" + ",".join(f"{_dump(k)}:{_dump_slowly(v)}" for k, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dump_slowly, cast("list[object]", value))) + "]"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(Decimal(value))
    return _dump(value)


def _load(text: str) -> Any:
    try:
        return _decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if "digits" not in str(error):
            raise
    return _decode_long(text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}, which JSON does not know")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder(parse_constant=_refuse).decode
_decode_long = json.JSONDecoder(
    parse_constant=_refuse, parse_int=lambda digits: int(Decimal(digits))
).decode


def _without(value: Any, mark: str) -> Any:
    """The value with the mark taken out of every text and key."""
    if isinstance(value, str):
        return value.replace(mark, "")
    if isinstance(value, list):
        return [_without(each, mark) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return {key.replace(mark, ""): _without(each, mark) for key, each in pairs}
    return value
