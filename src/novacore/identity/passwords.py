"""Passwords: which are good enough, and how they are kept.

Argon2id takes memory and time by design, so only a few run at once, whoever asks; who asks too
much is turned away. Checking against no account costs what checking against one does.
"""

import base64
import os
import threading
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from importlib import resources
from typing import Final

import argon2

from novacore.identity.config import Config
from novacore.identity.errors import HasherBusy, PasswordWeak

CHARS_MAX: Final = 128
"""Longer passwords make nothing safer and only cost time to hash."""

_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32


class Passwords:
    """Checks and hashes passwords. Safe between threads."""

    def __init__(self, config: Config) -> None:
        self._chars_min = config.password_chars_min
        self._hasher = argon2.PasswordHasher(
            time_cost=config.password_passes,
            memory_cost=config.password_memory_kib,
            parallelism=1,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._slots = threading.Semaphore(config.password_checks_at_once)
        self._inside_max = config.password_checks_at_once + config.password_checks_waiting_max
        self._inside = 0
        self._lock = threading.Lock()
        self._common: frozenset[str] | None = None
        self._nobody = self._hash_of_nobody(config)
        self.checks = 0
        """How many times Argon2id ran."""

    def check(self, password: str, *, personal: tuple[str, ...] = ()) -> None:
        """Refuse what can be guessed.

        Args:
            password: what somebody wants to use.
            personal: what everybody knows about them: the address, the name.

        Raises:
            PasswordWeak: with the reason.
        """
        normal = _normal(password)
        if len(normal) < self._chars_min:
            raise PasswordWeak(
                f"The password is too short; it takes at least {self._chars_min} characters.",
                reason="short",
            )
        if len(normal) > CHARS_MAX:
            raise PasswordWeak(
                f"The password is too long; {CHARS_MAX} characters are enough.", reason="long"
            )
        folded = normal.casefold()
        known = {each.casefold() for each in personal if each}
        known |= {each.partition("@")[0] for each in known}
        if folded in known:
            raise PasswordWeak("The password is your own address or name.", reason="personal")
        if folded in self._common_ones() or len(set(folded)) < 3:
            raise PasswordWeak("Many people use this password.", reason="common")

    def hash(self, password: str) -> str:
        """The password as it is stored.

        Raises:
            HasherBusy: too many wait.
        """
        with self._turn():
            return self._hasher.hash(_normal(password))

    def is_right(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the stored one; for None, after the same work, no.

        Raises:
            HasherBusy: too many wait.
        """
        is_possible = stored is not None and len(password) <= CHARS_MAX * 4
        against = stored if is_possible else self._nobody
        with self._turn():
            try:
                self._hasher.verify(against or self._nobody, _normal(password[: CHARS_MAX * 4]))
            except argon2.exceptions.VerificationError:
                return False
            return is_possible

    def is_outdated(self, stored: str) -> bool:
        """Whether it was hashed with other parameters than are wanted now."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _turn(self) -> Generator[None]:
        with self._lock:
            if self._inside >= self._inside_max:
                raise HasherBusy
            self._inside += 1
            self.checks += 1
        try:
            with self._slots:
                yield
        finally:
            with self._lock:
                self._inside -= 1

    def _common_ones(self) -> frozenset[str]:
        if self._common is None:
            text = (resources.files("novacore.identity") / "common_passwords.txt").read_text(
                "utf-8"
            )
            self._common = frozenset(
                line for line in text.splitlines() if line and not line.startswith("# ")
            )
        return self._common

    @staticmethod
    def _hash_of_nobody(config: Config) -> str:
        """A hash that nobody knows the password of, with the cost of a real one."""
        salt, digest = (
            base64.b64encode(os.urandom(count)).rstrip(b"=").decode()
            for count in (_SALT_BYTES, _HASH_BYTES)
        )
        cost = f"m={config.password_memory_kib},t={config.password_passes},p=1"
        return f"$argon2id$v=19${cost}${salt}${digest}"


def _normal(password: str) -> str:
    """One form for what looks the same, whatever keyboard wrote it (RFC 8265, OpaqueString)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace").decode()
