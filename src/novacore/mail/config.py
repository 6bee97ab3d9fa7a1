"""Settings of the mail room; section `[mail]` of nova.toml."""

import dataclasses
import email.utils
import ipaddress

from novacore import kit
from novacore.mail.addresses import is_address

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Where letters go to, and as whose. Checked when constructed."""

    smtp_host: str = kit.setting(
        "",
        doc="The mail server. Empty: letters are kept in the outbox folder of the data directory, "
        "shown on the console and on the local page /outbox.",
    )
    smtp_port: int = kit.setting(
        0,
        minimum=0,
        maximum=65_535,
        doc="The mail server's port. 0: 587 with starttls, 465 with tls, 25 with none.",
    )
    smtp_tls: str = kit.setting(
        "starttls",
        choices=("starttls", "tls", "none"),
        doc="How the connection is encrypted: starttls begins in the clear and insists on TLS, "
        "tls encrypts from the first byte, none never encrypts.",
    )
    smtp_user: str = kit.setting("", doc="The name to sign in with. Empty: no sign-in.")
    smtp_password: str = kit.setting("", secret=True, doc="The password to sign in with.")
    smtp_ca_file: str = kit.setting(
        "", doc="The certificates that are trusted, as a PEM file. Empty: those of the system."
    )
    smtp_timeout_ms: int = kit.setting(
        30_000,
        unit="ms",
        minimum=100,
        maximum=600_000,
        doc="The longest that one step of the conversation with the mail server may take.",
    )
    sender: str = kit.setting(
        "NovaCore <nova@localhost>",
        doc="Who letters come from: an address, or a name with the address in angle brackets.",
    )
    outbox_letters_max: int = kit.setting(
        500,
        unit="letters",
        minimum=1,
        maximum=100_000,
        doc="Letters kept in the outbox folder; the oldest go first.",
    )

    def __post_init__(self) -> None:
        kit.check(self)
        if not is_address(self.sender_address):
            raise kit.SettingInvalid(
                f"sender is {self.sender!r}; expected an address such as "
                "'NovaCore <nova@example.org>'.",
                name="sender",
            )
        if self.smtp_user and self.smtp_tls == "none" and not _is_loopback(self.smtp_host):
            raise kit.SettingInvalid(
                "smtp_tls is none, which would send the password of smtp_user in the clear.",
                name="smtp_tls",
                hint="Set smtp_tls to starttls or tls, or leave smtp_user empty.",
            )

    @property
    def port(self) -> int:
        """The port in use."""
        return self.smtp_port or _PORTS[self.smtp_tls]

    @property
    def sender_name(self) -> str:
        """The sender's name; empty: none was given."""
        return email.utils.parseaddr(self.sender)[0]

    @property
    def sender_address(self) -> str:
        """The sender's address."""
        return email.utils.parseaddr(self.sender)[1]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
