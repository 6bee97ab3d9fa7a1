"""The keys that sign access tokens: Ed25519, several at once, so that one can replace another.

They live in the database, the secret half sealed, so all servers sign and check with the same ones
and a rotation is one transaction. The newest signs; the others are accepted until they retire.
"""

import threading
from collections.abc import Mapping
from typing import Any, Final, cast

import sqlalchemy
from joserfc import jwk, jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry

from novacore import database, kit
from novacore.identity.changes import EVERYBODY, Changes
from novacore.identity.errors import CredentialInvalid, VaultDiffers
from novacore.identity.tables import SIGNING_KEY
from novacore.identity.vault import Vault

ALGORITHM: Final = "EdDSA"
AUDIENCE: Final = "novacore-api"
_TYPE: Final = "at+jwt"
_PURPOSE: Final = "signing key"
_RELOAD_EVERY_S: Final = 1.0


class _Registry(JWSRegistry):
    """One algorithm and no other. joserfc warns of its name, which RFC 9864 would have replaced by
    one that few libraries know yet; with Ed25519 keys alone both mean the same.
    """

    def get_alg(self, name: str) -> Any:
        """EdDSA."""
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_REGISTRY: Final = _Registry(algorithms=[ALGORITHM])


class KeyRing:
    """Signs and checks access tokens. Safe between threads.

    Args:
        db: where the keys are.
        clock: the time.
        vault: seals the secret halves.
        changes: tells other processes of a fresh key.
        issuer: who says that the tokens are ours.
        overlap_us: how long a replaced key is still accepted: as long as a token lives.
    """

    def __init__(
        self,
        db: database.Database,
        *,
        clock: kit.Clock,
        vault: Vault,
        changes: Changes,
        issuer: str,
        overlap_us: int,
    ) -> None:
        self._database = db
        self._clock = clock
        self._vault = vault
        self._changes = changes
        self._issuer = issuer
        self._overlap_us = overlap_us
        self._lock = threading.Lock()
        self._version = 0
        self._public: Mapping[str, jwk.OKPKey] = {}
        self._signer: jwk.OKPKey | None = None
        self._loaded_at_s: float | None = None

    def sign(self, claims: Mapping[str, Any], *, lives_s: int) -> str:
        """A token with these claims, good from now for `lives_s`.

        Raises:
            VaultDiffers: the newest key was sealed by another key file.
        """
        signer = self._signer or self._load(makes=True)
        now_s = self._clock.now_us() // 1_000_000
        times = {"iat": now_s, "exp": now_s + lives_s}
        return jwt.encode(
            {"alg": ALGORITHM, "kid": str(signer.kid), "typ": _TYPE},
            {"iss": self._issuer, "aud": AUDIENCE, **times, **claims},
            signer,
            registry=_REGISTRY,
        )

    def check(self, token: str) -> dict[str, Any]:
        """The claims of a token that is ours and good now.

        Raises:
            CredentialInvalid: it is not.
        """
        try:
            found = jwt.decode(token, self._key_of, registry=_REGISTRY)
        except (JoseError, ValueError) as error:
            raise CredentialInvalid from error
        claims = found.claims
        expires_s = claims.get("exp")
        is_ours = claims.get("iss") == self._issuer and claims.get("aud") == AUDIENCE
        if not is_ours or found.header.get("typ") != _TYPE or not isinstance(expires_s, int):
            raise CredentialInvalid
        if expires_s * 1_000_000 <= self._clock.now_us():
            raise CredentialInvalid
        return claims

    def rotate(self) -> str:
        """Sign with a fresh key from now on; the ones before are accepted while tokens live.

        Returns:
            The fresh key's id.
        """
        fresh = jwk.OKPKey.generate_key("Ed25519", auto_kid=True)
        now_us = self._clock.now_us()
        with self._changes.of(EVERYBODY) as connection:
            connection.execute(
                SIGNING_KEY.update()
                .where(SIGNING_KEY.c.retires_at_us.is_(None))
                .values(retires_at_us=now_us + self._overlap_us)
            )
            self._insert(connection, fresh, now_us=now_us)
        self.forget()
        return str(fresh.kid)

    def is_due(self, connection: sqlalchemy.Connection, *, age_us: int) -> bool:
        """Whether the key that signs is older than that."""
        newest = connection.execute(
            sqlalchemy.select(sqlalchemy.func.max(SIGNING_KEY.c.created_at_us))
        ).scalar()
        return newest is not None and self._clock.now_us() - newest >= age_us

    def published(self) -> list[dict[str, Any]]:
        """The public halves, as a JSON Web Key Set has them."""
        self._load(makes=True)
        return [
            {**key.as_dict(private=False), "alg": ALGORITHM, "use": "sig"}
            for key in self._public.values()
        ]

    def forget(self) -> None:
        """Read the keys anew when they are needed next."""
        with self._lock:
            self._version += 1
            self._signer = None
            self._public = {}
            self._loaded_at_s = None

    def clean_up(self, connection: sqlalchemy.Connection) -> None:
        """Remove keys whose last token ran out."""
        connection.execute(
            SIGNING_KEY.delete().where(SIGNING_KEY.c.retires_at_us < self._clock.now_us())
        )

    def _key_of(self, found: Any) -> jwk.OKPKey:
        """The public key that a token names; one look at the database a second for unknown ones."""
        kid = found.headers().get("kid")
        key = self._public.get(kid)
        if key is None:
            loaded_at_s = self._loaded_at_s
            now_s = self._clock.monotonic_s()
            if loaded_at_s is None or now_s - loaded_at_s >= _RELOAD_EVERY_S:
                self._load(makes=False)
                key = self._public.get(kid)
        if key is None:
            raise CredentialInvalid
        return key

    def _load(self, *, makes: bool) -> jwk.OKPKey:
        """Read the keys, and return the one that signs; no lock is held while the database is."""
        while True:
            version = self._version
            rows = self._rows(makes=makes)
            if not rows:
                raise CredentialInvalid
            public = {
                row.id: jwk.OKPKey.import_key(
                    {"kty": "OKP", "crv": "Ed25519", "x": row.public, "kid": row.id}
                )
                for row in rows
            }
            newest = rows[0]
            signer = self._signer_of(newest)
            with self._lock:
                if version != self._version:
                    continue
                self._public, self._signer = public, signer
                self._loaded_at_s = self._clock.monotonic_s()
            if signer is None and makes:
                raise VaultDiffers
            return signer or public[newest.id]

    def _signer_of(self, newest: Any) -> jwk.OKPKey | None:
        """The secret half of the newest key; None: another key file sealed it."""
        if not newest.sealed.startswith(f"{self._vault.id}."):
            return None
        private = self._vault.unseal(newest.sealed, purpose=_PURPOSE)
        return jwk.OKPKey.import_key({**private, "kid": newest.id})

    def _rows(self, *, makes: bool) -> list[Any]:
        now_us = self._clock.now_us()
        with self._database.read() as connection:
            rows = _select(connection, now_us=now_us)
        if rows or not makes:
            return rows
        # Of processes that start at once the first one makes the key.
        with self._changes.of(EVERYBODY) as connection:
            rows = _select(connection, now_us=now_us)
            if not rows:
                fresh = jwk.OKPKey.generate_key("Ed25519", auto_kid=True)
                self._insert(connection, fresh, now_us=now_us)
            return rows or _select(connection, now_us=now_us)

    def _insert(self, connection: sqlalchemy.Connection, key: jwk.OKPKey, *, now_us: int) -> None:
        plain = cast("dict[str, Any]", key.as_dict(private=True))
        connection.execute(
            SIGNING_KEY.insert().values(
                id=str(key.kid),
                public=plain["x"],
                sealed=self._vault.seal(plain, purpose=_PURPOSE),
                created_at_us=now_us,
            )
        )


def _select(connection: sqlalchemy.Connection, *, now_us: int) -> list[Any]:
    """The keys that are accepted, the one that signs first."""
    accepted = SIGNING_KEY.c.retires_at_us.is_(None) | (SIGNING_KEY.c.retires_at_us > now_us)
    found = connection.execute(
        sqlalchemy.select(SIGNING_KEY)
        .where(accepted)
        .order_by(SIGNING_KEY.c.retires_at_us.isnot(None), SIGNING_KEY.c.created_at_us.desc())
    )
    return list(found)
