"""Values of other frameworks as the JSON that the journal keeps."""

from collections.abc import Mapping, Sequence
from typing import Any, cast


def plain(value: Any) -> Any:
    """A value as JSON has it: tuples as lists, mappings as objects, models as what they hold.

    What JSON can't hold passes unchanged; the journal refuses it and names the place.
    """
    if isinstance(value, list | tuple):
        return [plain(each) for each in cast(Sequence[Any], value)]
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in cast(Mapping[Any, Any], value).items()}
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return plain(dump(mode="json", exclude_unset=True))
    return value
