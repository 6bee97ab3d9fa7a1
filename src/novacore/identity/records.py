"""Rows of the tables as the plain data of this room, and back."""

import json
import unicodedata
from collections.abc import Iterable
from typing import Any, Final, cast

import sqlalchemy

from novacore.identity.errors import AccountUnknown, ScopeUnknown
from novacore.identity.model import (
    ACCOUNT as ACCOUNT_SCOPE,
)
from novacore.identity.model import (
    KEY_SCOPES,
    SCOPES,
    Account,
    APIKey,
    KeyLimits,
    Role,
)
from novacore.identity.tables import ACCOUNT

IP_MAX: Final = 64
USER_AGENT_MAX: Final = 300


def plain(text: str, *, chars_max: int) -> str:
    """Text as it is kept: trimmed, cut, without what no database and no terminal takes."""
    kept = (each for each in text if unicodedata.category(each) not in {"Cc", "Cs"})
    return "".join(kept).strip()[:chars_max]


def account_of(row: Any) -> Account:
    """An account of its row."""
    return Account(
        id=row.id,
        email=row.email,
        name=row.name,
        role=cast("Role", row.role),
        is_verified=row.is_verified,
        is_disabled=row.is_disabled,
        preferences=json.loads(row.preferences),
        created_at_us=row.created_at_us,
        last_sign_in_at_us=row.last_sign_in_at_us,
    )


def key_of(row: Any) -> APIKey:
    """An API key of its row."""
    return APIKey(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        prefix=row.prefix,
        scopes=scopes_of(row.scopes),
        limits=limits_of(row),
        created_at_us=row.created_at_us,
        expires_at_us=row.expires_at_us,
        last_used_at_us=row.last_used_at_us,
    )


def limits_of(row: Any) -> KeyLimits:
    """The limits in a row of a key or an agent."""
    return KeyLimits(requests_per_minute=row.requests_per_minute, tokens_per_day=row.tokens_per_day)


def scopes_of(text: str) -> tuple[str, ...]:
    """Scopes as they are stored."""
    return tuple(text.split())


def stored_scopes(scopes: Iterable[str] | None, *, role: str) -> str:
    """Scopes of a key or agent as they are stored, once they are found to be right.

    Raises:
        ScopeUnknown: one does not exist, or a key of this role can't have it.
    """
    wanted = KEY_SCOPES if scopes is None else frozenset(scopes)
    allowed = SCOPES - {ACCOUNT_SCOPE} if role == "admin" else KEY_SCOPES
    if not wanted or wanted - allowed:
        wrong = ", ".join(sorted(wanted - allowed)) or "none"
        raise ScopeUnknown(
            f"These scopes can't be given here: {wrong}.",
            hint="There are " + ", ".join(sorted(allowed)) + ".",
        )
    return " ".join(sorted(wanted))


def find_account(connection: sqlalchemy.Connection, account_id: str) -> Any:
    """The row of an account that is not deleted.

    Raises:
        AccountUnknown: there is none.
    """
    row = connection.execute(
        sqlalchemy.select(ACCOUNT).where(
            ACCOUNT.c.id == account_id, ACCOUNT.c.deleted_at_us.is_(None)
        )
    ).first()
    if row is None:
        raise AccountUnknown
    return row
