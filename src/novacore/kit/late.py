"""Front doors whose rooms are loaded when a name of theirs is first asked for."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def late_names(package: str, places: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a front door that loads its modules late.

    For rooms that stand on heavy libraries: settings know their `Config`, and a terminal command
    that reads it must not pay for a server. The door imports the same names under TYPE_CHECKING,
    so that type checkers and the import contracts see through it.

    Args:
        package: the door's `__name__`.
        places: the names by the module that has them, named within the package.

    Raises:
        ValueError: a name stands in two modules.
    """
    module_of: dict[str, str] = {}
    for module, names in places.items():
        for name in names:
            if module_of.setdefault(name, module) != module:
                raise ValueError(f"{name} stands in {module_of[name]} and in {module}.")

    def get(name: str) -> Any:
        module = module_of.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{module}"), name)
        # Asked for once: from now on it is found without us.
        setattr(sys.modules[package], name, value)
        return value

    return get
