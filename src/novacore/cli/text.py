"""Text for a terminal: made harmless, measured in columns, wrapped while it streams.

A column is what a terminal cell takes: CJK characters and emoji take two, combining marks none.
"""

import re

import wcwidth

TAB_COLUMNS = 4
_FENCE = ("```", "~~~")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` without anything that could move the cursor, ring, reorder or fail to encode.

    Newlines stay, tabs become spaces, a carriage return before a newline goes; other control
    characters are shown as `^[` or as an escape, as are direction overrides and lone surrogates.
    """
    text = text.replace("\r\n", "\n").replace("\t", " " * TAB_COLUMNS)
    return _UNSAFE.sub(_shown, text)


def width_of(text: str) -> int:
    """Columns that `text` takes; it holds no newline."""
    return wcwidth.width(text)


def cut(text: str, columns: int, *, mark: str = "…") -> str:
    """The first line of `text` in at most `columns` columns; `mark` ends it where something is
    missing.
    """
    line, newline, _rest = text.partition("\n")
    if not newline and width_of(line) <= columns:
        return line
    room = max(0, columns - width_of(mark))
    taken: list[str] = []
    for grapheme in wcwidth.iter_graphemes(line):
        room -= width_of(grapheme)
        if room < 0:
            break
        taken.append(grapheme)
    return "".join(taken) + mark


def pad(text: str, columns: int) -> str:
    """`text` filled with spaces to `columns`, or cut to them."""
    text = cut(text, columns)
    return text + " " * (columns - width_of(text))


def wrap(text: str, columns: int) -> str:
    """`text` broken between words so that no line is wider than `columns`; 0 breaks nothing."""
    flow = Flow(columns)
    return flow.feed(text) + flow.finish()


class Flow:
    """Wraps text that arrives in pieces.

    Between pieces only the last word is held back. Long words and CJK text are broken between
    characters; lines inside a Markdown fence are left as they are, so that code can be copied.

    Args:
        columns: the widest line; 0 breaks nothing.
        column: where the cursor stands now.
    """

    def __init__(self, columns: int, *, column: int = 0) -> None:
        self._columns = columns
        self._column = column
        self._spaces = 0
        self._word = ""
        self._line_head = ""
        self._is_fenced = False
        self._out: list[str] = []

    @property
    def column(self) -> int:
        """Where the cursor stands, without what is held back."""
        return self._column

    def feed(self, text: str) -> str:
        """What can be written now that `text` has come."""
        if self._columns <= 0:
            self._column = width_of(text.rsplit("\n", 1)[-1]) if "\n" in text else 1
            return text
        for part in re.findall(r"\n| +|[^ \n]+", text):
            self._take(part)
        self._release()
        return self._taken()

    def finish(self) -> str:
        """What was held back; nothing follows on this line."""
        self._place(self._word)
        self._word = ""
        return self._taken()

    def _take(self, part: str) -> None:
        if len(self._line_head) < len(_FENCE[0]) and part != "\n":
            self._line_head = (self._line_head + part).lstrip()
        if part == "\n":
            self._place(self._word)
            self._word = ""
            self._new_line()
            self._is_fenced ^= self._line_head.startswith(_FENCE)
            self._line_head = ""
            self._spaces = 0
        elif part[0] == " ":
            self._place(self._word)
            self._word = ""
            self._spaces += len(part)
        else:
            self._word += part

    def _release(self) -> None:
        """Let go of a held word that can be broken anywhere, all but its last character."""
        if width_of(self._word) == len(self._word) < self._columns:
            return
        graphemes = list(wcwidth.iter_graphemes(self._word))
        if len(graphemes) > 1:
            self._place("".join(graphemes[:-1]))
            self._word = graphemes[-1]

    def _place(self, word: str) -> None:
        if not word:
            return
        width = width_of(word)
        fits = self._column + self._spaces + width <= self._columns
        if fits or self._is_fenced:
            self._out.append(" " * self._spaces + word)
            self._column += self._spaces + width
        elif width <= self._columns and width == len(word):
            self._new_line()
            self._out.append(word)
            self._column = width
        else:
            self._place_by_character(word)
        self._spaces = 0

    def _place_by_character(self, word: str) -> None:
        if self._column + self._spaces < self._columns:
            self._out.append(" " * self._spaces)
            self._column += self._spaces
        for grapheme in wcwidth.iter_graphemes(word):
            width = width_of(grapheme)
            if self._column and self._column + width > self._columns:
                self._new_line()
            self._out.append(grapheme)
            self._column += width

    def _new_line(self) -> None:
        self._out.append("\n")
        self._column = 0

    def _taken(self) -> str:
        text = "".join(self._out)
        self._out.clear()
        return text


def _shown(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return "^" + chr(code + 0x40)
    if code == 0x7F:
        return "^?"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
