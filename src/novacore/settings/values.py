"""One value: read from text or from TOML, compared with its setting, and described in words."""

import json
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from novacore.settings import errors
from novacore.settings.keys import Key

_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}
_SCALARS = (bool, int, float, str, Path)
_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    tuple: "a list",
    dict: "a table",
}
_SHOWN_CHARACTERS_MAX = 200


class _Unfit(Exception):
    """The value is of another kind than the setting."""


def from_text(key: Key, text: str, *, origin: str) -> Any:
    """The value that `text` (an environment variable or a flag) means for this setting.

    Numbers may have underscores; yes/no/on/off/true/false/1/0 are booleans; a list is JSON or is
    separated by commas; a table is JSON; where the setting allows it, empty and `none` mean None.

    Raises:
        ValueInvalid: the text means no such value, or one outside the setting's range.
    """
    shape, optional = shape_of(key.kind)
    if optional and text.strip().lower() in ("", "none"):
        return None
    try:
        value = _text_to(shape, text)
    except (_Unfit, ValueError):
        raise _invalid(key, text, origin) from None
    return _checked(key, _built(key.kind, value), origin=origin)


def from_toml(key: Key, value: Any, *, origin: str) -> Any:
    """The value that a TOML value means for this setting; kinds are not converted silently.

    Raises:
        ValueInvalid: the value is of another kind, or outside the setting's range.
    """
    shape, optional = shape_of(key.kind)
    if optional and value == "":
        return None
    fits = {
        bool: isinstance(value, bool),
        int: isinstance(value, int) and not isinstance(value, bool),
        float: isinstance(value, int | float) and not isinstance(value, bool),
        str: isinstance(value, str),
        Path: isinstance(value, str),
        tuple: isinstance(value, list),
        dict: isinstance(value, dict),
    }
    if not fits[shape]:
        raise _invalid(key, value, origin)
    return _checked(key, _built(key.kind, value), origin=origin)


def show(key: Key, value: Any) -> str:
    """The value as a person reads it: as written in TOML where it can be, secrets hidden."""
    if key.info.is_secret:
        return "(set, hidden)" if value else "(not set)"
    return _quoted(value)


def describe_kind(key: Key) -> str:
    """What the setting expects, in words: kind, unit, range or choices."""
    info = key.info
    if info.choices:
        return "one of " + ", ".join(info.choices)
    shape, optional = shape_of(key.kind)
    words = _NAMES[shape]
    if info.unit:
        words += f" ({info.unit})"
    if info.minimum is not None and info.maximum is not None:
        words += f" from {info.minimum} to {info.maximum}"
    elif info.minimum is not None:
        words += f" of at least {info.minimum}"
    elif info.maximum is not None:
        words += f" of at most {info.maximum}"
    return words + (", or none" if optional else "")


def shape_of(kind: Any) -> tuple[Any, bool]:
    """The plain Python kind behind an annotation, and whether None is allowed beside it."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [each for each in typing.get_args(kind) if each is not types.NoneType]
        return shape_of(inner[0])[0], len(inner) < len(typing.get_args(kind))
    if origin is typing.Literal:
        return type(typing.get_args(kind)[0]), False
    if origin is not None:
        kind = origin
    if kind in _SCALARS:
        return kind, False
    if isinstance(kind, type) and issubclass(kind, tuple | list | frozenset | set):
        return tuple, False
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return dict, False
    return str, False


def _text_to(shape: Any, text: str) -> Any:
    if shape is bool:
        if text.strip().lower() not in _WORDS:
            raise _Unfit
        return _WORDS[text.strip().lower()]
    if shape is int:
        return int(text)
    if shape is float:
        number = float(text)
        if not math.isfinite(number):
            raise _Unfit
        return number
    if shape is dict:
        return _json_of(text, dict)
    if shape is tuple:
        if text.lstrip().startswith("["):
            return _json_of(text, list)
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _json_of(text: str, kind: type) -> Any:
    value = json.loads(text)
    if not isinstance(value, kind):
        raise _Unfit
    return value


def _built(kind: Any, value: Any) -> Any:
    shape, _optional = shape_of(kind)
    if shape is float:
        return float(value)
    if shape is tuple:
        return tuple(value)
    return Path(value) if shape is Path else value


def _checked(key: Key, value: Any, *, origin: str) -> Any:
    info = key.info
    if info.choices and value not in info.choices:
        raise _invalid(key, value, origin)
    if isinstance(value, tuple) and not _fits_items(key.kind, value):
        raise _invalid(key, list(value), origin)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    too_low = info.minimum is not None and value < info.minimum
    if too_low or (info.maximum is not None and value > info.maximum):
        raise _invalid(key, value, origin)
    return value


def _fits_items(kind: Any, items: tuple[Any, ...]) -> bool:
    for each in typing.get_args(kind) or (kind,):
        arguments = typing.get_args(each) or (each,)
        if str in arguments:
            return all(isinstance(item, str) for item in items)
    return True


def _invalid(key: Key, value: Any, origin: str) -> errors.ValueInvalid:
    shown = "the given value" if key.info.is_secret else _quoted(value)
    return errors.ValueInvalid(
        key.name, shown=shown, expected=describe_kind(key), origin=origin, hint=key.info.doc
    )


def _quoted(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Path):
        value = str(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) > _SHOWN_CHARACTERS_MAX:
        return text[: _SHOWN_CHARACTERS_MAX - 1] + "…"
    return text
