"""What salvage recovered, what is lost, and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Entries of a session that are lost. An entry of kind `state` stands in the place of each."""

    session_id: str
    """The session's id."""
    session: str
    """Its name."""
    first: int
    """The position of the first lost entry."""
    last: int
    """The position of the last."""

    @property
    def entries(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class LostText:
    """A long text whose blob is lost; the rest of its entry is there."""

    session_id: str
    """The session's id."""
    session: str
    """Its name."""
    position: int
    """The entry's position."""
    blob: str
    """The blob's address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SalvageReport:
    """What salvage did. `dataclasses.asdict` makes it JSON."""

    source: str
    """The damaged data directory; it was only read."""
    target: str
    """The new one."""
    sessions: int
    """Sessions that were recovered."""
    unnamed: int
    """Sessions among them whose name, workspace and owner are lost; they are called recovered-…"""
    entries: int
    """Entries that were recovered, erased ones included."""
    erased: int
    """Entries among them that were erased and stay so."""
    gaps: Sequence[Gap]
    """Lost entries whose place is known."""
    texts: Sequence[LostText]
    """Long texts that are lost."""
    unplaced: int
    """Entries that were acknowledged and are lost, without a trace of where they stood."""
    problems: Sequence[str]
    """What else was met."""

    @property
    def lost(self) -> int:
        """How many entries are lost."""
        return sum(gap.entries for gap in self.gaps) + self.unplaced

    @property
    def is_complete(self) -> bool:
        """True when nothing is lost."""
        return not (self.lost or self.texts or self.unnamed)

    def lines(self) -> Iterator[str]:
        """The report for a person."""
        yield f"{self.entries} entries of {self.sessions} sessions are in {self.target}."
        if self.erased:
            yield f"{self.erased} of them were erased, and stay so."
        if self.unnamed:
            yield (
                f"{self.unnamed} sessions lost their names, and are called recovered-…"
                " under the local owner."
            )
        for gap in self.gaps:
            where = f"Session {gap.session} ({gap.session_id}):"
            if gap.entries == 1:
                yield f"{where} entry {gap.first} is lost; a note stands in its place."
            else:
                yield (
                    f"{where} entries {gap.first} to {gap.last} are lost;"
                    " notes stand in their places."
                )
        for text in self.texts:
            yield (
                f"Session {text.session} ({text.session_id}), entry {text.position}: a long text"
                f" is lost ({text.blob})."
            )
        if self.unplaced:
            yield f"{self.unplaced} acknowledged entries are lost; where they stood is not known."
        yield from self.problems
        if self.is_complete:
            yield "Nothing is lost."

    def __str__(self) -> str:
        return "\n".join(self.lines())
