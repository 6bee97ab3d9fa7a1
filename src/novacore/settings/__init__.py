"""Settings: one place that reads `nova.toml`, `NOVA_*` and flags, and composes the rooms' configs.

The rooms take their frozen config and never look at the environment. Start with `load`; `describe`
lists everything that can be set. A wrong name or value is an error that names its place.
"""

from novacore.settings.config import CLIConfig, MCPConfig, RootConfig
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
from novacore.settings.model import Settings, ShownSetting, TerminalFacts

__all__ = [
    "CLIConfig",
    "FileTaken",
    "FileUnreadable",
    "KeyForbidden",
    "KeyUnknown",
    "MCPConfig",
    "RootConfig",
    "SettingInfo",
    "Settings",
    "SettingsError",
    "ShownSetting",
    "TerminalFacts",
    "ValueInvalid",
    "describe",
    "load",
    "render_template",
    "wants_debug",
    "write_template",
]
