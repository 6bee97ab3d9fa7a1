"""Guesses at passwords: what they are counted in, and asking for one's own password again."""

from typing import Any

from novacore.identity import addresses, tokens
from novacore.identity.errors import PasswordWrong
from novacore.identity.model import Client
from novacore.identity.parts import HOUR_US, MINUTE_US, Parts
from novacore.identity.throttle import Bucket


def sign_in_buckets(
    parts: Parts, *, email_key: str, client: Client, is_known_device: bool
) -> list[Bucket]:
    """What a sign-in is counted in before the password is looked at.

    A browser that signed in to this account before has a bucket of its own, so nobody can lock its
    person out by guessing from elsewhere.
    """
    address = parts.vault.mac(email_key)
    if is_known_device:
        device = tokens.digest(client.device_token)
        return [_own(parts, f"sign-in/device/{address}/{device}"), *_network(parts, client)]
    everything = Bucket(
        name="sign-in/all",
        limit=parts.config.failures_global_max,
        window_us=parts.config.failures_window_minutes * MINUTE_US,
        wait_us_max=0,
    )
    return [address_bucket(parts, email_key=email_key), everything, *_network(parts, client)]


def address_bucket(parts: Parts, *, email_key: str) -> Bucket:
    """What sign-ins to one address from unknown browsers are counted in."""
    return _own(parts, f"sign-in/address/{parts.vault.mac(email_key)}")


def ask_again(parts: Parts, account: Any, *, password: str, client: Client) -> None:
    """Make sure that whoever is signed in knows the password.

    Raises:
        PasswordWrong: they don't.
        Throttled: too many guesses.
    """
    buckets = [_own(parts, f"again/{account.id}"), *_network(parts, client)]
    parts.throttle.take(buckets)
    if not parts.passwords.is_right(account.password_hash, password):
        raise PasswordWrong
    with parts.database.begin() as connection:
        parts.throttle.give_back(connection, buckets)


def _own(parts: Parts, name: str) -> Bucket:
    config = parts.config
    return Bucket(
        name=name,
        limit=config.failures_max,
        window_us=config.failures_window_minutes * MINUTE_US,
        wait_us_max=config.failures_wait_hours_max * HOUR_US,
        is_own=True,
    )


def _network(parts: Parts, client: Client) -> list[Bucket]:
    network = addresses.network_of(client.ip)
    if not network:
        return []
    config = parts.config
    return [
        Bucket(
            name=f"sign-in/network/{parts.vault.mac(network)}",
            limit=config.failures_ip_max,
            window_us=config.failures_window_minutes * MINUTE_US,
            wait_us_max=config.failures_wait_hours_max * HOUR_US,
        )
    ]
