"""`nova mcp`: serve this journal's memory to any agent that speaks MCP."""

import argparse
import asyncio

from novacore import bootstrap
from novacore.adapters import mcp
from novacore.cli.context import open_context
from novacore.cli.exits import DONE

TOKEN_FILE = "mcp-token"  # noqa: S105 - the name of a file, not what is in it


def run(arguments: argparse.Namespace) -> int:
    """Serve on the standard streams, or over HTTP where an address is given."""
    context = open_context(arguments)
    address = mcp.read_address(arguments.http) if arguments.http else None
    with bootstrap.open_store(context.settings) as store:
        tools = mcp.MemoryTools(store, config=context.settings.mcp)
        server = mcp.make_server(tools)
        if address is None:
            asyncio.run(mcp.serve_stdio(server))
            return DONE
        path = context.settings.data_dir / TOKEN_FILE
        token = mcp.make_token(path)

        def ready(url: str) -> None:
            context.console.error(
                f"MCP is served at {url}.",
                hint=f"Clients send `Authorization: Bearer …` with the token in {path}. "
                "Ctrl+C ends it.",
            )

        mcp.serve_http(server, address, token=token, config=context.settings.mcp, ready=ready)
    return DONE
