"""Mail: letters written from templates, and delivered by SMTP or kept in the outbox folder.

It knows no account and decides on nothing; whoever causes a letter names it and its facts (see
`LETTERS`). Retrying is the workers' business. Start with `Mailer.deliver`.
"""

from novacore.mail.addresses import is_address
from novacore.mail.config import Config
from novacore.mail.errors import (
    AddressInvalid,
    LetterUnknown,
    MailError,
    MailRefused,
    MailUnsent,
    OutboxUnknown,
)
from novacore.mail.letters import LETTERS, Needs
from novacore.mail.mailer import Announce, Mailer
from novacore.mail.model import Delivered, Letter, Message, OutboxLetter
from novacore.mail.writing import write_letter

__all__ = [
    "LETTERS",
    "AddressInvalid",
    "Announce",
    "Config",
    "Delivered",
    "Letter",
    "LetterUnknown",
    "MailError",
    "MailRefused",
    "MailUnsent",
    "Mailer",
    "Message",
    "Needs",
    "OutboxLetter",
    "OutboxUnknown",
    "is_address",
    "write_letter",
]
