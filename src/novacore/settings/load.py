"""Reads the environment once and composes every room's config.

Weakest first: defaults, the user's file (`<data-dir>/nova.toml`), the folder's file
(`./nova.toml`, a few harmless settings only), `NOVA_*` variables, flags. A file that is named by
`--config` or NOVA_CONFIG stands in the place of both other files.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from novacore import (
    agent,
    billing,
    chat,
    database,
    identity,
    journal,
    kit,
    llm,
    mail,
    memory,
    tiers,
)
from novacore.settings import errors, sources
from novacore.settings.config import CLIConfig, MCPConfig, OpsConfig, RootConfig
from novacore.settings.keys import ENV_CONFIG, ENV_PREFIX, Key, list_keys
from novacore.settings.model import DEFAULT_ORIGIN, FILE_NAME, Settings, TerminalFacts
from novacore.settings.remote import RemoteConfig
from novacore.settings.serving import ServerConfig
from novacore.settings.sources import Given
from novacore.settings.working import WorkersConfig

ROOMS: Mapping[str, type] = {
    "": RootConfig,
    "llm": llm.Config,
    "relay": llm.RelayConfig,
    "agent": agent.Config,
    "cli": CLIConfig,
    "journal": journal.Config,
    "ops": OpsConfig,
    "server": ServerConfig,
    "database": database.Config,
    "identity": identity.Config,
    "billing": billing.Config,
    "chat": chat.Config,
    "mail": mail.Config,
    "workers": WorkersConfig,
    "remote": RemoteConfig,
    "tiers": tiers.Config,
    "embedding": llm.EmbeddingConfig,
    "memory": memory.Config,
    "recall": memory.RecallConfig,
    "mcp": MCPConfig,
}
VENDOR_KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "MINIMAX_API_KEY")

_FOLDER_ADDS = ("agent.permissions_ask", "agent.permissions_deny")
"""Set by a folder's file, these are added to what the user has: they only ever tighten."""
_FOLDER_KEYS = ("llm.model", "agent.skipped_folders", *_FOLDER_ADDS)
_FOLDER_ROOMS = ("cli",)


def load(
    path: str | Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    workspace: str | Path | None = None,
) -> Settings:
    """The settings that hold for this process, checked.

    Nothing is created and no network is used; the environment is read once, here.

    Args:
        path: a settings file that is used instead of the user's and the folder's; it must exist.
            None: the one that NOVA_CONFIG names, if any.
        env: the environment. None: that of this process.
        overrides: flags, `{"llm.model": "text"}`; they win over everything.
        workspace: the folder that the agent works in. None: the current one.

    Raises:
        SettingsError: names the setting, its value, what was expected and where it was set.
    """
    env = dict(os.environ) if env is None else env
    keys = list_keys(ROOMS)
    folder = Path(workspace or ".").expanduser().resolve()
    strong = sources.from_environment(env, keys) | sources.from_flags(overrides or {}, keys)
    weak, files = _from_files(
        path or env.get(ENV_CONFIG), strong, keys=keys, env=env, folder=folder
    )
    given = weak | strong
    configs = {room: _compose(config, room, given) for room, config in ROOMS.items()}
    root = configs[""]
    return Settings(
        data_dir=_data_dir(given, env),
        workspace=folder,
        store=root.store,
        database_url=root.database_url,
        server_url=root.server_url,
        server_key=root.server_key,
        server_key_file=root.server_key_file,
        models=root.models,
        debug=root.debug,
        journal=configs["journal"],
        ops=configs["ops"],
        server=configs["server"],
        database=configs["database"],
        identity=configs["identity"],
        billing=configs["billing"],
        chat=configs["chat"],
        mail=configs["mail"],
        workers=configs["workers"],
        remote=configs["remote"],
        llm=configs["llm"],
        relay=configs["relay"],
        agent=configs["agent"],
        tiers=configs["tiers"],
        embedding=configs["embedding"],
        memory=configs["memory"],
        recall=configs["recall"],
        cli=configs["cli"],
        mcp=configs["mcp"],
        vendor_keys={name: env[name].strip() for name in VENDOR_KEYS if env.get(name, "").strip()},
        terminal=_terminal(env),
        files=files,
        _keys=keys,
        _origins={name: each.origin for name, each in given.items()},
    )


