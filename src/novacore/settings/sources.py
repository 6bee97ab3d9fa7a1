"""The places that settings come from, each read into `{key: Given}`: file, environment, flags.

Every place checks its names and values, so that a mistake is reported where it was made.
"""

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from novacore.settings import errors, values
from novacore.settings.keys import ENV_CONFIG, ENV_PREFIX, Key, find_nearest

FILE_BYTES_MAX = 1_048_576


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given:
    """A value and where it was given."""

    value: Any
    origin: str


def from_file(
    path: Path, keys: Mapping[str, Key], *, guard: Callable[[Key, Any, str], None] | None = None
) -> dict[str, Given]:
    """The settings in a TOML file.

    Args:
        path: the file; it must be there.
        keys: all known settings.
        guard: called with key, value and origin of each setting; raises for one that this file
            may not set.

    Raises:
        FileUnreadable: the file is missing, too large, locked or no TOML.
        KeyUnknown, KeyForbidden, ValueInvalid: about its content.
    """
    rooms = {key.room for key in keys.values() if key.room}
    given: dict[str, Given] = {}
    for name, value in _flat(_load_toml(path), rooms=rooms, path=path, keys=keys):
        origin = f"in {path}"
        key = _known(name, keys, origin=origin)
        read = values.from_toml(key, value, origin=origin)
        if guard is not None:
            guard(key, read, origin)
        given[name] = Given(value=read, origin=f"file {path}")
    return given


def from_environment(env: Mapping[str, str], keys: Mapping[str, Key]) -> dict[str, Given]:
    """The settings in `NOVA_*` variables; every such name must be known.

    Raises:
        KeyUnknown, ValueInvalid: about one of them.
    """
    by_env = {key.env: key for key in keys.values()}
    given: dict[str, Given] = {}
    for variable in sorted(env):
        if not variable.startswith(ENV_PREFIX) or variable == ENV_CONFIG:
            continue
        if variable not in by_env:
            nearest = find_nearest(variable, [*by_env, ENV_CONFIG])
            raise errors.KeyUnknown(variable, origin="in the environment", nearest=nearest)
        key = by_env[variable]
        value = values.from_text(key, env[variable], origin=f"in the environment as {variable}")
        given[key.name] = Given(value=value, origin=f"environment {variable}")
    return given


def from_flags(overrides: Mapping[str, str], keys: Mapping[str, Key]) -> dict[str, Given]:
    """The settings given on the command line, as `{key: text}`.

    Raises:
        KeyUnknown, ValueInvalid: about one of them.
        KeyForbidden: it is a secret; other users of the machine can read command lines.
    """
    given: dict[str, Given] = {}
    for name, text in overrides.items():
        key = _known(name, keys, origin="on the command line")
        if key.info.is_secret:
            raise errors.KeyForbidden(
                name,
                origin="on the command line",
                reason="others on this machine can read command lines",
                hint=f"Set it in the settings file or as {key.env}.",
            )
        value = values.from_text(key, text, origin="on the command line")
        given[name] = Given(value=value, origin="command line")
    return given


def _known(name: str, keys: Mapping[str, Key], *, origin: str) -> Key:
    if name not in keys:
        raise errors.KeyUnknown(name, origin=origin, nearest=find_nearest(name, keys))
    return keys[name]


def _load_toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise errors.FileUnreadable(path, f"is larger than {FILE_BYTES_MAX} bytes")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "Make one with `nova config init`."
        raise errors.FileUnreadable(path, "is not there", hint=hint) from None
    except OSError as error:
        raise errors.FileUnreadable(path, f"can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise errors.FileUnreadable(path, "is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise errors.FileUnreadable(path, f"is not valid TOML: {error}") from None


def _flat(
    document: Mapping[str, Any], *, rooms: set[str], path: Path, keys: Mapping[str, Key]
) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in document.items():
        if name in rooms and isinstance(value, dict):
            pairs += [(f"{name}.{field}", inner) for field, inner in value.items()]
            continue
        if name not in keys:
            nearest = find_nearest(name, [*rooms, *keys])
            raise errors.KeyUnknown(name, origin=f"in {path}", nearest=nearest)
        pairs.append((name, value))
    return pairs
