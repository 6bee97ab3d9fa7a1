"""Guesses at passwords are counted before they are looked at, on SQLite and PostgreSQL."""

import pytest
from tests.rooms.identity.conftest import PASSWORD

from novacore import identity
from novacore.identity import tables

MINUTE_MS = 60_000


def _fail(world, times, email="ada@example.org", **client):
    for _ in range(times):
        with pytest.raises(identity.SignInFailed):
            world.sign_in(email, "not the password", **client)


def _wait_of(world, email="ada@example.org", password=PASSWORD, **client):
    with pytest.raises(identity.Throttled) as told:
        world.sign_in(email, password, **client)
    return told.value.retry_after_s


def test_five_failures_are_followed_by_a_wait_whether_the_address_is_known_or_not(world):
    world.person()
    for email in ("ada@example.org", "nobody@example.org"):
        _fail(world, 5, email)
        assert _wait_of(world, email) == 900
    world.clock.advance_ms(15 * MINUTE_MS)
    assert world.sign_in()


def test_twenty_wrong_at_once_are_five_that_are_looked_at(world, at_once):
    """Counting after the look would let all of them through."""
    world.person()
    passwords = world.identity.accounts._parts.passwords
    before = passwords.checks

    def guess(number):
        return world.sign_in("ada@example.org", f"guess number {number}")

    results = at_once(guess, list(range(20)))
    assert sum(isinstance(each, identity.SignInFailed) for each in results) == 5
    assert sum(isinstance(each, identity.Throttled) for each in results) == 15
    assert passwords.checks - before == 5


def test_each_further_wait_is_longer_up_to_a_limit(world):
    world.person()
    waits = []
    for _ in range(7):
        _fail(world, 5)
        waits.append(_wait_of(world))
        world.clock.advance_ms(waits[-1] * 1_000)
    assert waits == [900, 1_800, 3_600, 7_200, 14_400, 14_400, 14_400]


def test_who_keeps_trying_while_waiting_waits_no_longer(world):
    """Else a guesser could keep an address shut for ever by asking all the time."""
    world.person()
    _fail(world, 5)
    for _ in range(30):
        _wait_of(world)
    world.clock.advance_ms(15 * MINUTE_MS)
    assert world.sign_in()


def test_no_choice_of_moments_gets_more_than_five_into_a_window(world):
    world.person()
    _fail(world, 4)
    world.clock.advance_ms(14 * MINUTE_MS)
    _fail(world, 1)
    world.clock.advance_ms(1 * MINUTE_MS)
    assert _wait_of(world) > 0


def test_a_success_clears_what_was_counted(world):
    world.person()
    for _ in range(3):
        _fail(world, 4)
        assert world.sign_in()


def test_a_day_of_quiet_forgets_how_long_the_last_wait_was(world):
    world.person()
    for wait_s in (900, 1_800):
        _fail(world, 5)
        assert _wait_of(world) == wait_s
        world.clock.advance_ms(wait_s * 1_000)
    world.clock.advance_ms(24 * 60 * MINUTE_MS)
    _fail(world, 5)
    assert _wait_of(world) == 900


def test_nobody_locks_somebody_out_of_a_browser_that_is_known(world):
    """predecessor 7.3: account lockout by e-mail address."""
    world.person()
    device = world.sign_in().device_token
    _fail(world, 5, ip="198.51.100.66")
    assert _wait_of(world, ip="198.51.100.66")
    assert world.sign_in(device=device)
    _fail(world, 5, device=device)
    assert _wait_of(world, device=device)


def test_the_browser_of_another_account_is_no_way_around(world):
    world.person()
    world.person("eve@example.org")
    device = world.sign_in("eve@example.org").device_token
    _fail(world, 3, device=device)
    _fail(world, 2)
    assert _wait_of(world, device=device)


def test_a_success_with_an_own_account_does_not_clear_guesses_at_others(make_world):
    """An attacker signs in between the guesses: the network's count stays."""
    world = make_world(failures_ip_max=6)
    for name in ("ada", "bob", "eve"):
        world.person(f"{name}@example.org")
    _fail(world, 3, "ada@example.org")
    world.sign_in("eve@example.org")
    _fail(world, 2, "bob@example.org")
    with pytest.raises(identity.SignInFailed):
        world.sign_in("bob@example.org", "not the password")
    assert _wait_of(world, "eve@example.org")
    assert world.sign_in("eve@example.org", ip="198.51.100.5")


def test_a_success_that_comes_last_fills_nothing(make_world):
    """Two failures and a success are no three failures."""
    world = make_world(failures_ip_max=3, failures_max=3)
    world.person()
    _fail(world, 2)
    assert world.sign_in()
    _fail(world, 1)
    assert _wait_of(world, "nobody@example.org")


def test_one_network_of_ipv6_is_counted_as_one(make_world):
    world = make_world(failures_ip_max=3)
    world.person()
    for host in ("1", "2", "ffff:1"):
        _fail(world, 1, f"x{host[0]}@example.org", ip=f"2001:db8:0:1::{host}")
    assert _wait_of(world, ip="2001:db8:0:1:aaaa::9")
    assert world.sign_in(ip="2001:db8:0:2::1")


def test_when_everybody_guesses_at_once_known_browsers_still_come_in(make_world):
    world = make_world(failures_global_max=4)
    world.person()
    device = world.sign_in().device_token
    for number in range(4):
        _fail(world, 1, f"x{number}@example.org", ip=f"198.51.100.{number}")
    assert _wait_of(world, ip="192.0.2.1")
    assert world.sign_in(device=device)


def test_what_is_counted_names_nobody(world):
    world.person()
    _fail(world, 2)
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    names = " ".join(row.name for row in world.rows(tables.THROTTLE))
    assert names
    for fact in ("ada@", "example", "203.0.113.7"):
        assert fact not in names


def test_registrations_of_one_network_are_bounded(make_world):
    world = make_world(registrations_ip_max=3)
    for number in range(3):
        world.identity.accounts.register(
            f"p{number}@example.org", password=PASSWORD, client=world.client()
        )
    with pytest.raises(identity.Throttled):
        world.identity.accounts.register("p9@example.org", password=PASSWORD, client=world.client())
