"""Text that was recalled is marked where it is shown to a model, so that it is never new again."""

import re
from typing import Final

_OPEN: Final = "<recalled>"
_CLOSE: Final = "</recalled>"
_ANY_MARK: Final = re.compile(r"<(?=\s*/?\s*recalled\b)", re.IGNORECASE)
_SPAN: Final = re.compile(
    r"<\s*recalled\b[^>]*>.*?(?:<\s*/\s*recalled\s*>|\Z)", re.IGNORECASE | re.DOTALL
)


def mark_recalled(text: str) -> str:
    """A recalled text between marks. Marks inside it are made harmless, so it can't end early."""
    return f"{_OPEN}\n{_ANY_MARK.sub('‹', text)}\n{_CLOSE}"


def recalled_spans(text: str) -> list[tuple[int, int]]:
    """Where marked text stands, as (start, end); a mark that is not closed reaches to the end."""
    return [match.span() for match in _SPAN.finditer(text)]
