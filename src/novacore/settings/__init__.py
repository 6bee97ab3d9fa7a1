"""Settings: one place that reads `nova.toml`, `NOVA_*` and flags, and composes the rooms' configs.

The rooms take their frozen config and never look at the environment. Start with `load`; `describe`
lists everything that can be set. A wrong name or value is an error that names its place.
"""

from novacore.settings.config import CLIConfig, MCPConfig, OpsConfig, RootConfig
from novacore.settings.describe import SettingInfo, describe, render_template, write_template
from novacore.settings.errors import (
    FileTaken,
    FileUnreadable,
    KeyForbidden,
    KeyUnknown,
    SettingsError,
    ValueInvalid,
)
from novacore.settings.load import load, wants_debug
from novacore.settings.masking import without_secrets
from novacore.settings.model import FILE_NAME, Settings, ShownSetting, TerminalFacts
from novacore.settings.remote import RemoteConfig
from novacore.settings.serving import ServerConfig
from novacore.settings.working import WorkersConfig

__all__ = [
    "FILE_NAME",
    "CLIConfig",
    "FileTaken",
    "FileUnreadable",
    "KeyForbidden",
    "KeyUnknown",
    "MCPConfig",
    "OpsConfig",
    "RemoteConfig",
    "RootConfig",
    "ServerConfig",
    "SettingInfo",
    "Settings",
    "SettingsError",
    "ShownSetting",
    "TerminalFacts",
    "ValueInvalid",
    "WorkersConfig",
    "describe",
    "load",
    "render_template",
    "wants_debug",
    "without_secrets",
    "write_template",
]
