"""What is a good password, an address, a token: the parts that need no database."""

import threading

import hypothesis
import pytest
from hypothesis import strategies as st

from novacore import identity
from novacore.identity import addresses, tokens
from novacore.identity.passwords import Passwords

CHEAP = identity.Config(password_memory_kib=8, password_passes=1)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "short"),
        ("seven77", "short"),
        ("x" * 129, "long"),
        ("password", "common"),
        ("PASSWORD1", "common"),
        ("iloveyou1", "common"),
        ("correcthorsebatterystaple", "common"),
        ("aaaaaaaaaa", "common"),
        ("abababab", "common"),
        ("Ada.Lovelace@example.org", "personal"),
        ("ada.lovelace", "personal"),
        ("Countess A", "personal"),
    ],
)
def test_a_password_that_can_be_guessed_is_refused(password, reason):
    with pytest.raises(identity.PasswordWeak) as told:
        Passwords(CHEAP).check(password, personal=("ada.lovelace@example.org", "countess a"))
    assert told.value.reason == reason


@pytest.mark.parametrize(
    "password", ["a quiet violet harbour", "пароль на реке", "ñandú ñandú", "9 zebras", "x1!" * 42]
)
def test_length_counts_and_no_kind_of_character_is_asked_for(password):
    Passwords(CHEAP).check(password, personal=("ada@example.org", ""))


def test_the_bundled_list_has_thousands_and_all_of_them_are_long_enough():
    passwords = Passwords(CHEAP)
    common = passwords._common_ones()
    assert len(common) > 10_000
    assert min(map(len, common)) == CHEAP.password_chars_min
    assert {each.casefold() for each in common} == common


def test_a_password_is_the_same_in_both_forms_of_unicode():
    passwords = Passwords(CHEAP)
    stored = passwords.hash("pa\u0308ssword phrase")
    assert passwords.is_right(stored, "p\u00e4ssword phrase")


def test_a_password_longer_than_seventy_two_bytes_counts_to_its_end():
    """peers d6: bcrypt would cut it."""
    passwords = Passwords(CHEAP)
    stored = passwords.hash("x" * 100 + "1")
    assert passwords.is_right(stored, "x" * 100 + "1")
    assert not passwords.is_right(stored, "x" * 100 + "2")


def test_a_hash_is_argon2id_with_the_cost_that_is_set():
    stored = Passwords(CHEAP).hash("a quiet violet harbour")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert not Passwords(CHEAP).is_outdated(stored)
    assert Passwords(identity.Config()).is_outdated(stored)


@pytest.mark.parametrize("password", ["", "x", "x" * 5_000, "\udc80", "\x00"])
def test_nobody_has_any_password(password):
    assert Passwords(CHEAP).is_right(None, password) is False


def test_only_so_many_run_at_once_and_more_than_may_wait_are_turned_away():
    config = identity.Config(
        password_memory_kib=8,
        password_passes=1,
        password_checks_at_once=2,
        password_checks_waiting_max=3,
    )
    passwords = Passwords(config)
    running, most, lock, go = 0, 0, threading.Lock(), threading.Event()

    class Hasher:
        def hash(self, _password):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            go.wait()
            with lock:
                running -= 1
            return "hash"

    passwords._hasher = Hasher()
    threads = [threading.Thread(target=passwords.hash, args=("x",)) for _ in range(5)]
    for each in threads:
        each.start()
    while passwords._inside < 5:
        threading.Event().wait(0.001)
    with pytest.raises(identity.HasherBusy):
        passwords.hash("x")
    go.set()
    for each in threads:
        each.join()
    assert most == 2
    assert passwords.hash("x") == "hash"


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org", "a+b@x.co", "ada@localhost", "Ünï@exämple.org", "a" * 64 + "@b.c",
        "иван@почта.рф", "x_y@sub.a-b.example", "用户@例子.测试",
    ],
)  # fmt: skip
def test_an_address_of_mail_is_taken(address):
    assert addresses.parse(f"  {address} ") == address


@pytest.mark.parametrize(
    "address",
    [
        "", "ada", "@example.org", "ada@", "a b@example.org", "a@b@c", "a@b.c\nBcc: x@y.z",
        "a\x00@b.c", "a@-b.c", "a@b..c", "<a@b.c>", "a@b.c,d@e.f", "a" * 65 + "@b.c",
        "a@" + "b." * 130 + "c", "a\u200b@b.c", "a@b.c\n@d", "a;b@c.d", '"a b"@c.d', "a\u202e@b.c",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address):
    with pytest.raises(identity.AddressInvalid):
        addresses.parse(address)


def test_spellings_of_one_address_are_one():
    for one, two in (
        ("Ada@Example.org", "ada@EXAMPLE.ORG "),
        ("\u00e4@b.c", "a\u0308@B.C"),
        ("straße@b.c", "STRASSE@b.c"),
        ("ａda@b.c", "ada@b.c"),
    ):
        assert addresses.key_of(one) == addresses.key_of(two)
    assert addresses.key_of("ada+x@b.c") != addresses.key_of("ada@b.c")


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_client_is_counted_by_its_network(ip, network):
    assert addresses.network_of(ip) == network


def test_what_is_no_ip_is_still_counted_as_one_thing():
    assert addresses.network_of("unix") == addresses.network_of("unix") != ""


def test_tokens_and_keys_are_told_apart_by_their_form():
    token, key = tokens.new_token(), tokens.new_key()
    assert tokens.is_key(key)
    assert not tokens.is_key(token)
    assert len({tokens.new_key() for _ in range(100)}) == 100
    assert len(key) == 54
    assert tokens.digest(key) != tokens.digest(token)


@hypothesis.given(st.integers(0, 53), st.characters(codec="utf-8"))
def test_a_mistyped_key_is_known_without_a_look_at_the_database(position, character):
    key = tokens.new_key()
    wrong = key[:position] + character + key[position + 1 :]
    assert tokens.is_key(wrong) == (wrong == key)


def test_a_successor_follows_from_token_and_salt_alone():
    token, salt = tokens.new_token(), tokens.new_token()
    fresh = tokens.successor(token, salt=salt)
    assert len(fresh) == len(token) == 43
    assert fresh == tokens.successor(token, salt=salt)
    assert fresh != tokens.successor(token, salt=tokens.new_token())
    assert fresh != tokens.successor(tokens.new_token(), salt=salt)


def test_no_secret_shows_in_what_is_printed():
    key = identity.APIKey(
        id="1", account_id="2", name="k", prefix="nova_abc", scopes=(),
        limits=identity.KeyLimits(), created_at_us=1, expires_at_us=None, last_used_at_us=None,
    )  # fmt: skip
    assert "nova_secret" not in repr(identity.NewKey(key=key, secret="nova_secret"))
    letter = identity.Letter(template="verify", to="a@b.c", params={"link": "nova_secret"})
    assert "nova_secret" not in repr(letter)
