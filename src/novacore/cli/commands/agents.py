"""`nova agents`: agents that belong to people of this server."""

import argparse
import dataclasses

from novacore import bootstrap, identity
from novacore.cli import errors, sessions
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    context = open_context(arguments)
    with bootstrap.open_accounts(context.settings) as accounts:
        owner = _owner(accounts.identity, arguments.owner)
        _ACTIONS[arguments.action](context, accounts.identity, arguments, owner=owner)
    return DONE


def _owner(people: identity.Identity, email: str | None) -> identity.Account:
    """Who is meant: by address, or the only person there is.

    Raises:
        UsageWrong: there are several people, or none.
    """
    if email:
        return people.administration.find(email)
    found = people.administration.list(limit=2).accounts
    if len(found) != 1:
        raise errors.UsageWrong(
            "Whose agent?" if found else "There is no account yet.",
            hint="Say --owner EMAIL." if found else "'nova users create EMAIL' makes one.",
        )
    return found[0]


def _create(
    context: Context,
    people: identity.Identity,
    arguments: argparse.Namespace,
    *,
    owner: identity.Account,
) -> None:
    made = people.agents.create(
        owner.id,
        name=arguments.name,
        scopes=arguments.scope,
        limits=identity.KeyLimits(
            requests_per_minute=arguments.requests_per_minute,
            tokens_per_day=arguments.tokens_per_day,
        ),
    )
    _show(context, arguments, made, f"{made.agent.name} belongs to {owner.email}.")


def _rotate(
    context: Context,
    people: identity.Identity,
    arguments: argparse.Namespace,
    *,
    owner: identity.Account,
) -> None:
    agent = _find(people, owner, arguments.agent)
    made = people.agents.rotate(owner.id, agent.id, overlap_minutes=arguments.overlap)
    old = f"still works for {arguments.overlap} minutes" if arguments.overlap else "is dead"
    _show(context, arguments, made, f"{agent.name} has a new key; the old one {old}.")


def _revoke(
    context: Context,
    people: identity.Identity,
    arguments: argparse.Namespace,
    *,
    owner: identity.Account,
) -> None:
    agent = _find(people, owner, arguments.agent)
    people.agents.revoke(owner.id, agent.id)
    if arguments.json:
        context.console.json({"id": agent.id, "is_revoked": True})
        return
    context.console.line(f"{agent.name} has ended. A running server erases what it stored.")


def _list(
    context: Context,
    people: identity.Identity,
    arguments: argparse.Namespace,
    *,
    owner: identity.Account,
) -> None:
    found = people.agents.list(owner.id)
    if arguments.json:
        context.console.json({"agents": [dataclasses.asdict(each) for each in found]})
        return
    if not found:
        context.console.line(f"{owner.email} has no agents.")
        return
    rows = [
        (each.name, " ".join(each.scopes), each.key_prefix + "…", _used(each), each.id)
        for each in found
    ]
    context.console.table(("name", "scopes", "key", "last used", "id"), rows)


def _find(people: identity.Identity, owner: identity.Account, wanted: str) -> identity.Agent:
    """The agent with this id or name.

    Raises:
        AgentUnknown: the owner has none.
        UsageWrong: several have this name.
    """
    found = [each for each in people.agents.list(owner.id) if wanted in {each.id, each.name}]
    if not found:
        raise identity.AgentUnknown(
            f"{owner.email} has no agent {wanted}.", hint="'nova agents list' shows them."
        )
    if len(found) > 1:
        raise errors.UsageWrong(f"Several agents are called {wanted}.", hint="Give the id.")
    return found[0]


def _show(
    context: Context, arguments: argparse.Namespace, made: identity.NewAgent, line: str
) -> None:
    workspace = context.settings.data_dir / made.agent.workspace
    if arguments.json:
        facts = dataclasses.asdict(made.agent)
        context.console.json({**facts, "workspace": str(workspace), "key": made.secret})
        return
    context.console.line(line)
    context.console.line(f"Its workspace is {workspace}.")
    context.console.line("Its key, shown this once:")
    context.console.write(f"{made.secret}\n")


def _used(agent: identity.Agent) -> str:
    return "never" if agent.last_used_at_us is None else sessions.local_time(agent.last_used_at_us)


_ACTIONS = {"create": _create, "list": _list, "revoke": _revoke, "rotate": _rotate}
