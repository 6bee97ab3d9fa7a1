"""Examples of every letter, a mailer, and a real mail server on loopback."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from aiosmtpd.controller import Controller

from novacore import mail
from novacore.kit import FixedClock

HOME: Final = "https://nova.example.org"
NOON_US: Final = 1_900_000_000_000_000
EXAMPLES: Final[Mapping[str, Mapping[str, object]]] = {
    "account_deleted": {},
    "address_changed": {"new_email": "ann@new.example.org", "link": f"{HOME}/settings"},
    "already_registered": {"link": f"{HOME}/login", "reset_link": f"{HOME}/reset"},
    "export_ready": {"link": f"{HOME}/settings", "expires_at_us": NOON_US},
    "invitation": {"link": f"{HOME}/register?invitation=abc", "inviter": "Ben <b> & Co"},
    "limit_100": {
        "resource": "tokens", "limit": 50_000, "used": 50_000, "resets_at_us": NOON_US,
        "link": f"{HOME}/usage",
    },
    "limit_80": {
        "resource": "messages", "limit": 100, "used": 81, "resets_at_us": NOON_US,
        "link": f"{HOME}/usage",
    },
    "new_device": {
        "device": "Firefox on Linux", "ip": "192.0.2.7", "at_us": NOON_US,
        "link": f"{HOME}/settings",
    },
    "password_changed": {"device": "Firefox on Linux", "link": f"{HOME}/settings"},
    "reset": {"link": f"{HOME}/reset?token=abc&x=1"},
    "session_reused": {"ip": "192.0.2.7", "link": f"{HOME}/settings"},
    "trial_ended": {"link": f"{HOME}/plans"},
    "trial_reminder": {"ends_at_us": NOON_US, "link": f"{HOME}/plans"},
    "verify": {"link": f"{HOME}/verify?token=abc"},
}  # fmt: skip


class Received:
    """What a mail server received, and what it answers."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, list[str], bytes]] = []
        self.answers: dict[str, str] = {}
        """The answer to RCPT or DATA, where it is to be another one than yes."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if answer := self.answers.get("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if answer := self.answers.get("DATA"):
            return answer
        self.letters.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


class AnyPort(Controller):
    """A mail server on whatever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
def smtp_server(received: Received) -> Iterator[Callable[..., int]]:
    """Starts a mail server; gives its port."""
    running: list[Controller] = []

    def start(**options: Any) -> int:
        controller = AnyPort(received, hostname="127.0.0.1", port=0, **options)
        controller.start()
        running.append(controller)
        return controller.port

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture
def lines() -> list[str]:
    """What was said on the console."""
    return []


@pytest.fixture
def make_mailer(tmp_path: Path, lines: list[str]) -> Callable[..., mail.Mailer]:
    def make(**settings: Any) -> mail.Mailer:
        return mail.Mailer(
            mail.Config(**settings), folder=tmp_path / "outbox", clock=FixedClock(),
            home=HOME, announce=lines.append,
        )  # fmt: skip

    return make


def letter(**changes: Any) -> mail.Message:
    facts: dict[str, Any] = {
        "id": "0190-1", "template": "verify", "to": "ann@example.org",
        "params": EXAMPLES["verify"],
    }  # fmt: skip
    return mail.Message(**(facts | changes))
