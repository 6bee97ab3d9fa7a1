"""Which methods an address takes, over all routes that share it: what `Allow` has to say."""

import re
from collections.abc import Iterable

import fastapi
from starlette.routing import Route


class MethodTable:
    """The methods of every path that the routers serve.

    Args:
        routers: those of the app; a route for every path that is left counts for none.
    """

    def __init__(self, routers: Iterable[fastapi.APIRouter]) -> None:
        self._known: list[tuple[re.Pattern[str], frozenset[str]]] = []
        for router in routers:
            for route in router.routes:
                if isinstance(route, Route) and not route.path.startswith("/{"):
                    self._known.append((route.path_regex, frozenset(route.methods or ())))

    def allowed(self, path: str) -> str:
        """The methods of this path, as the header Allow has them; empty: no route serves it."""
        found: set[str] = set()
        for pattern, methods in self._known:
            if pattern.match(path):
                found |= methods
        return ", ".join(sorted(found))
