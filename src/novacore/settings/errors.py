"""What can be wrong with settings.

NovaError
└── SettingsError
    ├── FileUnreadable   a settings file that was named is missing, locked, or no TOML
    ├── FileTaken        there is a settings file already where one should be written
    ├── KeyUnknown       a name that no setting has
    ├── KeyForbidden     a known name in a place that may not set it
    └── ValueInvalid     a value that the setting can't have
"""

from pathlib import Path

from novacore import kit


class SettingsError(kit.NovaError):
    """The settings can't be used."""


class FileUnreadable(SettingsError):
    """A settings file can't be read."""

    def __init__(self, path: Path, reason: str, *, hint: str = "") -> None:
        super().__init__(f"The settings file {path} {reason}.", hint=hint)
        self.path = path
        self.reason = reason


class FileTaken(SettingsError):
    """There is a settings file already."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The settings file {path} is there already.",
            hint="Edit it, or move it away first: nothing was changed.",
        )
        self.path = path


class KeyUnknown(SettingsError):
    """A setting of this name does not exist."""

    def __init__(self, key: str, *, origin: str, nearest: str = "") -> None:
        hint = f"Did you mean {nearest}?" if nearest else "See `nova config show` for all names."
        super().__init__(f"There is no setting {key} ({origin}).", hint=hint)
        self.key = key
        self.origin = origin
        self.nearest = nearest


class KeyForbidden(SettingsError):
    """A setting may not be set in this place."""

    def __init__(self, key: str, *, origin: str, reason: str, hint: str) -> None:
        super().__init__(f"{key} can't be set here ({origin}): {reason}.", hint=hint)
        self.key = key
        self.origin = origin


class ValueInvalid(SettingsError):
    """A setting has a value that it can't have."""

    def __init__(self, key: str, *, shown: str, expected: str, origin: str, hint: str = "") -> None:
        super().__init__(f"{key} is {shown} ({origin}); expected {expected}.", hint=hint)
        self.key = key
        self.shown = shown
        self.expected = expected
        self.origin = origin
