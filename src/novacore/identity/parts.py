"""What the parts of this room share, put together once by `Identity`."""

import dataclasses
from urllib.parse import urlencode

from novacore import database, kit
from novacore.identity.changes import Changes
from novacore.identity.config import Config
from novacore.identity.passwords import Passwords
from novacore.identity.throttle import Throttle
from novacore.identity.vault import Vault

MINUTE_US = 60 * 1_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """Where accounts are kept, the time, the secrets, the limits."""

    database: database.Database
    config: Config
    clock: kit.Clock
    vault: Vault
    passwords: Passwords
    throttle: Throttle
    changes: Changes
    public_url: str
    """How people reach the server, without a slash at the end."""
    registration: str
    """open, invitation or closed."""

    def now_us(self) -> int:
        """The time, µs UTC."""
        return self.clock.now_us()

    def new_id(self) -> str:
        """A fresh id."""
        return str(kit.new_id(self.clock))

    def link(self, path: str, **query: str) -> str:
        """An address of the web app."""
        return f"{self.public_url}{path}" + (f"?{urlencode(query)}" if query else "")
