"""Sign-ins: begun with a password, carried on by refresh tokens that replace each other, ended."""

from typing import Any, Final

import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite

from novacore.identity import addresses, attempts, letters, tokens
from novacore.identity.errors import (
    AccountDisabled,
    SessionEnded,
    SessionUnknown,
    SignInFailed,
)
from novacore.identity.model import Client, Session, SignedIn
from novacore.identity.parts import DAY_US, Parts
from novacore.identity.records import IP_MAX, USER_AGENT_MAX, account_of, plain
from novacore.identity.signing import KeyRing
from novacore.identity.tables import ACCOUNT, DEVICE, REFRESH, SESSION

_LIST_MAX: Final = 200


class Sessions:
    """Begins, carries on, lists and ends sign-ins."""

    def __init__(self, parts: Parts, *, ring: KeyRing) -> None:
        self._parts = parts
        self._ring = ring

    def sign_in(self, email: str, *, password: str, client: Client) -> SignedIn:
        """Begin a sign-in. Takes the same time and says the same for any address.

        Raises:
            SignInFailed: no such account, or another password.
            AccountDisabled: the password is right, but the account is switched off.
            Throttled: too many attempts; they count before the password is looked at.
        """
        parts, key = self._parts, addresses.key_of(email)
        account, is_known = self._look_up(key, client=client)
        buckets = attempts.sign_in_buckets(
            parts, email_key=key, client=client, is_known_device=is_known
        )
        parts.throttle.take(buckets)
        stored = None if account is None else account.password_hash
        if not parts.passwords.is_right(stored, password) or account is None:
            raise SignInFailed
        if account.is_disabled:
            raise AccountDisabled
        fresh_hash = parts.passwords.hash(password) if self._is_outdated(stored) else stored
        with parts.database.begin() as connection:
            row = _note_sign_in(connection, account, fresh_hash, now_us=parts.now_us())
            device = self._note_device(connection, row, client=client, is_known=is_known)
            session = self._begin(connection, row.id, client=client)
            refresh_token = tokens.new_token()
            self._insert_refresh(connection, session["id"], refresh_token)
            parts.throttle.give_back(connection, buckets)
        return self._signed_in(row, session, refresh_token, device_token=device)

    def refresh(self, refresh_token: str) -> SignedIn:
        """Carry a sign-in on: the token is replaced by its successor.

        Any number of callers with one token at once are given the same successor, also shortly
        after; a replaced token that is used later ends the sign-in, for a thief may have it.

        Raises:
            SessionEnded: the token is unknown, or its sign-in is over.
        """
        parts = self._parts
        digest, now_us = tokens.digest(refresh_token), parts.now_us()
        with parts.database.begin() as connection:
            row = connection.execute(_FIND.where(REFRESH.c.digest == digest)).first()
            if row is None or not _is_good(parts, row, now_us=now_us):
                raise SessionEnded
            # This row is locked before the token's, as by whoever ends the sign-in.
            used = connection.execute(
                SESSION.update()
                .where(SESSION.c.id == row.session_id, SESSION.c.ended_at_us.is_(None))
                .values(last_used_at_us=now_us)
            )
            if used.rowcount != 1:
                raise SessionEnded
            fresh = self._replace(connection, row.session_id, refresh_token, now_us=now_us)
        if fresh is None:
            self._end_stolen(row)
            raise SessionEnded(is_reused=True)
        session = {"id": row.session_id, "expires_at_us": row.session_expires_at_us}
        return self._signed_in(row, session, fresh)

    def sign_out(self, *, refresh_token: str = "", session_id: str = "") -> None:
        """End the sign-in that a refresh token or an id belongs to; nothing where there is none."""
        parts = self._parts
        if refresh_token:
            with parts.database.read() as connection:
                session_id = (
                    connection.execute(
                        sqlalchemy.select(REFRESH.c.session_id).where(
                            REFRESH.c.digest == tokens.digest(refresh_token)
                        )
                    ).scalar()
                    or session_id
                )
        with parts.database.read() as connection:
            account_id = connection.execute(
                sqlalchemy.select(SESSION.c.account_id).where(SESSION.c.id == session_id)
            ).scalar()
        if account_id is not None:
            with parts.changes.of(account_id) as connection:
                now_us = parts.now_us()
                end(connection, account_id, now_us=now_us, only=session_id)

    def list(self, account_id: str) -> tuple[Session, ...]:
        """The sign-ins of an account that are good now, the last used first; at most 200."""
        parts = self._parts
        now_us = parts.now_us()
        with parts.database.read() as connection:
            found = connection.execute(
                sqlalchemy.select(SESSION)
                .where(
                    SESSION.c.account_id == account_id,
                    SESSION.c.ended_at_us.is_(None),
                    SESSION.c.expires_at_us > now_us,
                    SESSION.c.last_used_at_us > now_us - parts.config.session_idle_days * DAY_US,
                )
                .order_by(SESSION.c.last_used_at_us.desc(), SESSION.c.id)
                .limit(_LIST_MAX)
            )
            return tuple(
                Session(
                    id=row.id,
                    created_at_us=row.created_at_us,
                    last_used_at_us=row.last_used_at_us,
                    expires_at_us=row.expires_at_us,
                    ip=row.ip,
                    user_agent=row.user_agent,
                )
                for row in found
            )

    def revoke(self, account_id: str, session_id: str) -> None:
        """End one sign-in of this account.

        Raises:
            SessionUnknown: it has no such sign-in that is good.
        """
        parts = self._parts
        now_us = parts.now_us()
        with parts.changes.of(account_id) as connection:
            if not end(connection, account_id, now_us=now_us, only=session_id):
                raise SessionUnknown

    def _look_up(self, email_key: str, *, client: Client) -> tuple[Any, bool]:
        with self._parts.database.read() as connection:
            account = connection.execute(
                sqlalchemy.select(ACCOUNT).where(ACCOUNT.c.email_key == email_key)
            ).first()
            known = connection.execute(
                sqlalchemy.select(DEVICE.c.digest)
                .select_from(DEVICE.join(ACCOUNT, ACCOUNT.c.id == DEVICE.c.account_id))
                .where(
                    DEVICE.c.digest == tokens.digest(client.device_token),
                    ACCOUNT.c.email_key == email_key,
                )
            ).first()
        return account, known is not None

    def _is_outdated(self, stored: str | None) -> bool:
        return stored is not None and self._parts.passwords.is_outdated(stored)

    def _begin(
        self, connection: sqlalchemy.Connection, account_id: str, *, client: Client
    ) -> dict[str, Any]:
        parts = self._parts
        now_us = parts.now_us()
        session = {
            "id": parts.new_id(),
            "account_id": account_id,
            "created_at_us": now_us,
            "last_used_at_us": now_us,
            "expires_at_us": now_us + parts.config.session_days_max * DAY_US,
            "ip": plain(client.ip, chars_max=IP_MAX),
            "user_agent": plain(client.user_agent, chars_max=USER_AGENT_MAX),
        }
        connection.execute(SESSION.insert().values(session))
        return session

    def _note_device(
        self, connection: sqlalchemy.Connection, account: Any, *, client: Client, is_known: bool
    ) -> str:
        """Know this browser again; the token to give it, or empty where it has the right one."""
        parts = self._parts
        now_us = parts.now_us()
        if is_known:
            connection.execute(
                DEVICE.update()
                .where(
                    DEVICE.c.digest == tokens.digest(client.device_token),
                    DEVICE.c.account_id == account.id,
                )
                .values(last_used_at_us=now_us)
            )
            return ""
        has_others = connection.execute(
            sqlalchemy.select(DEVICE.c.digest).where(DEVICE.c.account_id == account.id).limit(1)
        ).first()
        token = self._token_of_browser(connection, client) or tokens.new_token()
        insert = sqlite.insert if parts.database.is_sqlite else postgresql.insert
        connection.execute(
            insert(DEVICE)
            .values(
                digest=tokens.digest(token),
                account_id=account.id,
                created_at_us=now_us,
                last_used_at_us=now_us,
            )
            .on_conflict_do_nothing()
        )
        if has_others is not None:
            letters.put(
                parts,
                connection,
                template="new_device",
                to=account.email,
                **where_from(client, now_us=now_us),
                link=parts.link("/settings"),
            )
        return "" if token == client.device_token else token

    def _token_of_browser(self, connection: sqlalchemy.Connection, client: Client) -> str:
        """The token that this browser had from us for another account; empty: none."""
        known = connection.execute(
            sqlalchemy.select(DEVICE.c.digest)
            .where(DEVICE.c.digest == tokens.digest(client.device_token))
            .limit(1)
        ).first()
        return client.device_token if known is not None else ""

    def _insert_refresh(
        self, connection: sqlalchemy.Connection, session_id: str, token: str
    ) -> None:
        connection.execute(
            REFRESH.insert().values(
                digest=tokens.digest(token),
                session_id=session_id,
                created_at_us=self._parts.now_us(),
            )
        )

    def _replace(
        self, connection: sqlalchemy.Connection, session_id: str, token: str, *, now_us: int
    ) -> str | None:
        """The token's successor; None: it was replaced too long ago."""
        mine = REFRESH.c.digest == tokens.digest(token)
        salt = tokens.new_token()
        replaced = connection.execute(
            REFRESH.update()
            .where(mine, REFRESH.c.replaced_at_us.is_(None))
            .values(replaced_at_us=now_us, salt=salt)
        )
        if replaced.rowcount == 1:
            fresh = tokens.successor(token, salt=salt)
            self._insert_refresh(connection, session_id, fresh)
            return fresh
        row = connection.execute(sqlalchemy.select(REFRESH).where(mine)).one()
        if now_us - row.replaced_at_us > self._parts.config.refresh_grace_ms * 1_000:
            return None
        return tokens.successor(token, salt=row.salt)

    def _end_stolen(self, row: Any) -> None:
        parts = self._parts
        now_us = parts.now_us()
        with parts.changes.of(row.id) as connection:
            if end(connection, row.id, now_us=now_us, only=row.session_id):
                client = Client(ip=row.session_ip, user_agent=row.session_user_agent)
                letters.put(
                    parts,
                    connection,
                    template="session_reused",
                    to=row.email,
                    **where_from(client, now_us=now_us),
                    link=parts.link("/settings"),
                )

    def _signed_in(
        self, account: Any, session: dict[str, Any], refresh_token: str, *, device_token: str = ""
    ) -> SignedIn:
        lives_s = self._parts.config.access_minutes * 60
        claims = {"sub": account.id, "sid": session["id"]}
        return SignedIn(
            account=account_of(account),
            session_id=session["id"],
            access_token=self._ring.sign(claims, lives_s=lives_s),
            expires_in_s=lives_s,
            refresh_token=refresh_token,
            session_expires_in_s=(session["expires_at_us"] - self._parts.now_us()) // 1_000_000,
            device_token=device_token,
        )


