"""API keys: made, listed and revoked by the account that they act for."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy

from novacore.identity import tokens
from novacore.identity.errors import KeyUnknown, LimitReached
from novacore.identity.model import APIKey, KeyLimits, NewKey
from novacore.identity.parts import DAY_US, Parts
from novacore.identity.records import find_account, key_of, plain, stored_scopes
from novacore.identity.tables import KEY

NAME_MAX = 200


class Keys:
    """API keys of people."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def create(
        self,
        account_id: str,
        *,
        name: str,
        scopes: Iterable[str] | None = None,
        expires_in_days: int | None = None,
        limits: KeyLimits = KeyLimits(),  # noqa: B008 - frozen
    ) -> NewKey:
        """A fresh key. Its secret is in the result and nowhere else.

        Args:
            account_id: whom it acts for.
            name: what its owner calls it.
            scopes: what it may do; None: `KEY_SCOPES`.
            expires_in_days: None: it does not expire.
            limits: limits of its own.

        Raises:
            AccountUnknown: there is no such account.
            LimitReached: it has too many keys.
            ScopeUnknown: a scope that a key can't have.
        """
        parts = self._parts
        with parts.database.begin() as connection:
            account = find_account(connection, account_id)
            if _count(connection, account_id) >= parts.config.keys_max:
                raise LimitReached("API keys", limit=parts.config.keys_max)
            return insert(
                parts,
                connection,
                account_id,
                name=name,
                scopes=stored_scopes(scopes, role=account.role),
                limits=limits,
                expires_in_days=expires_in_days,
            )

    def list(self, account_id: str) -> tuple[APIKey, ...]:
        """The keys of an account that were not revoked, newest first; expired ones too."""
        with self._parts.database.read() as connection:
            found = connection.execute(
                sqlalchemy.select(KEY)
                .where(KEY.c.account_id == account_id, KEY.c.revoked_at_us.is_(None))
                .order_by(KEY.c.created_at_us.desc(), KEY.c.id.desc())
                .limit(self._parts.config.keys_max)
            )
            return tuple(map(key_of, found))

    def revoke(self, account_id: str, key_id: str) -> None:
        """Take a key out of use; within a second no process accepts it.

        Raises:
            KeyUnknown: the account has no such key.
        """
        parts = self._parts
        now_us = parts.now_us()
        with parts.changes.of(account_id) as connection:
            revoked = connection.execute(
                KEY.update()
                .where(
                    KEY.c.id == key_id,
                    KEY.c.account_id == account_id,
                    KEY.c.revoked_at_us.is_(None),
                )
                .values(revoked_at_us=now_us)
            )
            if revoked.rowcount != 1:
                raise KeyUnknown


def insert(
    parts: Parts,
    connection: sqlalchemy.Connection,
    account_id: str,
    *,
    name: str,
    scopes: str,
    limits: KeyLimits,
    expires_in_days: int | None = None,
) -> NewKey:
    """The row of a fresh key."""
    secret, now_us = tokens.new_key(), parts.now_us()
    values: dict[str, Any] = {
        "id": parts.new_id(),
        "account_id": account_id,
        "name": plain(name, chars_max=NAME_MAX),
        "prefix": secret[: tokens.SHOWN_CHARS],
        "digest": tokens.digest(secret),
        "scopes": scopes,
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_day": limits.tokens_per_day,
        "created_at_us": now_us,
        "expires_at_us": None if expires_in_days is None else now_us + expires_in_days * DAY_US,
    }
    row = connection.execute(KEY.insert().values(values).returning(KEY)).one()
    return NewKey(key=key_of(row), secret=secret)


def _count(connection: sqlalchemy.Connection, account_id: str) -> int:
    return connection.execute(
        sqlalchemy.select(sqlalchemy.func.count())
        .select_from(KEY)
        .where(KEY.c.account_id == account_id, KEY.c.revoked_at_us.is_(None))
    ).scalar_one()
