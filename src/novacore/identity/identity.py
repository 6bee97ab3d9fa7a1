"""The room's one object: accounts, sign-ins, keys, and who is asking."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from novacore import database, kit
from novacore.identity import letters, upkeep
from novacore.identity.accounts import Accounts
from novacore.identity.administration import Administration
from novacore.identity.agents import Agents
from novacore.identity.authentication import Authenticator
from novacore.identity.changes import Changes
from novacore.identity.config import INVITATION, OPEN, Config
from novacore.identity.keys import Keys
from novacore.identity.model import Letter, Principal
from novacore.identity.parts import MINUTE_US, Parts
from novacore.identity.passwords import Passwords
from novacore.identity.sessions import Sessions
from novacore.identity.signing import KeyRing
from novacore.identity.throttle import Throttle
from novacore.identity.vault import Vault

MIGRATIONS: Final = Path(__file__).parent / "migrations"
"""The migrations of this room's tables."""


class Identity:
    """Accounts and all that proves who somebody is. Safe between threads; its calls may wait.

    Args:
        db: where accounts are kept.
        config: limits and times.
        clock: the time.
        vault: the server's secret.
        public_url: how people reach the server; links in letters begin with it.
        is_public: others than this machine can reach it, so registration is by invitation unless
            the settings say otherwise.
    """

    def __init__(
        self,
        db: database.Database,
        *,
        config: Config,
        clock: kit.Clock,
        vault: Vault,
        public_url: str,
        is_public: bool,
    ) -> None:
        registration = config.registration
        if registration == "auto":
            registration = INVITATION if is_public else OPEN
        changes = Changes(db, clock=clock)
        self._parts = Parts(
            database=db,
            config=config,
            clock=clock,
            vault=vault,
            passwords=Passwords(config),
            throttle=Throttle(db, clock=clock),
            changes=changes,
            public_url=public_url.rstrip("/"),
            registration=registration,
        )
        self._ring = KeyRing(
            db,
            clock=clock,
            vault=vault,
            changes=changes,
            issuer=self._parts.public_url,
            overlap_us=config.access_minutes * MINUTE_US,
        )
        self._authenticator = Authenticator(self._parts, ring=self._ring)
        changes.listen(self._authenticator.watch.look_again)
        self.accounts = Accounts(self._parts)
        """What people do with their own accounts."""
        self.sessions = Sessions(self._parts, ring=self._ring)
        """Sign-ins."""
        self.keys = Keys(self._parts)
        """API keys."""
        self.agents = Agents(self._parts)
        """Agents of people."""
        self.administration = Administration(self._parts)
        """What administrators do with the accounts of others."""

    @property
    def registration(self) -> str:
        """Who may register: open, invitation or closed."""
        return self._parts.registration

    @property
    def config(self) -> Config:
        """The limits in force."""
        return self._parts.config

    def find_cached(self, bearer: str) -> Principal | None:
        """The principal of a token or key that this process knows to be good; None: ask
        `authenticate`. It never waits.
        """
        return self._authenticator.find_cached(bearer)

    def authenticate(self, bearer: str) -> Principal:
        """The principal of an access token or API key. What was revoked anywhere is refused here
        within a second.

        Raises:
            CredentialInvalid: it is not good, or not any more.
            DatabaseUnavailable: it can't be told; then nobody comes in.
        """
        return self._authenticator.authenticate(bearer)

    def published_keys(self) -> list[dict[str, Any]]:
        """The public keys that access tokens are checked with, as in a JSON Web Key Set."""
        return self._ring.published()

    def rotate_keys(self) -> str:
        """Sign access tokens with a fresh key; those already out stay good until they run out.

        Returns:
            The fresh key's id.
        """
        return self._ring.rotate()

    def unseal_mail(self, payload: Mapping[str, Any]) -> Letter:
        """A letter of the outbox (kind `mail`) with its secrets; it may be anybody's payload.

        Raises:
            VaultDiffers: another key file sealed them.
        """
        return letters.unseal(self._parts, payload)

    def write_letter(self, row_id: str, payload: Mapping[str, Any]) -> None:
        """Carry out an outbox row of kind `identity.letter`; again is harmless."""
        letters.write(self._parts, row_id, payload=payload)

    def clean_up(self) -> dict[str, int]:
        """Remove what ran out, and replace an old signing key; for a daily task.

        Returns:
            How many rows of each kind went.
        """
        self._authenticator.flush_uses()
        return upkeep.clean_up(self._parts, self._ring)

    def erase_account(self, account_id: str) -> None:
        """Remove every row of a deleted account, after the other rooms did; again is harmless."""
        upkeep.erase(self._parts, account_id)

    def close(self) -> None:
        """Stop looking for changes, and write down which keys were used. Idempotent."""
        self._authenticator.watch.close()
        self._authenticator.flush_uses()
