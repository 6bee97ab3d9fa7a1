"""Prints the description of the HTTP API (OpenAPI, as JSON), made from the routes: no server runs.

The web app's client is generated from it: `tools/web.py client`.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from novacore import bootstrap, gateway, settings

# What depends on the machine and not on the routes.
CHANGING = ("servers",)


def describe() -> dict[str, Any]:
    """The description that `/openapi.json` of a server with default settings holds."""
    with tempfile.TemporaryDirectory() as scratch:
        env = {"HOME": scratch, "NOVA_DATA_DIR": str(Path(scratch) / "data")}
        chosen = settings.load(env=env, workspace=Path(scratch))
        platform = bootstrap.open_platform(chosen, announce=_say_nothing)
        try:
            found = gateway.create_app(platform).api.openapi()
        finally:
            platform.close()
    return {key: value for key, value in found.items() if key not in CHANGING}


def _say_nothing(_line: str) -> None: ...


def text() -> str:
    """The description as the file `web/openapi.json` holds it."""
    return json.dumps(describe(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
