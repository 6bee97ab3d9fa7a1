"""The MCP server: a journal's memory as tools for any agent that speaks MCP.

`make_server` builds it; `serve_stdio` and `serve_http` run it, on the official SDK.
"""

from novacore.adapters.errors import ExtraMissing

try:
    import mcp.server  # noqa: F401 - the SDK, before our door to it is opened
except ModuleNotFoundError as error:
    raise ExtraMissing("mcp", module=error.name) from error

from novacore.adapters.mcp.http import Address, read_address, serve_http
from novacore.adapters.mcp.server import make_server, serve_stdio
from novacore.adapters.mcp.token import make_token
from novacore.adapters.mcp.tools import MemoryTools

__all__ = [
    "Address",
    "MemoryTools",
    "make_server",
    "make_token",
    "read_address",
    "serve_http",
    "serve_stdio",
]
