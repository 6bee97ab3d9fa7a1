"""`nova users`: accounts, for the administrator of a server."""

import argparse
import dataclasses
import sys
from typing import Any

from novacore import bootstrap, identity
from novacore.cli import errors, sessions
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    context = open_context(arguments)
    with bootstrap.open_accounts(context.settings) as accounts:
        _ACTIONS[arguments.action](context, accounts, arguments)
    return DONE


def _create(context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace) -> None:
    people, plans = accounts.identity, accounts.billing
    if arguments.plan:
        plans.find_plan(arguments.plan)
    password = _read_password() if arguments.password_stdin else ""
    made = people.administration.create(
        arguments.email, password=password, name=arguments.name, is_admin=arguments.admin
    )
    plans.open_account(made.id, arguments.plan)
    facts: dict[str, Any] = {"id": made.id, "email": made.email, "role": made.role}
    facts["plan"] = plans.plan_of(made.id).plan.name
    if not password:
        facts["password_link"] = people.administration.password_link(made.id)
    if arguments.api_key:
        facts["api_key"] = people.keys.create(made.id, name="nova users create").secret
    if arguments.json:
        context.console.json(facts)
        return
    role = "an administrator" if made.role == "admin" else "a user"
    context.console.line(f"{made.email} is {role} on the plan {facts['plan']}.")
    if not password:
        minutes = people.config.reset_minutes
        context.console.line(f"Set the password here, within {minutes} minutes:")
        context.console.write(f"{facts['password_link']}\n")
    if arguments.api_key:
        context.console.line("The API key, shown this once:")
        context.console.write(f"{facts['api_key']}\n")


def _list(context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace) -> None:
    page = accounts.identity.administration.list(query=arguments.search, limit=arguments.limit)
    plans = accounts.billing.plans_of([each.id for each in page.accounts])
    if arguments.json:
        users = [
            {**dataclasses.asdict(each), "plan": plans[each.id].plan.name} for each in page.accounts
        ]
        context.console.json({"users": users, "has_more": page.next_cursor is not None})
        return
    if not page.accounts:
        context.console.line("No accounts.")
        return
    rows = [
        (
            each.email,
            each.role,
            plans[each.id].plan.name,
            _state(each),
            sessions.local_time(each.created_at_us),
        )
        for each in page.accounts
    ]
    context.console.table(("address", "role", "plan", "state", "since"), rows)
    if page.next_cursor is not None:
        context.console.line("There are more: raise --limit, or search.")


def _invite(context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace) -> None:
    link = accounts.identity.administration.invite(arguments.email)
    if arguments.json:
        context.console.json({"email": arguments.email, "link": link})
        return
    context.console.line("A running server mails the invitation. You can also hand over its link:")
    context.console.write(f"{link}\n")


def _set_plan(
    context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace
) -> None:
    account = accounts.identity.administration.find(arguments.email)
    accounts.billing.set_plan(account.id, arguments.plan)
    _tell(context, arguments, account, f"{account.email} is on the plan {arguments.plan} now.")


def _verify(context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace) -> None:
    changed = _change(accounts, arguments, is_verified=True)
    _tell(context, arguments, changed, f"The address {changed.email} is confirmed.")


def _set_role(
    context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace
) -> None:
    changed = _change(accounts, arguments, role=arguments.role)
    is_now = "an administrator" if changed.role == "admin" else "an ordinary user"
    _tell(context, arguments, changed, f"{changed.email} is {is_now} now.")


def _disable(context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace) -> None:
    changed = _change(accounts, arguments, is_disabled=True)
    _tell(context, arguments, changed, f"{changed.email} is switched off.")


def _enable(context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace) -> None:
    changed = _change(accounts, arguments, is_disabled=False)
    _tell(context, arguments, changed, f"{changed.email} is switched on.")


def _reset_link(
    context: Context, accounts: bootstrap.Accounts, arguments: argparse.Namespace
) -> None:
    account = accounts.identity.administration.find(arguments.email)
    link = accounts.identity.administration.password_link(account.id)
    if arguments.json:
        context.console.json({"email": account.email, "link": link})
        return
    context.console.write(f"{link}\n")


def _change(
    accounts: bootstrap.Accounts, arguments: argparse.Namespace, **change: Any
) -> identity.Account:
    administration = accounts.identity.administration
    return administration.update(administration.find(arguments.email).id, **change)


def _tell(
    context: Context, arguments: argparse.Namespace, account: identity.Account, line: str
) -> None:
    if arguments.json:
        context.console.json(dataclasses.asdict(account))
    else:
        context.console.line(line)


def _state(account: identity.Account) -> str:
    if account.is_disabled:
        return "off"
    return "confirmed" if account.is_verified else "not confirmed"


def _read_password() -> str:
    """The first line of the input.

    Raises:
        UsageWrong: there is none.
    """
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise errors.UsageWrong("No password came from the input.")
    return password


_ACTIONS = {
    "create": _create,
    "list": _list,
    "invite": _invite,
    "verify": _verify,
    "set-plan": _set_plan,
    "set-role": _set_role,
    "disable": _disable,
    "enable": _enable,
    "reset-link": _reset_link,
}
