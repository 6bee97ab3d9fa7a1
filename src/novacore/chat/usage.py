"""The usage entry: what one model call cost, as the journal keeps it. The ledger follows from it.

One hold, one call, one entry: its id is derived from the hold's, so that a second one with other
content is refused by the journal itself. What is reported after an estimate was written is a
correction, under an id of its own.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from novacore import billing, journal, kit, llm

USAGE: Final = "usage"
"""The kind of the entries."""
WORKSPACE: Final = "usage"
"""The workspace of the sessions that hold the usage of calls that belong to no conversation."""

OUTCOMES: Final = ("done", "stopped", "broken", "expired")


def entry_id(hold_id: str, *, is_correction: bool = False) -> str:
    """The id of the usage entry of a hold, or of its correction."""
    return str(kit.derived_id("usage-correction" if is_correction else "usage", hold_id))


def usage_entry(
    hold: billing.Hold | billing.ExpiredHold,
    usage: llm.Usage,
    *,
    provider: str = "",
    outcome: str = "done",
    ms: int = 0,
) -> journal.NewEntry:
    """The entry that says what the call of a hold cost."""
    assert outcome in OUTCOMES, outcome
    told = billing.Usage(
        account_id=hold.account_id,
        hold_id=hold.id,
        day=hold.day,
        plan=hold.plan,
        purpose=hold.purpose,
        model=hold.model,
        provider=provider,
        price_version=hold.price_version,
        input_tokens=max(0, usage.input_tokens),
        output_tokens=max(0, usage.output_tokens),
        cache_read_tokens=max(0, usage.cache_read_tokens),
        cache_write_tokens=max(0, usage.cache_write_tokens),
        source=usage.source,
        messages=hold.messages,
        agent_id=hold.agent_id,
        key_id=hold.key_id,
        outcome=outcome,
        ms=ms,
        held_tokens=hold.input_tokens + hold.output_tokens_max,
    )
    return journal.NewEntry(kind=USAGE, body=told.to_body(), id=entry_id(hold.id))


def corrected(entries: Iterable[journal.NewEntry]) -> list[journal.NewEntry]:
    """The same entries where an estimate of the hold was written before: usage as a correction."""
    return [
        dataclasses.replace(
            each,
            id=entry_id(str(each.body["hold"]), is_correction=True),
            body={**each.body, "is_correction": True},
        )
        if each.kind == USAGE
        else each
        for each in entries
    ]


def read_usage(entry: journal.Entry, *, owner: str) -> billing.Usage | None:
    """What an entry says, where it is a metered call's; None where it is anything else.

    An entry is believed only where its id is the one derived from its hold, and its session
    belongs to the account it names, or to that account's agent: nobody can write another one's
    bill.

    Args:
        entry: of any kind.
        owner: whose session it stands in.
    """
    if entry.kind != USAGE or entry.is_erased or not isinstance(entry.body.fields, dict):
        return None
    body = cast("Mapping[str, Any]", entry.body.fields)
    if not isinstance(body.get("hold"), str):
        # The agent on a person's own machine notes what its calls cost, and nobody is charged.
        return None
    try:
        told = billing.Usage.from_body(body, sequence=entry.sequence)
    except billing.UsageMalformed:
        return None
    is_ours = entry.id == entry_id(told.hold_id, is_correction=told.is_correction)
    is_sane = min(told.input_tokens, told.output_tokens, told.messages, told.ms) >= 0
    is_theirs = owner == told.account_id or (told.agent_id and owner == told.agent_id)
    return told if is_ours and is_sane and is_theirs else None
