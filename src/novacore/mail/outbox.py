"""The outbox: a private folder that letters are kept in where no mail server is set.

Each letter is three files, `<id>.html`, `<id>.txt` and `<id>.eml`; it counts once its `.eml` is
there, which is written last. The oldest go when there are too many.
"""

import contextlib
import email
import email.message
import email.policy
import hashlib
import re
from pathlib import Path

from novacore import kit
from novacore.mail.errors import MailUnsent, OutboxUnknown
from novacore.mail.model import Letter, OutboxLetter

_PRIVATE = 0o700
_SAFE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,79}")
_ALONE = re.compile(r"^(https?://\S+)\s*$", re.MULTILINE)
KINDS = ("html", "txt", "eml")


class Outbox:
    """The letters of one outbox folder; processes may share it.

    Args:
        folder: where; made when the first letter comes.
        letters_max: how many are kept.
    """

    def __init__(self, folder: Path, *, letters_max: int) -> None:
        self._folder = folder
        self._letters_max = letters_max

    def keep(self, message_id: str, letter: Letter, *, eml: bytes) -> None:
        """Keep a letter, durably; one of the same id takes its place.

        Raises:
            MailUnsent: the disk is full or failing; what was there before is there still.
        """
        name = file_name(message_id)
        contents = (letter.html.encode(), letter.text.encode(), eml)
        try:
            self._folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            for kind, content in zip(KINDS, contents, strict=True):
                with kit.replaced(self._folder / f"{name}.{kind}", syncs_folder=False) as file:
                    file.write(content)
            kit.sync_folder(self._folder)
        except OSError as error:
            raise MailUnsent(
                f"The letter can't be kept in {self._folder}: {error.strerror}.",
                hint="Free some room, or set mail.smtp_host.",
            ) from error
        self._prune()

    def list_letters(self, *, limit: int) -> list[OutboxLetter]:
        """The newest letters, newest first."""
        return [_read(path) for path in self._paths()[:limit]]

    def read(self, letter_id: str, kind: str) -> bytes:
        """One file of a letter.

        Args:
            letter_id: as `list_letters` gives it.
            kind: `html`, `txt` or `eml`.

        Raises:
            OutboxUnknown: there is no such letter or kind.
        """
        if kind not in KINDS or not _SAFE_ID.fullmatch(letter_id):
            raise OutboxUnknown
        try:
            return (self._folder / f"{letter_id}.{kind}").read_bytes()
        except FileNotFoundError:
            raise OutboxUnknown from None

    def _paths(self) -> list[Path]:
        dated: list[tuple[int, str, Path]] = []
        for path in self._folder.glob("*.eml"):
            # Another process may prune at the same time.
            with contextlib.suppress(FileNotFoundError):
                dated.append((path.stat().st_mtime_ns, path.name, path))
        return [path for _, _, path in sorted(dated, reverse=True) if not path.name.startswith(".")]

    def _prune(self) -> None:
        for path in self._paths()[self._letters_max :]:
            for kind in reversed(KINDS):
                path.with_suffix(f".{kind}").unlink(missing_ok=True)


def file_name(message_id: str) -> str:
    """What a letter's files are called: its id where that is a plain word, else a digest of it."""
    if _SAFE_ID.fullmatch(message_id):
        return message_id
    return hashlib.sha256(message_id.encode()).hexdigest()[:32]


def _read(path: Path) -> OutboxLetter:
    try:
        content = path.read_bytes()
        kept_at_us = path.stat().st_mtime_ns // 1_000
    except FileNotFoundError:
        content, kept_at_us = b"", 0
    told = email.message_from_bytes(content, policy=email.policy.default)
    body = told.get_body(("plain",)) if isinstance(told, email.message.EmailMessage) else None
    found = _ALONE.search(body.get_content()) if body is not None else None
    return OutboxLetter(
        id=path.stem,
        kept_at_us=kept_at_us,
        to=str(told.get("To", "")),
        subject=str(told.get("Subject", "")),
        link=found.group(1) if found else "",
    )
