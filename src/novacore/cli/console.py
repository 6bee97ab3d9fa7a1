"""The two output streams of a command: plain words, styled only where that is wanted and safe."""

import io
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from novacore import settings
from novacore.cli import text

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_COLUMN_GAP = "  "


class Writable(Protocol):
    """What a console writes to."""

    def write(self, text: str, /) -> int:
        """Take `text`."""
        ...

    def flush(self) -> None:
        """Hand on what was taken."""
        ...


class Console:
    """Where a command writes.

    Text that came from outside (messages, names, tool output) is made harmless on the way; lines
    are wrapped to the terminal, and left alone where the output is no terminal.

    Args:
        out: results go here.
        err: errors and remarks about them go here.
        is_terminal: `out` is a terminal.
        has_color: styles may be used.
        is_plain: no cursor movement; what happens is said in lines.
        columns_max: the widest line wanted.
        columns: the width of the terminal; 0 asks the terminal each time.
    """

    def __init__(
        self,
        out: Writable,
        err: Writable,
        *,
        is_terminal: bool = False,
        has_color: bool = False,
        is_plain: bool = True,
        columns_max: int = 100,
        columns: int = 0,
    ) -> None:
        self.out = out
        self.err = err
        self.is_terminal = is_terminal
        self.has_color = has_color
        self.is_plain = is_plain
        self._columns_max = columns_max
        self._columns = columns

    @property
    def columns(self) -> int:
        """The width to wrap at now; 0: the output is no terminal, wrap nothing."""
        if self._columns:
            return min(self._columns, self._columns_max)
        if not self.is_terminal:
            return 0
        return min(shutil.get_terminal_size((80, 24)).columns, self._columns_max)

    def write(self, raw: str) -> None:
        """Write `raw` as it is, at once."""
        self.out.write(raw)
        self.out.flush()

    def line(self, line: str = "", *, style: str = "") -> None:
        """Write lines, made harmless and wrapped."""
        self.write(self.styled(text.wrap(text.clean(line), self.columns), style) + "\n")

    def lines(self, lines: Iterable[str], *, style: str = "") -> None:
        """Write each as `line` does."""
        for each in lines:
            self.line(each, style=style)

    def json(self, value: Any) -> None:
        """Write one JSON value on lines of its own; any text survives any output encoding."""
        is_unicode = (getattr(self.out, "encoding", None) or "utf-8").lower().startswith("utf")
        written = json.dumps(value, ensure_ascii=not is_unicode, indent=2, default=str)
        self.write(_escape_surrogates(written) + "\n")

    def error(self, message: str, *, hint: str = "") -> None:
        """Say on the error stream what went wrong and what to do."""
        self.out.flush()
        self.err.write("nova: " + text.clean(message) + "\n")
        if hint:
            self.err.write("  " + text.clean(hint).replace("\n", "\n  ") + "\n")
        self.err.flush()

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write rows in columns; the last column gets what is left of the line and is cut there."""
        shown = [[text.clean(cell).replace("\n", " ") for cell in row] for row in (head, *rows)]
        widths = [max(text.width_of(row[i]) for row in shown) for i in range(len(head))]
        for index, row in enumerate(shown):
            padded = [text.pad(cell, width) for cell, width in zip(row, widths, strict=True)]
            written = _COLUMN_GAP.join(padded).rstrip()
            if self.columns:
                written = text.cut(written, self.columns)
            self.write(self.styled(written, "dim" if index == 0 else "") + "\n")

    def styled(self, written: str, style: str) -> str:
        """`written` in a style, or unchanged where styles are not wanted."""
        if not style or not self.has_color or not written:
            return written
        codes = ";".join(_STYLES[each] for each in style.split())
        return f"\x1b[{codes}m{written}\x1b[0m"


def open_console(chosen: settings.Settings | None = None) -> Console:
    """The console of this process; without settings, one that is as plain as can be."""
    prepare_streams()
    if chosen is None:
        return Console(sys.stdout, sys.stderr)
    is_terminal = sys.stdout.isatty()
    is_plain = chosen.cli.plain or not is_terminal or chosen.terminal.is_dumb
    wants = {"always": True, "never": False, "auto": not is_plain and not chosen.terminal.no_color}
    return Console(
        sys.stdout,
        sys.stderr,
        is_terminal=is_terminal,
        has_color=wants[chosen.cli.color] and not chosen.cli.plain,
        is_plain=is_plain,
        columns_max=chosen.cli.width_columns_max,
    )


def prepare_streams() -> None:
    """Let the output streams show any text: what they can't encode is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _escape_surrogates(written: str) -> str:
    return written.encode("utf-8", "backslashreplace").decode("utf-8")
