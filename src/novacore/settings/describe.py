"""All settings as data, for the reference documents and for the template of a settings file."""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from novacore.settings import errors, values
from novacore.settings.keys import list_keys
from novacore.settings.load import ROOMS, folder_may_set


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettingInfo:
    """One setting, as the reference shows it."""

    name: str
    """`room.field`, as in `nova.toml`."""
    room: str
    """The section; empty for the top of the file."""
    env: str
    """The environment variable."""
    kind: str
    """What it expects, in words, with unit and range."""
    unit: str
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    doc: str
    is_secret: bool
    in_folder_file: bool
    """A folder's own `nova.toml` may set it."""

    @property
    def is_limit(self) -> bool:
        """It bounds something: it has a unit and a range."""
        return bool(self.unit) and (self.minimum is not None or self.maximum is not None)


def describe() -> list[SettingInfo]:
    """Every setting of every room, in the order of the settings file."""
    described: list[SettingInfo] = []
    for key in list_keys(ROOMS).values():
        info = key.info
        described.append(
            SettingInfo(
                name=key.name,
                room=key.room,
                env=key.env,
                kind=values.describe_kind(key),
                unit=info.unit,
                default=info.default,
                minimum=info.minimum,
                maximum=info.maximum,
                choices=info.choices,
                doc=info.doc,
                is_secret=info.is_secret,
                in_folder_file=folder_may_set(key),
            )
        )
    return described


def render_template() -> str:
    """The text of a settings file that names every setting, each commented out at its default."""
    return "\n".join(_template_lines()) + "\n"


def write_template(path: Path) -> None:
    """Write `render_template` to a new file that only its owner can read.

    Raises:
        FileTaken: there is something at `path`; it is left alone.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise errors.FileTaken(path) from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(render_template())


def _template_lines() -> Iterator[str]:
    yield "# Settings of NovaCore. Remove the # before a line to change it; `nova config check`"
    yield "# says whether the file is right, `nova config show --origin` what holds and why."
    room = ""
    for info in describe():
        if info.name == "data_dir":
            continue
        if info.room != room:
            room = info.room
            yield ""
            yield f"[{room}]"
        yield ""
        yield f"# {info.doc} Expected: {info.kind}."
        yield f"# {info.name.rsplit('.', 1)[-1]} = {_toml(info.default)}"


def _toml(value: Any) -> str:
    if value is None:
        return '""'
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
