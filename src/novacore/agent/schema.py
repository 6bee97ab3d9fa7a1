"""Checks a call's arguments against its tool's JSON schema, and says in words what doesn't fit.

The part of JSON Schema that tool descriptions use: type, properties, required,
additionalProperties, items, enum, minimum, maximum, minLength, maxLength, minItems, maxItems.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

_TYPES: Final[Mapping[str, tuple[type[Any], ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (Mapping,),
    "null": (type(None),),
}
_SIZES: Final = (
    ("minLength", "maxLength", "characters", str),
    ("minItems", "maxItems", "items", list),
)
_KNOWN: Final = frozenset(
    {
        "additionalProperties",
        "default",
        "description",
        "enum",
        "examples",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "properties",
        "required",
        "title",
        "type",
    }
)
_SHOWN_CHARACTERS_MAX = 80


def unknown_words(schema: Mapping[str, Any]) -> list[str]:
    """The words of a schema that `problems` does not check, sorted; empty: all are checked."""
    found = {word for word in schema if word not in _KNOWN}
    for inner in cast(Mapping[str, Any], schema.get("properties", {})).values():
        found.update(unknown_words(inner))
    if isinstance(schema.get("items"), Mapping):
        found.update(unknown_words(schema["items"]))
    return sorted(found)


def problems(value: object, schema: Mapping[str, Any], *, path: str = "") -> list[str]:
    """What is wrong with `value`, one sentence each; empty: it fits."""
    name = f'"{path}"' if path else "the arguments"
    wanted = _wanted_types(schema)
    if wanted and not any(_is(value, each) for each in wanted):
        return [f"{name} must be {' or '.join(wanted)}, not {_shown(value)}"]
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(repr(each) for each in schema["enum"])
        return [f"{name} must be one of {choices}, not {_shown(value)}"]
    found = _out_of_bounds(value, schema, name=name)
    if isinstance(value, Mapping):
        found += _object_problems(cast(Mapping[str, Any], value), schema, path=path)
    if isinstance(value, list | tuple) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(cast(Sequence[object], value)):
            found += problems(item, schema["items"], path=f"{path}[{index}]")
    return found


def _wanted_types(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return kind not in _TYPES or isinstance(value, _TYPES[kind])


def _out_of_bounds(value: object, schema: Mapping[str, Any], *, name: str) -> list[str]:
    found: list[str] = []
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            found.append(f"{name} must be at least {schema['minimum']}, not {value}")
        if value > schema.get("maximum", value):
            found.append(f"{name} must be at most {schema['maximum']}, not {value}")
    for low, high, unit, kind in _SIZES:
        if isinstance(value, kind):
            size = len(cast(Sequence[object], value))
            if size < schema.get(low, 0):
                found.append(f"{name} must have at least {schema[low]} {unit}, not {size}")
            if size > schema.get(high, size):
                found.append(f"{name} must have at most {schema[high]} {unit}, not {size}")
    return found


def _object_problems(
    value: Mapping[str, Any], schema: Mapping[str, Any], *, path: str
) -> list[str]:
    inner = cast(Mapping[str, Mapping[str, Any]], schema.get("properties", {}))
    found = [f'"{name}" is missing' for name in schema.get("required", ()) if name not in value]
    for name, item in value.items():
        where = f"{path}.{name}" if path else name
        if name in inner:
            found += problems(item, inner[name], path=where)
        elif schema.get("additionalProperties") is False:
            known = ", ".join(inner) or "none"
            found.append(f'"{where}" is unknown (there are: {known})')
    return found


def _shown(value: object) -> str:
    text = repr(value)
    if len(text) > _SHOWN_CHARACTERS_MAX:
        text = text[:_SHOWN_CHARACTERS_MAX] + "…"
    return text