def wants_debug(env: Mapping[str, str] | None = None) -> bool:
    """Whether NOVA_DEBUG asks for details of errors; works where the settings are wrong."""
    env = os.environ if env is None else env
    return env.get(f"{ENV_PREFIX}DEBUG", "").strip().lower() not in ("", "0", "false", "no", "off")


def folder_may_set(key: Key) -> bool:
    """Whether the `nova.toml` of a folder may set this: it can come with a copied folder, so it
    may not name a secret, an address, a place for data, or loosen what an agent may do.
    """
    return key.name in _FOLDER_KEYS or key.room in _FOLDER_ROOMS


def _from_files(
    named: str | Path | None,
    strong: Mapping[str, Given],
    *,
    keys: Mapping[str, Key],
    env: Mapping[str, str],
    folder: Path,
) -> tuple[dict[str, Given], tuple[Path, ...]]:
    if named:
        path = _expanded(str(named), env).absolute()
        return sources.from_file(path, keys), (path,)
    user, local = _data_dir(strong, env) / FILE_NAME, folder / FILE_NAME
    given: dict[str, Given] = {}
    files: list[Path] = []
    if user.exists():
        given |= sources.from_file(user, keys, guard=_guard_user)
        files.append(user)
    if local.exists() and local.absolute() != user.absolute():
        given = _with_folder(given, sources.from_file(local, keys, guard=_guard_folder))
        files.append(local)
    return given, tuple(files)


def _with_folder(given: Mapping[str, Given], folder: Mapping[str, Given]) -> dict[str, Given]:
    merged = {**given, **folder}
    for name in _FOLDER_ADDS:
        if name in given and name in folder:
            both = given[name].value + folder[name].value
            origin = f"{given[name].origin}, and {folder[name].origin}"
            merged[name] = Given(value=both, origin=origin)
    return merged


def _guard_user(key: Key, _value: Any, origin: str) -> None:
    if key.name == "data_dir":
        raise errors.KeyForbidden(
            key.name,
            origin=origin,
            reason="this file is found by it",
            hint=f"Use --data-dir or {key.env}.",
        )


def _guard_folder(key: Key, _value: Any, origin: str) -> None:
    if not folder_may_set(key):
        raise errors.KeyForbidden(
            key.name,
            origin=origin,
            reason="a folder's file can come from somebody else, so it may not set this",
            hint=f"Put it in your own settings file, or name this one with --config or {ENV_CONFIG}"
            " if you trust it.",
        )


def _compose(config: type, room: str, given: Mapping[str, Given]) -> Any:
    prefix = f"{room}." if room else ""
    names = [info.name for info in kit.limits_of(config)]
    chosen = {name: given[prefix + name].value for name in names if prefix + name in given}
    try:
        return config(**chosen)
    except kit.SettingInvalid as error:
        key = prefix + error.name
        origin = given[key].origin if key in given else DEFAULT_ORIGIN
        raise errors.SettingsError(
            f"{prefix}{error.message} ({origin})", hint=error.hint
        ) from error


def _data_dir(given: Mapping[str, Given], env: Mapping[str, str]) -> Path:
    written = given["data_dir"].value if "data_dir" in given else RootConfig().data_dir
    return _expanded(written, env).absolute()


def _expanded(path: str, env: Mapping[str, str]) -> Path:
    if path == "~" or path.startswith("~/"):
        home = env.get("HOME") or str(Path.home())
        return Path(home) / path[2:]
    return Path(path)


def _terminal(env: Mapping[str, str]) -> TerminalFacts:
    return TerminalFacts(
        no_color=bool(env.get("NO_COLOR")),
        is_dumb=env.get("TERM", "") == "dumb",
        shell=Path(env.get("SHELL", "")).name,
    )