def end(
    connection: sqlalchemy.Connection,
    account_id: str,
    *,
    now_us: int,
    only: str = "",
    but: str = "",
) -> int:
    """End the sign-ins of an account, `only` one, or all `but` one; in a transaction of `changes`.

    Returns:
        How many there were.
    """
    wanted = SESSION.c.account_id == account_id
    if only:
        wanted &= SESSION.c.id == only
    if but:
        wanted &= SESSION.c.id != but
    ended = connection.execute(
        SESSION.update().where(wanted, SESSION.c.ended_at_us.is_(None)).values(ended_at_us=now_us)
    )
    gone = sqlalchemy.select(SESSION.c.id).where(wanted, SESSION.c.ended_at_us.isnot(None))
    connection.execute(REFRESH.delete().where(REFRESH.c.session_id.in_(gone)))
    return ended.rowcount


def where_from(client: Client, *, now_us: int) -> dict[str, Any]:
    """What a letter says of a request."""
    return {
        "device": plain(client.user_agent, chars_max=USER_AGENT_MAX),
        "ip": plain(client.ip, chars_max=IP_MAX),
        "at_us": now_us,
    }


_FIND: Final = sqlalchemy.select(
    ACCOUNT,
    SESSION.c.id.label("session_id"),
    SESSION.c.expires_at_us.label("session_expires_at_us"),
    SESSION.c.last_used_at_us.label("session_used_at_us"),
    SESSION.c.ended_at_us.label("session_ended_at_us"),
    SESSION.c.ip.label("session_ip"),
    SESSION.c.user_agent.label("session_user_agent"),
).select_from(
    REFRESH.join(SESSION, SESSION.c.id == REFRESH.c.session_id).join(
        ACCOUNT, ACCOUNT.c.id == SESSION.c.account_id
    )
)


def _is_good(parts: Parts, row: Any, *, now_us: int) -> bool:
    idle_us = parts.config.session_idle_days * DAY_US
    is_over = (
        row.session_ended_at_us is not None
        or row.session_expires_at_us <= now_us
        or row.session_used_at_us + idle_us <= now_us
    )
    return not is_over and not row.is_disabled and row.deleted_at_us is None


def _note_sign_in(
    connection: sqlalchemy.Connection, account: Any, password_hash: str | None, *, now_us: int
) -> Any:
    """The account as it is now, if the password that was looked at is still its password."""
    row = connection.execute(
        ACCOUNT.update()
        .where(
            ACCOUNT.c.id == account.id,
            ACCOUNT.c.password_hash == account.password_hash,
            ACCOUNT.c.is_disabled.is_(False),
        )
        .values(last_sign_in_at_us=now_us, password_hash=password_hash)
        .returning(ACCOUNT)
    ).first()
    if row is None:
        raise SignInFailed
    return row
