"""The letters there are, the facts each needs, and how facts are made harmless and readable."""

import dataclasses
import datetime as dt
import unicodedata
from collections.abc import Mapping
from typing import Final

from novacore.mail.errors import LetterUnknown

_TEXT_MAX = 200
_LINK_MAX = 4_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Needs:
    """What one letter must and may be told."""

    required: frozenset[str] = frozenset()
    optional: Mapping[str, object] = dataclasses.field(default_factory=dict[str, object])
    """Facts with the value taken where none is given."""


def _needs(*required: str, **optional: object) -> Needs:
    return Needs(required=frozenset(required), optional=optional)


LETTERS: Final[Mapping[str, Needs]] = {
    "account_deleted": _needs(),
    "address_changed": _needs(new_email="", link=""),
    "already_registered": _needs("link", reset_link=""),
    "export_ready": _needs(link="", expires_at_us=0),
    "invitation": _needs("link", inviter="", days=7),
    "limit_100": _needs("resource", "limit", "resets_at_us", used=0, link=""),
    "limit_80": _needs("resource", "used", "limit", "resets_at_us", link=""),
    "new_device": _needs(device="", ip="", at_us=0, link=""),
    "password_changed": _needs(device="", ip="", at_us=0, link=""),
    "reset": _needs("link", minutes=60),
    "session_reused": _needs(device="", ip="", at_us=0, link=""),
    "trial_ended": _needs(link=""),
    "trial_reminder": _needs("ends_at_us", link=""),
    "verify": _needs("link", hours=24),
}
"""Every letter by name. Facts ending in `at_us` are microseconds since the epoch, UTC; `link`
and `reset_link` are whole addresses of http or https."""

RESOURCES: Final = {
    "tokens": "tokens",
    "messages": "messages",
    "storage_bytes": "bytes of storage",
    "agent_minutes": "agent minutes",
}


def facts_of(name: str, params: Mapping[str, object]) -> dict[str, object]:
    """The facts of a letter, complete and harmless.

    What a letter does not tell is left out. Text is cut and freed of whatever could break a line
    or become a link; links must be of http or https; times and numbers are made readable.

    Raises:
        LetterUnknown: no letter has this name, a fact is missing, or has no usable value.
    """
    needs = LETTERS.get(name)
    if needs is None:
        known = ", ".join(sorted(LETTERS))
        raise LetterUnknown(f"There is no letter called {name!r}. There are {known}.")
    if missing := sorted(needs.required - params.keys()):
        raise LetterUnknown(f"The letter {name!r} lacks {', '.join(missing)}.")
    given = {**needs.optional, **params}
    wanted = needs.required | needs.optional.keys()
    return {key: _readable(name, key, given[key]) for key in sorted(wanted)}


def _readable(letter: str, key: str, value: object) -> object:
    if key.endswith("link"):
        return _link(letter, key, value)
    if key.endswith("at_us"):
        return _time(letter, key, value)
    if key == "resource":
        return RESOURCES.get(str(value), _plain(str(value)))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _plain(str(value))
    return f"{value:,}"


def _link(letter: str, key: str, value: object) -> str:
    text = str(value)
    is_safe = text.isascii() and text.isprintable() and not set(text) & set(" \"'<>\\`")
    if text and not (text.startswith(("https://", "http://")) and is_safe):
        raise LetterUnknown(f"{key} of the letter {letter!r} is no address of http or https.")
    if len(text) > _LINK_MAX:
        raise LetterUnknown(f"{key} of the letter {letter!r} is too long.")
    return text


def _time(letter: str, key: str, value: object) -> str:
    if not value:
        return ""
    if not isinstance(value, int):
        raise LetterUnknown(f"{key} of the letter {letter!r} is no time.")
    try:
        at = dt.datetime.fromtimestamp(value / 1_000_000, tz=dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise LetterUnknown(f"{key} of the letter {letter!r} is no time.") from error
    return f"{at.day} {_MONTHS[at.month - 1]} {at:%Y, %H:%M} UTC"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def _plain(text: str) -> str:
    """A stranger may have chosen this text: one short line in which nothing becomes a link."""
    kept = "".join(
        " " if unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else each
        for each in text[: _TEXT_MAX * 2]
    )
    return " ".join(kept.replace("://", " ").replace("www.", "www ").split())[:_TEXT_MAX]
