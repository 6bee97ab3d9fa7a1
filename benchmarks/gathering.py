"""Opening the conversation with what the tiers know around it."""

import novacore
from benchmarks import measure, report
from benchmarks.report import Row
from benchmarks.stage import NAME, Stage

SECTION = "The conversation with its context, embedded tiers"
_AT_ONCE = ("working_memory", "history", "live_state")
_OTHERS = 20
_CATCH_UP_MS = 300_000


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    with novacore.open(stage.copy("context")) as store:
        for number in range(_OTHERS):
            session = store.session(f"other-{number}")
            session.append(*stage.messages[number * 30 : number * 30 + 30])
        session = store.get_session(NAME)
        assert store.tiers.catch_up(timeout_ms=_CATCH_UP_MS)
        found = store.open_context(session, deadline_ms=10_000)
        assert not found.missing, found.missing
        assert found.neighbours
        assert found.entities
        assert found.timeline
        timings = measure.in_turns(
            {
                "at once": lambda: store.open_context(session, parts=_AT_ONCE),
                "whole": lambda: store.open_context(session, deadline_ms=1_000),
            },
            rounds=stage.rounds,
            counts=stage.scaled(300),
        )
    at_once, whole = timings["at once"], timings["whole"]
    what = "Working memory, full history and live state"
    return [
        report.shown_only(SECTION, f"{what}, p50", at_once.p50_ms),
        report.at_most(
            SECTION, f"{what}, p99", at_once.p99_ms, limit=1, key="context_at_once_p99_ms"
        ),
        report.at_most(SECTION, "All nine parts, p50", whole.p50_ms, limit=5, key="context_ms"),
        report.at_most(
            SECTION, "All nine parts, p99", whole.p99_ms, limit=25, key="context_p99_ms"
        ),
    ]
