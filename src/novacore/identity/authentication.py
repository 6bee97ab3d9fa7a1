"""Who is asking: tokens and keys as principals, remembered so that a request costs microseconds."""

import dataclasses
import hashlib
import threading
from typing import Final, cast

import sqlalchemy

from novacore import database
from novacore.identity import tokens
from novacore.identity.changes import EVERYBODY, Watch
from novacore.identity.errors import CredentialInvalid
from novacore.identity.model import ADMIN, SCOPES, Principal, Role
from novacore.identity.parts import DAY_US, MINUTE_US, Parts
from novacore.identity.records import limits_of, scopes_of
from novacore.identity.signing import KeyRing
from novacore.identity.tables import ACCOUNT, KEY, SESSION

_FOREVER_US: Final = 1 << 62
_BEARER_MAX: Final = 4_096


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until_us: int


class Authenticator:
    """Looks up tokens and keys, and remembers them until they run out or something changed."""

    def __init__(self, parts: Parts, *, ring: KeyRing) -> None:
        self._parts = parts
        self._ring = ring
        self._known: dict[bytes, _Known] = {}
        self._used: dict[str, int] = {}
        self._flushed_at_us = 0
        self._lock = threading.Lock()
        self.watch = Watch(parts.database, clock=parts.clock, forget=self._forget, tend=self._tend)

    def find_cached(self, bearer: str) -> Principal | None:
        """The principal of a token or key that this process knows to be good now; else None.

        It never waits and reads no database, so an event loop may call it.
        """
        known = self._known.get(_digest(bearer))
        if known is None or not self.watch.is_fresh:
            return None
        now_us = self._parts.clock.now_us()
        if known.until_us <= now_us:
            return None
        key_id = known.principal.key_id
        if key_id is not None:
            self._used[key_id] = now_us
        return known.principal

    def authenticate(self, bearer: str) -> Principal:
        """The principal of a token or key.

        Raises:
            CredentialInvalid: it is not good, or not any more.
            DatabaseUnavailable: it can't be told; then nobody comes in.
        """
        self.watch.start()
        if not self.watch.is_fresh:
            self.watch.look()
        found = self.find_cached(bearer)
        if found is not None:
            return found
        if len(bearer) > _BEARER_MAX or not bearer.isascii():
            raise CredentialInvalid
        generation = self.watch.generation
        known = self._by_key(bearer) if tokens.is_key(bearer) else self._by_token(bearer)
        self._remember(_digest(bearer), known, generation=generation)
        return known.principal

    def flush_uses(self) -> None:
        """Write down when keys were used last; what can't be written now is kept for later."""
        self._flushed_at_us = self._parts.now_us()
        used, self._used = self._used, {}
        if not used:
            return
        try:
            with self._parts.database.begin() as connection:
                for key_id, at_us in sorted(used.items()):
                    is_later = KEY.c.last_used_at_us.is_(None) | (KEY.c.last_used_at_us < at_us)
                    connection.execute(
                        KEY.update()
                        .where(KEY.c.id == key_id, is_later)
                        .values(last_used_at_us=at_us)
                    )
        except database.DatabaseError:
            self._used = {**used, **self._used}
            raise

    def _tend(self) -> None:
        if self._parts.now_us() - self._flushed_at_us >= MINUTE_US:
            self.flush_uses()

    def _by_token(self, bearer: str) -> _Known:
        if bearer.count(".") != 2:
            raise CredentialInvalid
        claims = self._ring.check(bearer)
        parts = self._parts
        now_us = parts.now_us()
        with parts.database.read() as connection:
            row = connection.execute(
                sqlalchemy.select(ACCOUNT, SESSION.c.expires_at_us)
                .select_from(SESSION.join(ACCOUNT, ACCOUNT.c.id == SESSION.c.account_id))
                .where(
                    SESSION.c.id == str(claims.get("sid")),
                    SESSION.c.account_id == str(claims.get("sub")),
                    SESSION.c.ended_at_us.is_(None),
                    SESSION.c.expires_at_us > now_us,
                    SESSION.c.last_used_at_us > now_us - parts.config.session_idle_days * DAY_US,
                    ACCOUNT.c.is_disabled.is_(False),
                    ACCOUNT.c.deleted_at_us.is_(None),
                )
            ).first()
        if row is None:
            raise CredentialInvalid
        principal = Principal(
            account_id=row.id,
            email=row.email,
            role=cast("Role", row.role),
            is_verified=row.is_verified,
            session_id=str(claims["sid"]),
            scopes=SCOPES if row.role == "admin" else SCOPES - {ADMIN},
        )
        return _Known(principal, min(int(claims["exp"]) * 1_000_000, row.expires_at_us))

    def _by_key(self, bearer: str) -> _Known:
        now_us = self._parts.now_us()
        with self._parts.database.read() as connection:
            row = connection.execute(
                _BY_KEY.where(
                    KEY.c.digest == tokens.digest(bearer),
                    KEY.c.expires_at_us.is_(None) | (KEY.c.expires_at_us > now_us),
                )
            ).first()
        if row is None or (row.owner_id is not None and not row.is_owner_good):
            raise CredentialInvalid
        self._used[row.id] = now_us
        scopes = frozenset(scopes_of(row.scopes))
        principal = Principal(
            account_id=row.account_id,
            email=row.email,
            role=cast("Role", row.role),
            is_verified=row.is_verified if row.owner_id is None else row.is_owner_verified,
            owner_id=row.owner_id,
            key_id=row.id,
            scopes=scopes if row.role == "admin" else scopes - {ADMIN},
            limits=limits_of(row),
        )
        return _Known(principal, row.expires_at_us or _FOREVER_US)

    def _remember(self, digest: bytes, known: _Known, *, generation: int | None) -> None:
        most = self._parts.config.cache_tokens_max
        with self._lock:
            # What changed after we read may have been forgotten already: then this is too old.
            if self.watch.generation != generation or most == 0:
                return
            while len(self._known) >= most:
                del self._known[next(iter(self._known))]
            self._known[digest] = known

    def _forget(self, changed: frozenset[str]) -> None:
        with self._lock:
            if EVERYBODY in changed:
                self._known = {}
                self._ring.forget()
                return
            self._known = {
                digest: known
                for digest, known in self._known.items()
                if known.principal.account_id not in changed
                and known.principal.owner_id not in changed
            }


_OWNER: Final = ACCOUNT.alias("owner")

_BY_KEY: Final = (
    sqlalchemy.select(
        KEY,
        ACCOUNT.c.email,
        ACCOUNT.c.role,
        ACCOUNT.c.is_verified,
        ACCOUNT.c.owner_id,
        _OWNER.c.is_verified.label("is_owner_verified"),
        (_OWNER.c.is_disabled.is_(False) & _OWNER.c.deleted_at_us.is_(None)).label("is_owner_good"),
    )
    .select_from(
        KEY.join(ACCOUNT, ACCOUNT.c.id == KEY.c.account_id).outerjoin(
            _OWNER, _OWNER.c.id == ACCOUNT.c.owner_id
        )
    )
    .where(
        KEY.c.revoked_at_us.is_(None),
        ACCOUNT.c.is_disabled.is_(False),
        ACCOUNT.c.deleted_at_us.is_(None),
    )
)


def _digest(bearer: str) -> bytes:
    """What is remembered instead of the secret."""
    return hashlib.sha256(bearer.encode("utf-8", "surrogatepass")).digest()
