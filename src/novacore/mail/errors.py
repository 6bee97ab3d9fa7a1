"""What can go wrong with mail.

NovaError
└── MailError
    ├── LetterUnknown     REFUSED      no letter has this name, or a fact that it needs is missing
    ├── AddressInvalid    REFUSED      what should be an address of mail is none
    ├── MailRefused       REFUSED      the mail server will not take this letter, now or later
    ├── OutboxUnknown     REFUSED      the outbox has no such letter
    └── MailUnsent        UNAVAILABLE  the mail server or the outbox's disk can't take it now
"""

from novacore.kit import ErrorKind, NovaError


class MailError(NovaError):
    """A letter could not be written or delivered."""


class LetterUnknown(MailError):
    """There is no such letter, or a fact that it needs is missing."""


class AddressInvalid(MailError):
    """This is no address of mail."""


class MailRefused(MailError):
    """The mail server refuses this letter for good."""


class OutboxUnknown(MailError):
    """The outbox has no such letter."""


class MailUnsent(MailError):
    """The letter could not be delivered now; it is tried again."""

    kind = ErrorKind.UNAVAILABLE
