"""The names of all settings, read off the rooms' config classes.

A key is `room.field`, as in `nova.toml` (`[room]`, then `field = ...`); its environment variable is
`NOVA_ROOM_FIELD`. Settings outside every room have no section: `data_dir`, `NOVA_DATA_DIR`.
"""

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from novacore import kit

ENV_PREFIX = "NOVA_"
ENV_CONFIG = "NOVA_CONFIG"
"""Names the settings file; it is no setting itself."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Key:
    """One setting: its names and what is known about its values."""

    name: str
    """As in `nova.toml`: `room.field`, or `field` for those outside a room."""
    room: str
    """The section; empty outside a room."""
    env: str
    """The environment variable."""
    kind: Any
    """The annotation of the field, resolved."""
    info: kit.LimitInfo
    """Unit, range, default and meaning."""


def list_keys(rooms: Mapping[str, type]) -> dict[str, Key]:
    """All keys of these config classes by name, in order; the room "" is the top of the file."""
    keys: dict[str, Key] = {}
    for room, config in rooms.items():
        kinds = typing.get_type_hints(config)
        for info in kit.limits_of(config):
            name = f"{room}.{info.name}" if room else info.name
            env = ENV_PREFIX + name.replace(".", "_").upper()
            keys[name] = Key(name=name, room=room, env=env, kind=kinds[info.name], info=info)
    return keys


def find_nearest(wrong: str, known: Iterable[str]) -> str:
    """The known name that a person most likely meant; empty when none is near."""
    names = list(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    if near:
        return near[0]
    tail = wrong.rsplit(".", 1)[-1]
    tails = {name.rsplit(".", 1)[-1]: name for name in names}
    near = difflib.get_close_matches(tail, list(tails), n=1, cutoff=0.7)
    return tails[near[0]] if near else ""
