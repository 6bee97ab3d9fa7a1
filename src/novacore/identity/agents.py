"""Agents: accounts of their own that belong to a person and act with a key."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy

from novacore.identity import accounts, keys
from novacore.identity.errors import AgentUnknown, LimitReached, NotAllowed
from novacore.identity.model import Agent, KeyLimits, NewAgent
from novacore.identity.parts import MINUTE_US, Parts
from novacore.identity.records import find_account, limits_of, plain, scopes_of, stored_scopes
from novacore.identity.tables import ACCOUNT, KEY


class Agents:
    """Agents of people."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def create(
        self,
        owner_id: str,
        *,
        name: str,
        scopes: Iterable[str] | None = None,
        limits: KeyLimits = KeyLimits(),  # noqa: B008 - frozen
    ) -> NewAgent:
        """A fresh agent with its key, which is in the result and nowhere else.

        It is confirmed and switched on as its owner is, at any time.

        Raises:
            AccountUnknown: there is no such owner.
            LimitReached: the owner has too many agents.
            NotAllowed: an agent can't own one.
            ScopeUnknown: a scope that an agent can't have.
        """
        parts = self._parts
        with parts.database.begin() as connection:
            if find_account(connection, owner_id).role == "agent":
                raise NotAllowed("An agent can't have agents of its own.")
            if _count(connection, owner_id) >= parts.config.agents_max:
                raise LimitReached("agents", limit=parts.config.agents_max)
            stored = stored_scopes(scopes, role="agent")
            row = self._insert(connection, owner_id, name=name, scopes=stored, limits=limits)
            made = keys.insert(
                parts, connection, row.id, name=row.name, scopes=stored, limits=limits
            )
            agent = _agent_of(row, prefix=made.key.prefix, last_used_at_us=None)
        return NewAgent(agent=agent, secret=made.secret)

    def list(self, owner_id: str) -> tuple[Agent, ...]:
        """The agents of a person, newest first."""
        prefix, last_used = _newest(KEY.c.prefix), _newest(KEY.c.last_used_at_us)
        with self._parts.database.read() as connection:
            found = connection.execute(
                sqlalchemy.select(
                    ACCOUNT, prefix.label("key_prefix"), last_used.label("key_used_at_us")
                )
                .where(ACCOUNT.c.owner_id == owner_id, ACCOUNT.c.deleted_at_us.is_(None))
                .order_by(ACCOUNT.c.created_at_us.desc(), ACCOUNT.c.id.desc())
                .limit(self._parts.config.agents_max)
            )
            return tuple(
                _agent_of(row, prefix=row.key_prefix or "", last_used_at_us=row.key_used_at_us)
                for row in found
            )

    def rotate(self, owner_id: str, agent_id: str, *, overlap_minutes: int = 0) -> NewAgent:
        """A fresh key for an agent.

        Args:
            owner_id: whose agent.
            agent_id: which.
            overlap_minutes: the keys before still work for so long; 0: no longer.

        Raises:
            AgentUnknown: the person has no such agent.
        """
        parts = self._parts
        now_us = parts.now_us()
        with parts.changes.of(agent_id) as connection:
            row = _find(connection, owner_id, agent_id)
            mine = KEY.c.account_id == agent_id
            if overlap_minutes > 0:
                ends_at_us = now_us + overlap_minutes * MINUTE_US
                old = mine & (KEY.c.expires_at_us.is_(None) | (KEY.c.expires_at_us > ends_at_us))
                connection.execute(KEY.update().where(old).values(expires_at_us=ends_at_us))
            else:
                live = mine & KEY.c.revoked_at_us.is_(None)
                connection.execute(KEY.update().where(live).values(revoked_at_us=now_us))
            made = keys.insert(
                parts,
                connection,
                agent_id,
                name=row.name,
                scopes=row.scopes,
                limits=limits_of(row),
            )
            agent = _agent_of(row, prefix=made.key.prefix, last_used_at_us=None)
        return NewAgent(agent=agent, secret=made.secret)

    def revoke(self, owner_id: str, agent_id: str) -> None:
        """End an agent: its keys at once, what it stored soon after.

        Raises:
            AgentUnknown: the person has no such agent.
        """
        parts = self._parts
        with parts.changes.of(agent_id) as connection:
            _find(connection, owner_id, agent_id)
            accounts.remove(parts, connection, agent_id)

    def _insert(
        self,
        connection: sqlalchemy.Connection,
        owner_id: str,
        *,
        name: str,
        scopes: str,
        limits: KeyLimits,
    ) -> Any:
        values = {
            "id": self._parts.new_id(),
            "role": "agent",
            "email": "",
            "name": plain(name, chars_max=accounts.NAME_MAX),
            "preferences": "{}",
            "is_verified": False,
            "is_disabled": False,
            "owner_id": owner_id,
            "scopes": scopes,
            "requests_per_minute": limits.requests_per_minute,
            "tokens_per_day": limits.tokens_per_day,
            "created_at_us": self._parts.now_us(),
        }
        return connection.execute(ACCOUNT.insert().values(values).returning(ACCOUNT)).one()


def _newest(column: Any) -> Any:
    """A value of an agent's newest key."""
    return (
        sqlalchemy.select(column)
        .where(KEY.c.account_id == ACCOUNT.c.id, KEY.c.revoked_at_us.is_(None))
        .order_by(KEY.c.created_at_us.desc(), KEY.c.id.desc())
        .limit(1)
        .correlate(ACCOUNT)
        .scalar_subquery()
    )


def _find(connection: sqlalchemy.Connection, owner_id: str, agent_id: str) -> Any:
    row = connection.execute(
        sqlalchemy.select(ACCOUNT).where(
            ACCOUNT.c.id == agent_id,
            ACCOUNT.c.owner_id == owner_id,
            ACCOUNT.c.deleted_at_us.is_(None),
        )
    ).first()
    if row is None:
        raise AgentUnknown
    return row


def _count(connection: sqlalchemy.Connection, owner_id: str) -> int:
    return connection.execute(
        sqlalchemy.select(sqlalchemy.func.count())
        .select_from(ACCOUNT)
        .where(ACCOUNT.c.owner_id == owner_id, ACCOUNT.c.deleted_at_us.is_(None))
    ).scalar_one()


def _agent_of(row: Any, *, prefix: str, last_used_at_us: int | None) -> Agent:
    return Agent(
        id=row.id,
        owner_id=row.owner_id,
        name=row.name,
        scopes=scopes_of(row.scopes),
        limits=limits_of(row),
        workspace=f"agents/{row.id}",
        created_at_us=row.created_at_us,
        key_prefix=prefix,
        last_used_at_us=last_used_at_us,
    )
