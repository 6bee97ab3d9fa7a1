"""What was measured, and what was to be reached: rows, tables, JSON."""

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
    target: str = ""
    """What was to be reached; empty: shown for comparison only."""
    is_met: bool | None = None
    """Whether it was reached; None: there is no target, or this run is too small to tell."""
    is_peer: bool = False
    """True: somebody else's figure."""


def ms(value: float) -> str:
    """A time for a reader."""
    if value < 0.1:
        return f"{value * 1_000:.0f} µs"
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms"


def at_most(section: str, what: str, value: float, limit: float, *, unit: str = "ms") -> Row:
    """A row whose figure must stay at or below a limit."""
    shown = ms(value) if unit == "ms" else f"{value:.2f} {unit}"
    wanted = ms(limit) if unit == "ms" else f"{limit:g} {unit}"
    return Row(
        section=section, what=what, shown=shown, value=value, target=f"≤ {wanted}",
        is_met=value <= limit,
    )  # fmt: skip


def at_least(section: str, what: str, value: float, limit: float, *, unit: str) -> Row:
    """A row whose figure must reach a limit."""
    digits = 0 if value >= 1_000 else 1
    return Row(
        section=section, what=what, shown=f"{value:,.{digits}f} {unit}", value=value,
        target=f"≥ {limit:,g} {unit}", is_met=value >= limit,
    )  # fmt: skip


def shown_only(section: str, what: str, shown: str, value: float, *, is_peer: bool = False) -> Row:
    """A row that is there for comparison."""
    return Row(section=section, what=what, shown=shown, value=value, is_peer=is_peer)


def verdict(row: Row) -> str:
    """Met or not, in a word."""
    return {True: "met", False: "**not met**", None: ""}[row.is_met]


def table(rows: list[Row]) -> str:
    """The rows as Markdown, one table per section."""
    lines: list[str] = []
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", f"## {section}", "", "| measured | figure | target | |", "|---|---|---|---|"]
        what = f"*{row.what}*" if row.is_peer else row.what
        lines.append(f"| {what} | {row.shown} | {row.target} | {verdict(row)} |")
    return "\n".join(lines[1:]) + "\n"


def as_data(facts: dict[str, str], rows: list[Row]) -> dict[str, object]:
    """The result for other programs."""
    return {"machine": facts, "rows": [asdict(row) for row in rows]}
