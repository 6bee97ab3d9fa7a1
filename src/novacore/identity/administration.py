"""What administrators do with the accounts of others."""

from typing import Any, Final

import sqlalchemy

from novacore.identity import accounts, addresses, letters, sessions, words
from novacore.identity.errors import AccountUnknown, AddressTaken
from novacore.identity.model import Account, AccountPage, Role
from novacore.identity.parts import Parts
from novacore.identity.records import account_of, find_account, plain
from novacore.identity.tables import ACCOUNT

_TIME_DIGITS: Final = 18


class Administration:
    """Accounts, as an administrator sees them. Who may is decided by the edge."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def create(
        self, email: str, *, password: str = "", name: str = "", is_admin: bool = False
    ) -> Account:
        """An account with a confirmed address; without a password it signs in after a reset.

        Raises:
            AddressInvalid: the address is none.
            AddressTaken: another account has it.
            PasswordWeak: the password can be guessed.
        """
        parts = self._parts
        address = addresses.parse(email)
        password_hash = None
        if password:
            parts.passwords.check(password, personal=(address, name))
            password_hash = parts.passwords.hash(password)
        with parts.database.begin() as connection:
            row = accounts.insert(
                parts,
                connection,
                email=address,
                name=plain(name, chars_max=accounts.NAME_MAX),
                password_hash=password_hash,
                is_verified=True,
                is_admin=is_admin,
            )
            if row is None:
                raise AddressTaken
            words.keep(connection, row.id, email=row.email, name=row.name)
            return account_of(row)

    def password_link(self, account_id: str) -> str:
        """A link by which somebody sets the password of an account, once.

        Raises:
            AccountUnknown: there is none.
        """
        with self._parts.database.begin() as connection:
            row = find_account(connection, account_id)
            return letters.new_ticket(
                self._parts, connection, letters.RESET, email=row.email, account_id=row.id
            )

    def invite(self, email: str, *, inviter: str = "") -> str:
        """Mail an invitation to register; the link, to hand it over in another way, too.

        Raises:
            AddressInvalid: the address is none.
            AddressTaken: there is an account already.
        """
        parts = self._parts
        address = addresses.parse(email)
        with parts.database.begin() as connection:
            if _find_by_address(connection, address) is not None:
                raise AddressTaken
            link = letters.new_ticket(
                parts, connection, letters.INVITE, email=address, account_id=None
            )
            letters.put(
                parts,
                connection,
                template="invitation",
                to=address,
                secret={"link": link},
                inviter=inviter,
                days=parts.config.invitation_days,
            )
        return link

    def find(self, email: str) -> Account:
        """The account of an address.

        Raises:
            AccountUnknown: there is none.
        """
        with self._parts.database.read() as connection:
            row = _find_by_address(connection, email)
        if row is None:
            raise AccountUnknown
        return account_of(row)

    def list(self, *, query: str = "", cursor: str = "", limit: int = 50) -> AccountPage:
        """People's accounts: all, newest first, or those that a search finds, by what it found.

        Args:
            query: how a word of the address or the name begins. Empty: all.
            cursor: `next_cursor` of the page before; empty, or none of ours: from the start.
            limit: accounts on a page; at most `identity.list_max`.
        """
        limit = max(1, min(limit, self._parts.config.list_max))
        start, _, last_id = cursor.partition("-")
        text = plain(query, chars_max=accounts.NAME_MAX).strip()
        if text:
            wanted = words.search(text, after=_place(start, last_id))
        else:
            wanted = _newest(start, last_id)
        people = ACCOUNT.c.owner_id.is_(None), ACCOUNT.c.deleted_at_us.is_(None)
        with self._parts.database.read() as connection:
            rows = [*connection.execute(wanted.where(*people).limit(limit + 1))]
        shown, more = rows[:limit], rows[limit:]
        next_cursor = None
        if more:
            last = shown[-1]
            next_cursor = f"{last.word.hex() if text else last.created_at_us}-{last.id}"
        return AccountPage(accounts=tuple(map(account_of, shown)), next_cursor=next_cursor)

    def update(
        self,
        account_id: str,
        *,
        role: Role | None = None,
        is_disabled: bool | None = None,
        is_verified: bool | None = None,
    ) -> Account:
        """Change what an administrator may; None leaves it. Switching off ends every sign-in.

        Raises:
            AccountUnknown: there is no such person.
            LastAdministrator: nobody else would be one.
        """
        given: dict[str, Any] = {
            "role": role,
            "is_disabled": is_disabled,
            "is_verified": is_verified,
        }
        values = {key: value for key, value in given.items() if value is not None}
        with self._parts.changes.of(account_id) as connection:
            now_us = self._parts.now_us()
            row = find_account(connection, account_id)
            if row.owner_id is not None:
                raise AccountUnknown
            if is_disabled or (role is not None and role != "admin"):
                accounts.keep_an_administrator(connection, row)
            if values:
                row = connection.execute(
                    ACCOUNT.update()
                    .where(ACCOUNT.c.id == account_id)
                    .values(values)
                    .returning(ACCOUNT)
                ).one()
            if is_disabled:
                sessions.end(connection, account_id, now_us=now_us)
            return account_of(row)


def _newest(start: str, last_id: str) -> "sqlalchemy.Select[Any]":
    """All accounts, newest first, behind the one of a cursor."""
    wanted = sqlalchemy.select(ACCOUNT).order_by(
        ACCOUNT.c.created_at_us.desc(), ACCOUNT.c.id.desc()
    )
    if not start.isdecimal() or len(start) >= _TIME_DIGITS:
        return wanted
    at_us = int(start)
    return wanted.where(
        (ACCOUNT.c.created_at_us < at_us)
        | ((ACCOUNT.c.created_at_us == at_us) & (ACCOUNT.c.id < last_id))
    )


def _place(start: str, last_id: str) -> tuple[bytes, str] | None:
    """Where a cursor of a search goes on; None: it is none."""
    try:
        return (bytes.fromhex(start), last_id) if start else None
    except ValueError:
        return None


def _find_by_address(connection: sqlalchemy.Connection, email: str) -> Any:
    return connection.execute(
        sqlalchemy.select(ACCOUNT).where(ACCOUNT.c.email_key == addresses.key_of(email))
    ).first()
