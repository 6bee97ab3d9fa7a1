"""The measured figures where people read them: the reference page and the README."""

from pathlib import Path

from benchmarks import report
from benchmarks.report import Row

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
PERFORMANCE = ROOT / "docs" / "reference" / "performance.md"
README = ROOT / "README.md"
START, END = "<!-- bench:start -->", "<!-- bench:end -->"

_PREFACE = """\
<!-- Written by `python -m benchmarks --write` from one run; measure anew instead of editing. -->

# Benchmarks

What `make bench` measured, in one run, ours beside others on the same machine. Figures of others \
are in *italics*. A figure is the median over rounds of each round's median (or 99th percentile); \
where two are compared, both took turns in every round and the ratio is that of the same round.

**The conversation** comes from a seed: 738 messages, about 195,000 tokens, 1 MB as JSON, with \
thinking and signatures, parallel tool calls, tool results of very different sizes, some Chinese, \
Japanese, Korean, accents and emoji.

**Ours** opens with its cache of open conversations switched off: each time the bytes are read, \
every entry's checksum is verified, every message can be reached, and the last 20 are decoded. \
Others decode everything when they load, so *all messages decoded* is the line to compare where \
everything is needed.

**Others** do what their users do. LangGraph keeps its messages in a checkpoint's state and writes \
a checkpoint per step; its line with dicts shows the same without its message classes, and takes \
no part in the comparison. The Agents SDK keeps a row per item. A JSON file is written anew, to \
the side, fsynced and renamed. All are durable on return but `InMemorySaver`. The bare write is \
`write` and `fdatasync` of a message's bytes at the end of a file.
"""


_PERFORMANCE_PREFACE = """\
<!-- Written by `python -m benchmarks --write` from one run; measure anew instead of editing. -->

# Performance of tiers, recall and many agents

What `make bench` measured in one run, ours beside others on the same machine; figures of others \
are in *italics*. How each cost grows, and what to change at which size: \
[scaling](../explanation/scaling.md). The quality of recall is measured by `make bench-recall`: \
[recall](../explanation/recall.md).
"""


def write(machine: dict[str, str], rows: list[Row], *, memory: list[Row]) -> None:
    """Write the reference pages, and the README's table between its marks."""
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.items())
    for page, preface, shown in (
        (PAGE, _PREFACE, rows),
        (PERFORMANCE, _PERFORMANCE_PREFACE, memory),
    ):
        text = f"{preface}\n{report.tally(shown)}\n\n{facts}\n\n{report.tables(shown)}"
        page.write_text(text)
    text = README.read_text()
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise SystemExit(f"README.md has no {START} … {END} to write between.")
    README.write_text(f"{before}{START}\n{_summary(machine, rows)}{END}{after}")


def _summary(machine: dict[str, str], rows: list[Row]) -> str:
    by_key = {row.key: row for row in rows if row.key}

    def shown(key: str) -> str:
        return by_key[key].shown

    def line(what: str, ours: str, action: str) -> str:
        theirs = [report.ms(by_key[f"{action} {name}"].value) for name in peers]
        return f"| {what} | {ours} | {' | '.join(theirs)} |"

    peers = ("LangGraph SqliteSaver", "openai-agents SQLiteSession", "JSON file, compact, bytes")
    heads = ("LangGraph SqliteSaver", "openai-agents SQLiteSession", "JSON file")
    decode_all, bare = report.ms(by_key["decode_all_ms"].value), by_key["fdatasync_ms"].value
    words = (
        f"Opening takes {shown('open_p99_ms')} at the 99th percentile and adds {shown('open_mib')} "
        f"of memory; all of it decoded takes {decode_all}, the next request's bytes "
        f"{shown('body_anthropic_ms')}. 150 sessions at once make {shown('rate_150_tasks')}. "
        f"A bare write with fdatasync takes {report.ms(bare)} on this machine "
        f"({machine['processor']}). `make bench` measures it on yours: "
        "[all figures](docs/reference/benchmarks.md)."
    )
    lines = (
        f"| 738 messages, 195,000 tokens | NovaCore | {' | '.join(heads)} |",
        "| --- | ---: | ---: | ---: | ---: |",
        line("Open it, p50", shown("open_p50_ms"), "load"),
        line("Append one message, durable", report.ms(by_key["append_ms"].value), "append"),
        "",
        words,
    )
    return "\n".join(lines) + "\n"
