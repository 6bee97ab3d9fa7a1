"""Sending by SMTP, and what the server's answers mean for a second try."""

import email.message
import ssl

from novacore.mail.config import Config
from novacore.mail.errors import MailRefused, MailUnsent

_PERMANENT = 500


async def send(config: Config, letter: email.message.EmailMessage, *, to: str) -> None:
    """Hand a letter to the mail server.

    Returns when the server took it. A connection that breaks before the answer may mean either;
    then it is sent again, with the same Message-ID.

    Raises:
        MailRefused: the server will never take this letter for this address.
        MailUnsent: not now, or not as it is set; a later try may help.
    """
    import aiosmtplib  # noqa: PLC0415 - an extra, which whoever sends no mail need not have

    try:
        await aiosmtplib.send(
            letter,
            sender=config.sender_address,
            recipients=[to],
            hostname=config.smtp_host,
            port=config.port,
            username=config.smtp_user or None,
            password=config.smtp_password or None,
            timeout=config.smtp_timeout_ms / 1_000,
            use_tls=config.smtp_tls == "tls",
            start_tls=config.smtp_tls == "starttls",
            tls_context=_context(config),
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        raise _refusal(config, first.code, first.message) from error
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPAuthenticationError) as error:
        # Wrong settings, which an administrator mends: the letter waits.
        raise _unsent(config, f"{error.code} {error.message}") from error
    except aiosmtplib.SMTPDataError as error:
        raise _refusal(config, error.code, error.message) from error
    except aiosmtplib.SMTPNotSupported as error:
        if "SMTPUTF8" not in str(error):
            raise _unsent(config, str(error)) from error
        raise MailRefused(
            f"The mail server {config.smtp_host} can't write to an address like this one."
        ) from error
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise _unsent(config, str(error) or type(error).__name__) from error


def _refusal(config: Config, code: int, said: str) -> MailRefused | MailUnsent:
    shown = f"{code} {said}"
    if code >= _PERMANENT:
        return MailRefused(f"The mail server {config.smtp_host} refuses the letter: {shown}")
    return _unsent(config, shown)


def _unsent(config: Config, said: str) -> MailUnsent:
    return MailUnsent(
        f"The mail server {config.smtp_host}:{config.port} can't be used: {said}",
        hint="Check the settings mail.smtp_*; the letter waits and is tried again.",
    )


def _context(config: Config) -> ssl.SSLContext | None:
    if config.smtp_tls == "none":
        return None
    try:
        return ssl.create_default_context(cafile=config.smtp_ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise MailUnsent(
            f"The certificates in {config.smtp_ca_file} can't be read: {error}",
            hint="Set mail.smtp_ca_file to a PEM file, or leave it empty.",
        ) from error
