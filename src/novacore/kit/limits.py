"""Settings and limits: each has a name, a unit, a default, a range and a sentence that explains it.

A room's `config.py` makes its fields with `setting(...)` and calls `check(self)` when constructed.
The settings room and the reference documents read the same fields back with `limits_of`.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from novacore.kit.errors import NovaError

_KEY = "novacore"


class SettingInvalid(NovaError):
    """A setting has a value that it can't have."""

    def __init__(self, message: str, *, name: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.name = name


@dataclasses.dataclass(frozen=True, kw_only=True)
class LimitInfo:
    """What is known about one field of a config dataclass."""

    name: str
    """The field's name, without the room."""
    default: Any
    """The value where none is set."""
    unit: str
    """ms, bytes, tokens, entries …; empty where the value has none."""
    minimum: float | None
    """The smallest allowed value; None: no lower bound."""
    maximum: float | None
    """The largest allowed value; None: no upper bound."""
    choices: tuple[str, ...]
    """The allowed words; empty: any."""
    doc: str
    """One sentence for the reader of the reference."""
    is_secret: bool
    """True: never printed."""


def setting(
    default: Any,
    *,
    doc: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """A dataclass field that knows its unit, range and meaning. Secrets are left out of `repr`."""
    facts = {
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "doc": doc,
        "is_secret": secret,
    }
    return dataclasses.field(default=default, repr=not secret, metadata={_KEY: facts})


def limits_of(config: Any) -> Iterator[LimitInfo]:
    """The fields of a config class or instance that were made with `setting`, in order."""
    for field in dataclasses.fields(config):
        facts = field.metadata.get(_KEY)
        if facts is not None:
            yield LimitInfo(name=field.name, default=field.default, **facts)


def check(config: Any) -> None:
    """Compare every field with its range and choices.

    Raises:
        SettingInvalid: names the field, the value, and what was expected.
    """
    for info in limits_of(config):
        value = getattr(config, info.name)
        if info.choices and value not in info.choices:
            raise _invalid(info, value, "one of " + ", ".join(info.choices))
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        unit = f" {info.unit}" if info.unit else ""
        if info.minimum is not None and value < info.minimum:
            raise _invalid(info, value, f"at least {info.minimum}{unit}")
        if info.maximum is not None and value > info.maximum:
            raise _invalid(info, value, f"at most {info.maximum}{unit}")


def _invalid(info: LimitInfo, value: object, expected: str) -> SettingInvalid:
    shown = "the given value" if info.is_secret else repr(value)
    return SettingInvalid(
        f"{info.name} is {shown}; expected {expected}.", name=info.name, hint=info.doc
    )
