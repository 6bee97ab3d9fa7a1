"""Delivering letters: written, addressed, and sent by SMTP or kept in the outbox."""

import asyncio
import email.message
import email.policy
import email.utils
from collections.abc import Callable
from pathlib import Path

from novacore.kit import Clock
from novacore.mail import smtp
from novacore.mail.addresses import is_address
from novacore.mail.config import Config
from novacore.mail.errors import AddressInvalid, MailUnsent
from novacore.mail.model import Delivered, Letter, Message, OutboxLetter
from novacore.mail.outbox import Outbox, file_name
from novacore.mail.writing import write_letter

Announce = Callable[[str], None]
"""Told a line for the server's console."""


class Mailer:
    """Delivers letters.

    Args:
        config: where they go to.
        folder: the outbox folder, used where no mail server is set.
        clock: the time, for the Date header.
        home: the address of this NovaCore, for the last line; empty: not named.
        announce: told of each letter that was kept in the outbox, with its link.
    """

    def __init__(
        self, config: Config, *, folder: Path, clock: Clock, home: str, announce: Announce
    ) -> None:
        self._config = config
        self._clock = clock
        self._home = home
        self._announce = announce
        self._outbox = Outbox(folder, letters_max=config.outbox_letters_max)

        self.problem: str | None = None
        """What the mail server said of the last letter of this process; empty: it took it; None:
        it was given none yet."""

    @property
    def is_sending(self) -> bool:
        """Whether letters go to a mail server; False: they stay in the outbox."""
        return bool(self._config.smtp_host)

    async def deliver(self, message: Message) -> Delivered:
        """Deliver a letter.

        At least once: a letter whose delivery was interrupted is delivered again with the same
        Message-ID, which mail servers and readers show once; in the outbox it is there once.

        Raises:
            LetterUnknown, AddressInvalid, MailRefused: never; a second try is of no use.
            MailUnsent: not now.
        """
        written, letter = await asyncio.to_thread(self._write, message)
        message_id = str(letter["Message-ID"])
        if self.is_sending:
            await self._sent(letter, to=message.to)
            return Delivered(message_id=message_id, where="smtp", subject=written.subject)
        await asyncio.to_thread(self._outbox.keep, message.id, written, eml=letter.as_bytes())
        shown = f"Mail to {message.to}: {written.subject}"
        self._announce(f"{shown}\n  {written.link}" if written.link else shown)
        return Delivered(message_id=message_id, where="outbox", subject=written.subject)

    async def _sent(self, letter: email.message.EmailMessage, *, to: str) -> None:
        try:
            await smtp.send(self._config, letter, to=to)
        except MailUnsent as error:
            self.problem = error.message
            raise
        self.problem = ""

    def _write(self, message: Message) -> tuple[Letter, email.message.EmailMessage]:
        if not is_address(message.to):
            raise AddressInvalid(f"{message.to!r} is no address of mail.")
        written = write_letter(message.template, message.params, home=self._home)
        return written, self._addressed(message, written)

    def list_outbox(self, limit: int = 50) -> list[OutboxLetter]:
        """The newest letters of the outbox, newest first; at most `limit`."""
        return self._outbox.list_letters(limit=limit)

    def read_outbox(self, letter_id: str, kind: str) -> bytes:
        """One file of a letter in the outbox: `html`, `txt` or `eml`.

        Raises:
            OutboxUnknown: there is no such letter or kind.
        """
        return self._outbox.read(letter_id, kind)

    def _addressed(self, message: Message, written: Letter) -> email.message.EmailMessage:
        config = self._config
        letter = email.message.EmailMessage(policy=email.policy.SMTP)
        letter["From"] = email.utils.formataddr((config.sender_name, config.sender_address))
        letter["To"] = message.to
        letter["Subject"] = written.subject
        letter["Date"] = email.utils.formatdate(self._clock.now_us() / 1_000_000)
        domain = config.sender_address.rpartition("@")[2]
        letter["Message-ID"] = f"<{file_name(message.id)}@{domain}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(written.text)
        letter.add_alternative(written.html, subtype="html")
        return letter
