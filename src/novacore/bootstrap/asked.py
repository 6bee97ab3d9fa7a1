"""The settings that the projecting process needs, as text for its standard input.

Not as arguments or environment: other users of the machine can read those, and there are secrets
among them.
"""

import dataclasses
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from novacore import settings

_LEFT_OUT: Final = (
    "workspace", "debug", "agent", "cli", "terminal", "files", "server_url", "server_key",
    "server_key_file", "remote", "_keys", "_origins",
)  # fmt: skip
"""What no projector asks for; it has its defaults on the other side."""


def encode(chosen: settings.Settings) -> bytes:
    """The settings as one line."""
    told = {
        field.name: getattr(chosen, field.name)
        for field in dataclasses.fields(chosen)
        if field.name not in _LEFT_OUT
    }
    return msgspec.json.encode(told, enc_hook=str) + b"\n"


def decode(line: bytes) -> settings.Settings:
    """The settings out of that line."""
    told = msgspec.json.decode(line)
    kinds = typing.get_type_hints(settings.Settings)
    found = {
        field.name: _value(kinds[field.name], told.get(field.name))
        for field in dataclasses.fields(settings.Settings)
    }
    return settings.Settings(**found)


def _value(kind: Any, told: Any) -> Any:
    if told is not None:
        return Path(told) if kind is Path else msgspec.convert(told, kind)
    if type(None) in typing.get_args(kind):
        return None
    origin = typing.get_origin(kind) or kind
    return {} if origin is Mapping else origin()
