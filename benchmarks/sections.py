"""Sections of a reference page that a command measures anew, between marks of its own."""

import datetime as dt
import os
import platform
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "server-performance.md"


def write(name: str, text: str) -> None:
    """Put what was measured between the marks of `name`; everything else stays."""
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    page = PAGE.read_text()
    before, found, rest = page.partition(start)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"{PAGE.name} has no {start} … {end} to write between.")
    PAGE.write_text(f"{before}{start}\n{text.strip()}\n\n{_where()}\n{end}{after}")


def _where() -> str:
    day = dt.datetime.now(dt.UTC).date().isoformat()
    python = platform.python_version()
    load = os.getloadavg()[0]
    return f"{day}, {os.cpu_count()} processors, Python {python}, load at the end {load:.1f}."
