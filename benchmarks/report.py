"""What was measured, and what was to be reached: rows and tables."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the result."""

    section: str
    """Which part of the bench it belongs to."""
    what: str
    """What was measured, in words for a reader."""
    shown: str
    """The figure, with its unit."""
    value: float
    """The figure that the target is about, as a number."""
    key: str = ""
    """Its name for other programs and for the README; empty where nobody asks for it."""
    target: str = ""
    """What was to be reached; empty: shown for comparison only."""
    is_met: bool | None = None
    """Whether it was reached; None: there is no target."""
    is_peer: bool = False
    """True: somebody else's figure."""


def ms(value: float) -> str:
    """A time for a reader."""
    if value < 0.1:
        return f"{value * 1_000:.0f} µs"
    return f"{value:.2f} ms" if value < 10 else f"{value:,.0f} ms"


def number(value: float) -> str:
    """A figure with as many digits as help."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def at_most(
    section: str, what: str, value: float, *, limit: float, unit: str = "ms", key: str = ""
) -> Row:
    """A row whose figure must stay at or below a limit."""
    shown = ms(value) if unit == "ms" else f"{number(value)} {unit}"
    wanted = f"{limit:g} {unit}"
    return Row(
        section=section, what=what, shown=shown, value=value, key=key, target=f"≤ {wanted}",
        is_met=value <= limit,
    )  # fmt: skip


def at_least(
    section: str, what: str, value: float, *, limit: float, unit: str, key: str = ""
) -> Row:
    """A row whose figure must reach a limit."""
    return Row(
        section=section, what=what, shown=f"{number(value)} {unit}", value=value, key=key,
        target=f"≥ {limit:,g} {unit}", is_met=value >= limit,
    )  # fmt: skip


def shown_only(section: str, what: str, value: float, *, shown: str = "", key: str = "") -> Row:
    """A figure of ours without a target."""
    return Row(section=section, what=what, shown=shown or ms(value), value=value, key=key)


def of_peer(section: str, what: str, value: float, *, shown: str = "", key: str = "") -> Row:
    """Somebody else's figure."""
    return Row(
        section=section, what=what, shown=shown or ms(value), value=value, key=key, is_peer=True
    )


def verdict(row: Row) -> str:
    """Met or not, in a word."""
    return {True: "met", False: "**not met**", None: ""}[row.is_met]


def tables(rows: Iterable[Row]) -> str:
    """The rows as Markdown, one table per section."""
    lines: list[str] = []
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", f"## {section}", "", "| Measured | Figure | Target | |"]
            lines += ["| --- | ---: | ---: | --- |"]
        what = f"*{row.what}*" if row.is_peer else row.what
        lines.append(f"| {what} | {row.shown} | {row.target} | {verdict(row)} |")
    return "\n".join(lines[1:]) + "\n"


def tally(rows: list[Row]) -> str:
    """How many targets were met."""
    judged = [row for row in rows if row.is_met is not None]
    missed = [row for row in judged if not row.is_met]
    return f"{len(judged) - len(missed)} of {len(judged)} targets met."


def as_data(facts: dict[str, str], rows: list[Row]) -> dict[str, object]:
    """The result for other programs."""
    return {"machine": facts, "rows": [asdict(row) for row in rows]}
