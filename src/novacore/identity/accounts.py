"""A person's account: registering, confirming the address, the password, the profile, the end."""

import json
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite

from novacore import database
from novacore.identity import addresses, attempts, letters, sessions, words
from novacore.identity.config import CLOSED, INVITATION
from novacore.identity.errors import (
    LastAdministrator,
    LinkInvalid,
    ProfileInvalid,
    RegistrationRefused,
)
from novacore.identity.model import Account, Client
from novacore.identity.parts import Parts
from novacore.identity.records import account_of, find_account, plain
from novacore.identity.tables import ACCOUNT, DEVICE, KEY, STATE, TICKET

NAME_MAX: Final = 200
PREFERENCES_MAX: Final = 16_384
DELETE: Final = "account.delete"
"""The outbox kind of an account whose data is to be erased in every room."""


class Accounts:
    """What people do with their own accounts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(
        self, email: str, *, password: str, name: str = "", invitation: str = "", client: Client
    ) -> None:
        """Make an account and mail a link that confirms the address.

        The very first account is an administrator. Whoever has an account already is mailed that;
        nobody else learns of it: result and time are the same.

        Raises:
            AddressInvalid: the address is none.
            PasswordWeak: the password can be guessed.
            RegistrationRefused: it is closed, or the invitation is not good for this address.
            Throttled: too many.
        """
        parts = self._parts
        address, name = addresses.parse(email), plain(name, chars_max=NAME_MAX)
        if parts.registration == CLOSED:
            raise RegistrationRefused(needs_invitation=False)
        parts.passwords.check(password, personal=(address, name))
        buckets = letters.letter_buckets(parts, "register", address=address, client=client)
        parts.throttle.take(buckets)
        password_hash = parts.passwords.hash(password)
        with parts.database.begin() as connection:
            is_invited = self._use_invitation(connection, invitation, address=address)
            fresh = insert(
                parts,
                connection,
                email=address,
                name=name,
                password_hash=password_hash,
                is_verified=is_invited,
            )
            self._answer(connection, fresh, address=address)

    def verify(self, token: str) -> Account:
        """Confirm an address with the token that was mailed to it, once.

        Raises:
            LinkInvalid: it was used, ran out, or never was; or another account has the address.
        """
        parts = self._parts
        now_us = parts.now_us()
        try:
            with parts.database.read() as connection:
                ticket = letters.peek_ticket(connection, token, now_us=now_us)
            if ticket.purpose not in {letters.VERIFY, letters.MOVE}:
                raise LinkInvalid
            with parts.changes.of(ticket.account_id) as connection:
                letters.use_ticket(connection, ticket.digest, now_us=now_us)
                return account_of(self._confirm(connection, ticket))
        except exc.IntegrityError as error:
            raise LinkInvalid from error

    def ask_verification(self, email: str, *, client: Client) -> None:
        """Have the link that confirms an address mailed again, if it is waiting for that.

        Raises:
            AddressInvalid: the address is none.
            Throttled: too many were asked for.
        """
        letters.ask(self._parts, letters.VERIFY, email=email, client=client)

    def ask_reset(self, email: str, *, client: Client) -> None:
        """Have a link mailed that sets a new password, if the address has an account.

        Raises:
            AddressInvalid: the address is none.
            Throttled: too many were asked for.
        """
        letters.ask(self._parts, letters.RESET, email=email, client=client)

    def reset_password(self, token: str, *, password: str, client: Client) -> None:
        """Set a new password with the token that was mailed, once. Every sign-in ends.

        Raises:
            LinkInvalid: it was used, ran out, or never was.
            PasswordWeak: the password can be guessed; the link still works.
        """
        parts = self._parts
        now_us = parts.now_us()
        with parts.database.read() as connection:
            ticket = letters.peek_ticket(connection, token, now_us=now_us)
            if ticket.purpose != letters.RESET:
                raise LinkInvalid
        parts.passwords.check(password, personal=(ticket.email,))
        password_hash = parts.passwords.hash(password)
        with parts.changes.of(ticket.account_id) as connection:
            letters.use_ticket(connection, ticket.digest, now_us=now_us)
            account = find_account(connection, ticket.account_id)
            _set_password(
                parts,
                connection,
                account,
                password_hash=password_hash,
                # Only the mailbox that the link went to proves anything.
                is_verified=account.is_verified or account.email == ticket.email,
            )
            sessions.end(connection, account.id, now_us=now_us)
            _tell_password_changed(parts, connection, account, client=client)

    def change_password(
        self, account_id: str, *, current: str, password: str, client: Client, session_id: str = ""
    ) -> None:
        """Set a new password; all sign-ins but `session_id` end.

        Raises:
            PasswordWrong: `current` is not the password.
            PasswordWeak: the new one can be guessed.
            Throttled: too many guesses.
        """
        parts = self._parts
        account = self._row(account_id)
        attempts.ask_again(parts, account, password=current, client=client)
        parts.passwords.check(password, personal=(account.email, account.name))
        password_hash = parts.passwords.hash(password)
        now_us = parts.now_us()
        with parts.changes.of(account_id) as connection:
            _set_password(
                parts,
                connection,
                account,
                password_hash=password_hash,
                is_verified=account.is_verified,
            )
            sessions.end(connection, account_id, now_us=now_us, but=session_id)
            _tell_password_changed(parts, connection, account, client=client)

    def change_email(self, account_id: str, *, password: str, email: str, client: Client) -> None:
        """Mail a link to a new address; the account has it once the link is confirmed.

        Nobody learns whether another account has the address, but its owner.

        Raises:
            AddressInvalid: the address is none.
            PasswordWrong: the password is not right.
            Throttled: too many guesses, or letters to this address.
        """
        parts = self._parts
        address = addresses.parse(email)
        account = self._row(account_id)
        attempts.ask_again(parts, account, password=password, client=client)
        buckets = letters.letter_buckets(parts, letters.MOVE, address=address, client=client)
        parts.throttle.take(buckets)
        with parts.database.begin() as connection:
            key = addresses.key_of(address)
            taken = connection.execute(
                sqlalchemy.select(ACCOUNT.c.id).where(
                    ACCOUNT.c.email_key == key, ACCOUNT.c.id != account_id
                )
            ).first()
            link = letters.new_ticket(
                parts, connection, letters.MOVE, email=address, account_id=account_id
            )
            if taken is None:
                hours = parts.config.verify_hours
                letters.put(
                    parts,
                    connection,
                    template="verify",
                    to=address,
                    secret={"link": link},
                    hours=hours,
                )
            else:
                login = parts.link("/login")
                letters.put(
                    parts, connection, template="already_registered", to=address, link=login
                )

    def get(self, account_id: str) -> Account:
        """The account.

        Raises:
            AccountUnknown: there is none.
        """
        return account_of(self._row(account_id))

    def update_profile(
        self,
        account_id: str,
        *,
        name: str | None = None,
        preferences: Mapping[str, Any] | None = None,
    ) -> Account:
        """Change name or preferences; None leaves them. Preferences given are merged, and those
        that are None removed.

        Raises:
            AccountUnknown: there is none.
            ProfileInvalid: the preferences are too long.
        """
        with self._parts.database.begin() as connection:
            row = find_account(connection, account_id)
            merged = {**json.loads(row.preferences), **(preferences or {})}
            kept = json.dumps({key: value for key, value in merged.items() if value is not None})
            if len(kept) > PREFERENCES_MAX:
                raise ProfileInvalid(f"Preferences take at most {PREFERENCES_MAX:,} characters.")
            changed = connection.execute(
                ACCOUNT.update()
                .where(ACCOUNT.c.id == account_id)
                .values(
                    name=row.name if name is None else plain(name, chars_max=NAME_MAX),
                    preferences=kept,
                )
                .returning(ACCOUNT)
            ).one()
            if changed.name != row.name and changed.owner_id is None:
                words.keep(connection, account_id, email=changed.email, name=changed.name)
            return account_of(changed)

    def delete(self, account_id: str, *, password: str, client: Client) -> None:
        """End the account and its agents at once; workers erase what belongs to them.

        Raises:
            PasswordWrong: the password is not right.
            LastAdministrator: there are others, and nobody else to look after them.
            Throttled: too many guesses.
        """
        parts = self._parts
        attempts.ask_again(parts, self._row(account_id), password=password, client=client)
        with parts.changes.of(account_id) as connection:
            account = find_account(connection, account_id)
            keep_an_administrator(connection, account, are_others_kept=True)
            letters.put(parts, connection, template="account_deleted", to=account.email)
            found = sqlalchemy.select(ACCOUNT.c.id).where(
                ACCOUNT.c.owner_id == account_id, ACCOUNT.c.deleted_at_us.is_(None)
            )
            for agent_id in [*connection.execute(found).scalars(), account_id]:
                remove(parts, connection, agent_id)

    def _row(self, account_id: str) -> Any:
        with self._parts.database.read() as connection:
            return find_account(connection, account_id)

    def _use_invitation(
        self, connection: sqlalchemy.Connection, invitation: str, *, address: str
    ) -> bool:
        """Whether a good invitation to this address was used up."""
        parts = self._parts
        needs_one = parts.registration == INVITATION
        if not invitation and not needs_one:
            return False
        try:
            ticket = letters.peek_ticket(connection, invitation, now_us=parts.now_us())
            is_theirs = addresses.key_of(ticket.email) == addresses.key_of(address)
            if ticket.purpose != letters.INVITE or not is_theirs:
                raise LinkInvalid
            letters.use_ticket(connection, ticket.digest, now_us=parts.now_us())
        except LinkInvalid as error:
            if needs_one:
                raise RegistrationRefused(needs_invitation=True) from error
            return False
        return True

    def _answer(self, connection: sqlalchemy.Connection, fresh: Any, *, address: str) -> None:
        """Mail to the address; the same rows are written whether it was known or not."""
        parts = self._parts
        account = (
            fresh
            or connection.execute(
                sqlalchemy.select(ACCOUNT).where(ACCOUNT.c.email_key == addresses.key_of(address))
            ).one()
        )
        words.keep(connection, account.id, email=account.email, name=account.name)
        purpose = letters.RESET if fresh is None else letters.VERIFY
        link = letters.new_ticket(
            parts, connection, purpose, email=account.email, account_id=account.id
        )
        if fresh is None:
            letters.put(
                parts,
                connection,
                template="already_registered",
                to=account.email,
                secret={"reset_link": link},
                link=parts.link("/login"),
            )
        elif not fresh.is_verified:
            letters.put(
                parts,
                connection,
                template="verify",
                to=account.email,
                secret={"link": link},
                hours=parts.config.verify_hours,
            )

    def _confirm(self, connection: sqlalchemy.Connection, ticket: Any) -> Any:
        account = find_account(connection, ticket.account_id)
        values: dict[str, Any] = {"is_verified": True}
        if ticket.purpose == letters.MOVE:
            values |= {"email": ticket.email, "email_key": addresses.key_of(ticket.email)}
            letters.put(
                self._parts,
                connection,
                template="address_changed",
                to=account.email,
                new_email=ticket.email,
                link=self._parts.link("/settings"),
            )
            # Links that went to the old mailbox, for the old address, are good no more.
            _drop_tickets(connection, account.id)
        elif account.email != ticket.email:
            raise LinkInvalid
        changed = connection.execute(
            ACCOUNT.update().where(ACCOUNT.c.id == account.id).values(values).returning(ACCOUNT)
        ).one()
        if changed.email != account.email:
            words.keep(connection, account.id, email=changed.email, name=changed.name)
        return changed


def insert(
    parts: Parts,
    connection: sqlalchemy.Connection,
    *,
    email: str,
    name: str,
    password_hash: str | None,
    is_verified: bool,
    is_admin: bool = False,
) -> Any:
    """The row of a fresh account; None: the address has one. The first of all is administrator.

    Its words are the caller's to keep.

    Of any number that register first at once, one is: whoever claims the one row of the state.
    """
    account_id, key = parts.new_id(), addresses.key_of(email)
    is_known = sqlalchemy.select(ACCOUNT.c.id).where(ACCOUNT.c.email_key == key).exists()
    founded = connection.execute(
        STATE.update().where(STATE.c.founder_id.is_(None), ~is_known).values(founder_id=account_id)
    )
    dialect_insert = sqlite.insert if parts.database.is_sqlite else postgresql.insert
    return connection.execute(
        dialect_insert(ACCOUNT)
        .values(
            id=account_id,
            role="admin" if is_admin or founded.rowcount == 1 else "user",
            email=email,
            email_key=key,
            name=name,
            preferences="{}",
            password_hash=password_hash,
            is_verified=is_verified,
            is_disabled=False,
            scopes="",
            created_at_us=parts.now_us(),
        )
        .on_conflict_do_nothing()
        .returning(ACCOUNT)
    ).first()


def remove(parts: Parts, connection: sqlalchemy.Connection, account_id: str) -> None:
    """End an account with its sign-ins and keys, and have its data erased; within `changes.of`."""
    now_us = parts.now_us()
    connection.execute(
        ACCOUNT.update()
        .where(ACCOUNT.c.id == account_id)
        .values(
            deleted_at_us=now_us,
            is_disabled=True,
            email="",
            email_key=None,
            name="",
            preferences="{}",
            password_hash=None,
        )
    )
    sessions.end(connection, account_id, now_us=now_us)
    connection.execute(
        KEY.update()
        .where(KEY.c.account_id == account_id, KEY.c.revoked_at_us.is_(None))
        .values(revoked_at_us=now_us)
    )
    _drop_tickets(connection, account_id)
    words.forget(connection, account_id)
    connection.execute(DEVICE.delete().where(DEVICE.c.account_id == account_id))
    database.put(
        connection,
        DELETE,
        payload={"account_id": account_id},
        now_us=now_us,
        id=f"{DELETE}/{account_id}",
    )


def keep_an_administrator(
    connection: sqlalchemy.Connection, account: Any, *, are_others_kept: bool = False
) -> None:
    """Refuse to take away the last administrator; in a transaction of `changes`, one at a time.

    Args:
        connection: of the transaction.
        account: who is to be one no more.
        are_others_kept: True: where there is nobody else at all, it is fine.
    """
    if account.role != "admin":
        return
    others = sqlalchemy.select(ACCOUNT.c.id).where(
        ACCOUNT.c.id != account.id,
        ACCOUNT.c.owner_id.is_(None),
        ACCOUNT.c.deleted_at_us.is_(None),
    )
    is_admin = (ACCOUNT.c.role == "admin") & ACCOUNT.c.is_disabled.is_(False)
    if connection.execute(others.where(is_admin).limit(1)).first() is not None:
        return
    if not are_others_kept or connection.execute(others.limit(1)).first() is not None:
        raise LastAdministrator


def _set_password(
    parts: Parts,
    connection: sqlalchemy.Connection,
    account: Any,
    *,
    password_hash: str,
    is_verified: bool,
) -> None:
    connection.execute(
        ACCOUNT.update()
        .where(ACCOUNT.c.id == account.id)
        .values(password_hash=password_hash, is_verified=is_verified)
    )
    connection.execute(
        TICKET.delete().where(TICKET.c.account_id == account.id, TICKET.c.purpose == letters.RESET)
    )
    bucket = attempts.address_bucket(parts, email_key=addresses.key_of(account.email))
    parts.throttle.give_back(connection, [bucket])


def _tell_password_changed(
    parts: Parts, connection: sqlalchemy.Connection, account: Any, *, client: Client
) -> None:
    letters.put(
        parts,
        connection,
        template="password_changed",
        to=account.email,
        **sessions.where_from(client, now_us=parts.now_us()),
        link=parts.link("/reset"),
    )


def _drop_tickets(connection: sqlalchemy.Connection, account_id: str) -> None:
    connection.execute(TICKET.delete().where(TICKET.c.account_id == account_id))
