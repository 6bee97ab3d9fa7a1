"""`nova billing`: plans, one account's limits, and the proof that every token was counted once."""

import argparse
import contextlib
import dataclasses
from collections.abc import Iterator

from novacore import billing, bootstrap, chat, identity
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE, FAILED

_PAGE = 200
_OPTIONS = {
    "tokens": "tokens_per_day",
    "messages": "messages_per_day",
    "storage": "storage_bytes",
    "agent_minutes": "agent_minutes_per_day",
}


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    context = open_context(arguments)
    return _ACTIONS[arguments.action](context, arguments)


@contextlib.contextmanager
def _opened(context: Context) -> Iterator[bootstrap.Platform]:
    platform = bootstrap.open_platform(context.settings, announce=context.console.line)
    try:
        yield platform
    finally:
        platform.close()


def _plans(context: Context, arguments: argparse.Namespace) -> int:
    plans = context.settings.billing.list_plans().values()
    if arguments.json:
        context.console.json([dataclasses.asdict(plan) for plan in plans])
        return DONE
    head = ("plan", "a month", "tokens a day", "messages a day", "storage", "agent minutes a day")
    context.console.table(head, [_plan_row(plan) for plan in plans])
    limits = context.settings.billing.limits
    if limits != "on":
        context.console.line(
            "Usage is counted, but plans limit nobody: no payment is set up "
            f"(billing.limits = {limits}). Limits set for one account hold."
        )
    return DONE


def _plan_row(plan: billing.Plan) -> tuple[str, ...]:
    price = f"{plan.price_minor / 100:.2f} {plan.currency}" if plan.price_minor else "free"
    if plan.days is not None:
        price += f", {plan.days} days, then {plan.then}"
    limits = (
        plan.tokens_per_day,
        plan.messages_per_day,
        plan.storage_bytes,
        plan.agent_minutes_per_day,
    )
    return (plan.name, price, *(_limit(each) for each in limits))


def _limit(limit: int | None) -> str:
    return "unlimited" if limit is None else f"{limit:,}"


def _show(context: Context, arguments: argparse.Namespace) -> int:
    with _opened(context) as platform:
        account = platform.identity.administration.find(arguments.email)
        quota = platform.billing.quota(account.id)
    if arguments.json:
        context.console.json(dataclasses.asdict(quota))
        return DONE
    rows = [
        (
            each.resource,
            f"{each.used:,}",
            f"{each.held:,}",
            _limit(each.limit),
            "" if each.percent is None else f"{each.percent:g} %",
        )
        for each in quota.resources
    ]
    context.console.line(f"{arguments.email}: plan {quota.plan}, {quota.day} (UTC)")
    context.console.table(("resource", "used", "held", "limit", ""), rows)
    return DONE


def _set(context: Context, arguments: argparse.Namespace) -> int:
    limits = {
        field: value
        for option, field in _OPTIONS.items()
        if (value := getattr(arguments, option)) is not ...
    }
    with _opened(context) as platform:
        account = platform.identity.administration.find(arguments.email)
        if arguments.plan is not None:
            platform.billing.set_plan(account.id, arguments.plan)
        platform.billing.set_limits(account.id, **limits)
    return _show(context, arguments)


def _reconcile(context: Context, arguments: argparse.Namespace) -> int:
    with _opened(context) as platform:
        found = platform.billing.reconcile(chat.read_usages(platform.store.feed()))
    if arguments.json:
        context.console.json({"is_sound": found.is_sound, **dataclasses.asdict(found)})
    else:
        _tell(context, found)
    return DONE if found.is_sound else FAILED


def _tell(context: Context, found: billing.Reconciliation) -> None:
    console = context.console
    compared = f"{found.entries:,} usage entries and {found.rows:,} rows of the ledger"
    if found.pending:
        compared += f" ({found.pending:,} entries are not read yet)"
    if found.is_sound:
        console.line(f"Journal, ledger and counters agree: {compared}.")
        return
    for each in found.drifts:
        numbers = ", ".join(
            f"{name} {value:,}"
            for name, value in (
                ("journal", each.journal_tokens),
                ("ledger", each.ledger_tokens),
                ("counted", each.counted_tokens),
            )
            if value is not None
        )
        console.line(f"- {each.day} {each.account_id}: {each.what}; tokens: {numbers}")
    console.error(
        f"{found.drift_count:,} differences, {found.drift_tokens:,} tokens apart; "
        f"compared {compared}.",
        hint="`nova billing rebuild` makes ledger and counters anew from the journal.",
    )


def _rebuild(context: Context, arguments: argparse.Namespace) -> int:
    with _opened(context) as platform:
        feed = platform.store.feed()
        head = feed.state()
        mark = billing.Watermark(journal=head.journal, epoch=head.epoch, sequence=head.sequence)
        lines = platform.billing.rebuild(chat.read_usages(feed), watermark=mark)
    if arguments.json:
        context.console.json({"lines": lines})
    else:
        context.console.line(f"Ledger and counters were made anew: {lines:,} rows.")
    return DONE


def _storage(context: Context, arguments: argparse.Namespace) -> int:
    with _opened(context) as platform:
        payers = _payers(platform.identity)
        sizes: dict[str, int] = {}
        for owner, size in chat.measure_storage(platform.store.feed()).items():
            if owner in payers:
                sizes[payers[owner]] = sizes.get(payers[owner], 0) + size
        changed = platform.billing.record_all_storage(sizes)
    if arguments.json:
        context.console.json({"accounts": len(sizes), "bytes": sum(sizes.values())})
    else:
        context.console.line(
            f"{len(sizes):,} accounts store {sum(sizes.values()):,} bytes; {changed:,} changed."
        )
    return DONE


def _payers(accounts: identity.Identity) -> dict[str, str]:
    """Who pays for what an account stores: an agent's owner, else the account itself."""
    payers: dict[str, str] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = accounts.administration.list(cursor=cursor, limit=_PAGE)
        for account in page.accounts:
            payers[account.id] = account.id
            payers |= {agent.id: account.id for agent in accounts.agents.list(account.id)}
        cursor = page.next_cursor
    return payers


_ACTIONS = {
    "plans": _plans,
    "show": _show,
    "set": _set,
    "reconcile": _reconcile,
    "rebuild": _rebuild,
    "storage": _storage,
}
