"""What `load` gives: every room's config, frozen, with the origin of each value."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from novacore import agent, billing, chat, database, identity, journal, llm, mail, memory, tiers
from novacore.settings import values
from novacore.settings.config import CLIConfig, MCPConfig, OpsConfig
from novacore.settings.keys import Key
from novacore.settings.remote import RemoteConfig
from novacore.settings.serving import ServerConfig
from novacore.settings.working import WorkersConfig

DEFAULT_ORIGIN = "default"
FILE_NAME = "nova.toml"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TerminalFacts:
    """What the environment says about the terminal."""

    no_color: bool = False
    """NO_COLOR is set and not empty."""
    is_dumb: bool = False
    """TERM is `dumb`: no cursor movement, no colour."""
    shell: str = ""
    """The name of the user's shell, for completion; empty when unknown."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownSetting:
    """One line of `nova config show`."""

    name: str
    value: Any
    """JSON-like; a secret is only said to be set or not."""
    shown: str
    origin: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, composed. Secrets are left out of its repr."""

    data_dir: Path
    """Absolute; may not exist yet."""
    workspace: Path
    """The folder that the agent works in; absolute."""
    store: str
    """journal or json."""
    database_url: str = dataclasses.field(repr=False)
    """Where the journal is on PostgreSQL; empty: SQLite in the data directory."""
    server_url: str
    """The NovaCore server that holds the sessions; empty: they are here."""
    server_key: str = dataclasses.field(repr=False)
    """The API key for it."""
    server_key_file: str
    """A file that holds the key; empty: `server_key` does."""
    models: Mapping[str, Any] | None = dataclasses.field(repr=False)
    """The `[models.NAME]` tables; None: there are none."""
    debug: bool
    journal: journal.Config
    ops: OpsConfig
    server: ServerConfig
    database: database.Config
    identity: identity.Config
    billing: billing.Config
    chat: chat.Config
    mail: mail.Config
    workers: WorkersConfig
    remote: RemoteConfig
    embedding: llm.EmbeddingConfig
    relay: llm.RelayConfig
    llm: llm.Config
    agent: agent.Config
    tiers: tiers.Config
    recall: memory.RecallConfig
    memory: memory.Config
    cli: CLIConfig
    mcp: MCPConfig
    vendor_keys: Mapping[str, str] = dataclasses.field(repr=False)
    """API keys under their vendors' usual names, as ANTHROPIC_API_KEY; only those that are set."""
    terminal: TerminalFacts
    files: tuple[Path, ...]
    """The settings files that were read, weakest first."""
    _keys: Mapping[str, Key] = dataclasses.field(repr=False)
    _origins: Mapping[str, str] = dataclasses.field(repr=False)

    @property
    def user_file(self) -> Path:
        """The user's settings file, whether it is there or not."""
        return self.data_dir / FILE_NAME

    def origin(self, key: str) -> str:
        """Where the value of `key` came from: default, a file, a variable, the command line.

        Raises:
            KeyError: there is no such setting.
        """
        return self._origins.get(self._keys[key].name, DEFAULT_ORIGIN)

    def value(self, key: str) -> Any:
        """The value of `key`, secrets too.

        Raises:
            KeyError: there is no such setting.
        """
        known = self._keys[key]
        owner = getattr(self, known.room) if known.room else self
        return getattr(owner, known.info.name)

    def list_shown(self) -> Iterator[ShownSetting]:
        """Every setting in order, secrets masked."""
        for name, key in self._keys.items():
            value = self.value(name)
            shown = values.show(key, value)
            plain = str(value) if isinstance(value, Path) else value
            yield ShownSetting(
                name=name,
                value=shown if key.info.is_secret else plain,
                shown=shown,
                origin=self.origin(name),
            )
