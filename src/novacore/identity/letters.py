"""Letters that accounts cause, and the links in them that work once.

A link's secret is a digest in our table and sealed in the outbox: it can be read in the letter
alone. What somebody asks for by naming an address is decided after the reply, in `write`: asking
takes the same time whether the address is known or not.
"""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy

from novacore import database
from novacore.identity import addresses, tokens
from novacore.identity.errors import LinkInvalid
from novacore.identity.model import Client, Letter
from novacore.identity.parts import DAY_US, HOUR_US, MINUTE_US, Parts
from novacore.identity.tables import ACCOUNT, TICKET
from novacore.identity.throttle import Bucket

MAIL: Final = "mail"
"""The outbox kind of a letter to be sent."""
LETTER: Final = "identity.letter"
"""The outbox kind of a letter that was asked for, to be written by `write`."""

VERIFY: Final = "verify"
RESET: Final = "reset"
MOVE: Final = "move"
"""A ticket that confirms a new address of an account."""
INVITE: Final = "invite"

_PATHS: Final = {
    VERIFY: ("/verify", "token"),
    MOVE: ("/verify", "token"),
    RESET: ("/reset", "token"),
    INVITE: ("/register", "invitation"),
}


def put(
    parts: Parts,
    connection: sqlalchemy.Connection,
    *,
    template: str,
    to: str,
    id: str | None = None,  # noqa: A002 - the row's id
    secret: Mapping[str, Any] | None = None,
    **params: Any,
) -> None:
    """Have a letter sent once this transaction is committed; `secret` params are sealed."""
    payload: dict[str, Any] = {"template": template, "to": to, "params": params}
    if secret is not None:
        payload["sealed"] = parts.vault.seal(secret, purpose=MAIL)
    database.put(connection, MAIL, payload=payload, now_us=parts.now_us(), id=id)


def unseal(parts: Parts, payload: Mapping[str, Any]) -> Letter:
    """A letter of the outbox with its secrets.

    Raises:
        VaultDiffers: another key file sealed them.
    """
    params = dict(payload["params"])
    if "sealed" in payload:
        params |= parts.vault.unseal(payload["sealed"], purpose=MAIL)
    return Letter(template=payload["template"], to=payload["to"], params=params)


def new_ticket(
    parts: Parts,
    connection: sqlalchemy.Connection,
    purpose: str,
    *,
    email: str,
    account_id: str | None,
) -> str:
    """A link that works once, for a letter."""
    token = tokens.new_token()
    now_us = parts.now_us()
    config = parts.config
    lives_us = {
        RESET: config.reset_minutes * MINUTE_US,
        INVITE: config.invitation_days * DAY_US,
    }.get(purpose, config.verify_hours * HOUR_US)
    connection.execute(
        TICKET.insert().values(
            digest=tokens.digest(token),
            purpose=purpose,
            account_id=account_id,
            email=email,
            created_at_us=now_us,
            expires_at_us=now_us + lives_us,
        )
    )
    path, name = _PATHS[purpose]
    return parts.link(path, **{name: token})


def peek_ticket(connection: sqlalchemy.Connection, token: str, *, now_us: int) -> Any:
    """The ticket's row while it is good.

    Raises:
        LinkInvalid: it is not.
    """
    row = connection.execute(
        sqlalchemy.select(TICKET).where(
            TICKET.c.digest == tokens.digest(token),
            TICKET.c.used_at_us.is_(None),
            TICKET.c.expires_at_us > now_us,
        )
    ).first()
    if row is None:
        raise LinkInvalid
    return row


def use_ticket(connection: sqlalchemy.Connection, digest: str, *, now_us: int) -> None:
    """Use a ticket up; of any number at once, one succeeds.

    Raises:
        LinkInvalid: it was used, or ran out.
    """
    used = connection.execute(
        TICKET.update()
        .where(
            TICKET.c.digest == digest,
            TICKET.c.used_at_us.is_(None),
            TICKET.c.expires_at_us > now_us,
        )
        .values(used_at_us=now_us)
    )
    if used.rowcount != 1:
        raise LinkInvalid


def ask(parts: Parts, purpose: str, *, email: str, client: Client) -> None:
    """Somebody wants the letter `purpose` sent to this address, known or not.

    Raises:
        AddressInvalid: it is none.
        Throttled: too many were asked for.
    """
    address = addresses.parse(email)
    parts.throttle.take(letter_buckets(parts, purpose, address=address, client=client))
    with parts.database.begin() as connection:
        payload = {"purpose": purpose, "to": address}
        database.put(connection, LETTER, payload=payload, now_us=parts.now_us())


def write(parts: Parts, row_id: str, *, payload: Mapping[str, Any]) -> None:
    """Write the letter that was asked for, if there is an account to write to.

    Doing it again for the same row sends no second letter.
    """
    purpose, key = str(payload["purpose"]), addresses.key_of(str(payload["to"]))
    with parts.database.begin() as connection:
        row = connection.execute(
            sqlalchemy.select(ACCOUNT).where(ACCOUNT.c.email_key == key)
        ).first()
        if row is None or row.is_disabled or (purpose == VERIFY and row.is_verified):
            return
        link = new_ticket(parts, connection, purpose, email=row.email, account_id=row.id)
        times = (
            {"hours": parts.config.verify_hours}
            if purpose == VERIFY
            else {"minutes": parts.config.reset_minutes}
        )
        put(
            parts,
            connection,
            template=purpose,
            to=row.email,
            id=f"{row_id}/mail",
            secret={"link": link},
            **times,
        )


def letter_buckets(parts: Parts, purpose: str, *, address: str, client: Client) -> list[Bucket]:
    """What a letter that somebody asked for is counted in."""
    key = parts.vault.mac(addresses.key_of(address))
    buckets = [
        Bucket(
            name=f"letter/{purpose}/{key}",
            limit=parts.config.letters_an_hour,
            window_us=HOUR_US,
            wait_us_max=HOUR_US,
            is_own=True,
        )
    ]
    return buckets + network_buckets(parts, "letter", client=client)


def network_buckets(parts: Parts, what: str, *, client: Client) -> list[Bucket]:
    """What requests of one network are counted in; none where the network is unknown."""
    network = addresses.network_of(client.ip)
    if not network:
        return []
    return [
        Bucket(
            name=f"{what}/network/{parts.vault.mac(network)}",
            limit=parts.config.registrations_ip_max,
            window_us=HOUR_US,
            wait_us_max=HOUR_US,
        )
    ]
