"""`nova serve`: the web app and the API, until a signal says to stop."""

import argparse
import asyncio
import contextlib
import dataclasses
import sys

from novacore import bootstrap, gateway, settings, workers
from novacore.cli import making_backups
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE

_FLAGS = ("host", "port", "public_url", "tls_cert", "tls_key")


def run(arguments: argparse.Namespace) -> int:
    """Serve; see `gateway.run_server`."""
    given = [
        f"server.{name}={getattr(arguments, name)}"
        for name in _FLAGS
        if getattr(arguments, name) is not None
    ]
    context = open_context(_with(arguments, given))
    with contextlib.ExitStack() as closing:
        listening = gateway.listen(context.settings.server)
        closing.callback(listening.close)
        access = closing.enter_context(
            gateway.logging_to_stderr(as_json=_wants_json(context.settings.server))
        )
        chosen = dataclasses.replace(context.settings, server=listening.config)
        platform = bootstrap.open_platform(
            chosen,
            announce=context.console.line,
            before_upgrade=making_backups.before_upgrade(chosen, context.console),
        )
        closing.callback(platform.close)
        platform.remember_apart()
        closing.enter_context(bootstrap.projecting(chosen))
        closing.enter_context(bootstrap.announced(chosen))
        if chosen.workers.in_server and arguments.role == "all":
            closing.callback(workers.start(platform).stop)
        app = gateway.create_app(
            platform, access=access, more={"workers": lambda: _look_at_workers(platform)}
        )
        gateway.run_server(
            app,
            listening,
            ready=lambda: _say_where(context, listening.config),
            stopping=lambda: context.console.line("Stopping when running answers are finished."),
        )
    return DONE


async def _look_at_workers(platform: bootstrap.Platform) -> gateway.Look:
    """How the work behind the requests stands, for the status."""
    status = await asyncio.to_thread(workers.get_status, platform)
    waits = f"{status.waiting:,} waiting, {status.dead:,} given up"
    if status.state == "ok":
        return gateway.Look(state="operational", text=waits)
    if status.state == "down":
        return gateway.Look(state="down", text=waits)
    if status.state == "degraded":
        return gateway.Look(state="degraded", text=waits)
    return gateway.Look(state="no data")


def _with(arguments: argparse.Namespace, given: list[str]) -> argparse.Namespace:
    """The arguments with our flags as settings, stronger than those of --set."""
    changed = argparse.Namespace(**vars(arguments))
    changed.set_command = [*getattr(arguments, "set_command", []), *given]
    return changed


def _wants_json(config: settings.ServerConfig) -> bool:
    if config.log_format == "auto":
        return not sys.stderr.isatty()
    return config.log_format == "json"


def _say_where(context: Context, config: settings.ServerConfig) -> None:
    place = f" It listens on {config.host}:{config.port}." if config.public_url else ""
    context.console.line(f"{config.name} is at {config.base_url} (Ctrl+C ends it).{place}")
