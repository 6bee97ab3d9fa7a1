"""What can go wrong in a tier.

NovaError
└── TierError
    ├── TierUnavailable   UNAVAILABLE  the engine does not answer; the tier lags, nothing is lost
    ├── ItemRefused       REFUSED      the engine can't take an item; it is set aside
    ├── TierCorrupt       CORRUPT      what the tier holds can't be read; a rebuild heals it
    ├── TierUnknown       REFUSED      there is no tier or engine of that name
    └── EngineMissing     REFUSED      the engine's library is not installed
"""

from novacore.kit import ErrorKind, NovaError


class TierError(NovaError):
    """Something about a tier."""

    kind = ErrorKind.REFUSED


class TierUnavailable(TierError):
    """The tier's engine does not answer; the tier lags behind until it does."""

    kind = ErrorKind.UNAVAILABLE


class ItemRefused(TierError):
    """The tier's engine can't take an item. `keys` names those that are known to be at fault."""

    def __init__(
        self, message: str, *, keys: tuple[tuple[str, str, int, str], ...] = (), hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.keys = keys


class TierCorrupt(TierError):
    """What the tier holds can't be read."""

    kind = ErrorKind.CORRUPT


class TierUnknown(TierError):
    """There is no tier or engine of that name."""


class EngineMissing(TierError):
    """The engine's library is not installed."""
