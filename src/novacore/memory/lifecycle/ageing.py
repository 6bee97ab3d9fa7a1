"""What time does to memories, in batches that each leave everything as it should be."""

from collections.abc import Sequence

from novacore import journal
from novacore.memory.config import Config
from novacore.memory.lifecycle import changes, filtering, rules
from novacore.memory.lifecycle.book import BATCH_MAX
from novacore.memory.lifecycle.fold import Fold, Record
from novacore.memory.lifecycle.model import EXPIRED


def next_step(
    fold: Fold, session_id: str, *, now_us: int, config: Config
) -> tuple[dict[str, list[str]], list[journal.NewEntry]]:
    """The next batch of what time did: promotions first, then fadings, last the bound.

    Returns:
        (ids by what happens to them, the entries that say so); empty: nothing is left to do.
    """
    by_verdict: dict[str, list[Record]] = {rules.PROMOTE: [], rules.EXPIRE: [], rules.KEEP: []}
    for record in sorted(fold, key=filtering.place):
        by_verdict[rules.decide(record, now_us=now_us, config=config)].append(record)
    if raised := by_verdict[rules.PROMOTE][:BATCH_MAX]:
        drafts = [
            changes.written(
                fold, session_id, changes.moved(record.memory, 1), event="promoted", at_us=now_us
            )
            for record in raised
        ]
        return {"promoted": _ids(raised)}, drafts
    name, fading = "expired", by_verdict[rules.EXPIRE][:BATCH_MAX]
    if not fading:
        name, fading = "crowded_out", rules.crowded_out(fold, config=config)[:BATCH_MAX]
    drafts = [changes.retired(session_id, record, event=EXPIRED, at_us=now_us) for record in fading]
    return {name: _ids(fading)}, drafts


def _ids(records: Sequence[Record]) -> list[str]:
    return [record.memory.id for record in records]
