"""`nova memories`: look at what is remembered, add to it, change it, forget it."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from novacore import bootstrap, memory
from novacore.cli import errors, sessions
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE, FAILED
from novacore.cli.moments import read_moment
from novacore.cli.opening import open_sessions

_ID_SHOWN = 8


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    context = open_context(arguments)
    with open_sessions(context) as store:
        action = _ACTIONS.get(arguments.action)
        if action is not None:
            return action(context, store, arguments)
        changed = _CHANGES[arguments.action](store.memories, arguments)
        _show_one(context, changed, arguments)
    return DONE


def _id(memories: memory.Memories, wanted: str) -> str:
    """The one id that is meant: in full, or by a part that no other id has.

    Raises:
        MemoryUnknown: there is none.
        UsageWrong: several have this part.
    """
    found = memories.find_ids(wanted)
    if wanted in found or len(found) == 1:
        return wanted if wanted in found else found[0]
    if not found:
        raise memory.MemoryUnknown(wanted)
    raise errors.UsageWrong(
        f"{len(found)} memories or more have {wanted!r} in their id.", hint="Give more of it."
    )


def _list(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    for kind, known in ((arguments.type, memory.MEMORY_TYPES), (arguments.term, memory.TERMS)):
        if unknown := [each for each in kind if each not in known]:
            raise errors.UsageWrong(
                f"There is no {unknown[0]!r}.", hint=f"There are {', '.join(known)}."
            )
    wanted = memory.Filter(
        types=tuple(arguments.type),
        terms=tuple(arguments.term),
        states=() if arguments.all else (memory.CURRENT,),
        tags=tuple(arguments.tag),
        text=arguments.text,
        agent=arguments.agent,
        project=arguments.project,
        is_pinned=True if arguments.pinned else None,
    )
    page = store.memories.list(wanted, after=arguments.after, limit=arguments.limit)
    if arguments.json:
        context.console.json(
            {"memories": [_json(each) for each in page.memories], "next": page.next}
        )
        return DONE
    if not page.memories:
        context.console.line("No memories.")
        return DONE
    context.console.table(
        ("id", "type", "term", "sure", "used", "what"),
        [
            (
                each.id[-_ID_SHOWN:],
                each.type,
                each.term if each.state == memory.CURRENT else each.state,
                f"{each.confidence:.2f}",
                f"{each.access_count:,}",
                ("* " if each.is_pinned else "") + each.text,
            )
            for each in page.memories
        ],
    )
    if page.next:
        context.console.line(f"There are more: add --after {page.next}")
    _warn_of_damage(context, store.memories)
    return DONE


def _warn_of_damage(context: Context, memories: memory.Memories) -> None:
    damaged = memories.damaged
    if damaged:
        context.console.error(
            f"{damaged:,} entries of memories are damaged and not shown.",
            hint="`nova verify` says which, `nova salvage` saves the rest.",
        )


def _show(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    memories = store.memories
    _show_one(context, memories.get(_id(memories, arguments.id)), arguments)
    return DONE


def _show_one(context: Context, shown: memory.Memory, arguments: argparse.Namespace) -> None:
    if arguments.json:
        context.console.json(_json(shown))
        return
    console = context.console
    console.line(shown.text)
    console.line()
    facts = [
        ("id", shown.id),
        ("type", shown.type),
        ("term", f"{shown.term}, {shown.state}" + (", pinned" if shown.is_pinned else "")),
        ("sure", f"{shown.confidence:.2f}"),
        ("felt", f"{shown.emotional_weight:+.2f}" if shown.emotional_weight else ""),
        ("tags", ", ".join(shown.tags)),
        ("agent", shown.agent),
        ("shared with", ", ".join(shown.shared_with)),
        ("project", shown.project),
        ("outcome", shown.outcome),
        ("created", sessions.local_time(shown.created_at_us)),
        ("used", f"{shown.access_count:,} times" if shown.access_count else ""),
        ("fades", sessions.local_time(shown.expires_at_us) if shown.expires_at_us else ""),
        ("from", "; ".join(f"{each.session_id} at {each.position}" for each in shown.sources)),
        ("linked", "; ".join(f"{each.kind} {each.id}" for each in shown.links)),
    ]
    width = max(len(name) for name, _ in facts)
    console.lines(f"{name:<{width}}  {value}" for name, value in facts if value)


def _json(shown: memory.Memory) -> dict[str, Any]:
    fields = dataclasses.asdict(shown)
    for name in [each for each in fields if each.endswith("_at_us") or each == "term_since_us"]:
        value = fields.pop(name)
        fields[name.removesuffix("_us")] = None if value is None else sessions.iso_time(value)
    return fields


def _added(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    if (arguments.text is None) == (arguments.fact is None):
        raise errors.UsageWrong("Give a text to remember, or --fact with its three parts.")
    memories = store.memories
    if arguments.fact is not None:
        subject, predicate, said = arguments.fact
        fact = memory.Facts(memories).record(
            subject,
            predicate,
            object=said,
            valid_from_us=read_moment(arguments.since) if arguments.since else None,
            valid_to_us=read_moment(arguments.until) if arguments.until else None,
            confidence=0.9 if arguments.confidence is None else arguments.confidence,
            project=arguments.project or "",
        )
        _show_one(context, memories.get(fact.id), arguments)
        return DONE
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    made = memories.create(
        text,
        type=arguments.type,
        term=arguments.term,
        confidence=0.5 if arguments.confidence is None else arguments.confidence,
        emotional_weight=arguments.emotion or 0.0,
        tags=arguments.tag,
        project=arguments.project or "",
        outcome=arguments.outcome or "",
        agent=arguments.agent,
        is_pinned=arguments.pin,
    )
    _show_one(context, made, arguments)
    return DONE


def _edited(memories: memory.Memories, arguments: argparse.Namespace) -> memory.Memory:
    given = {
        "text": arguments.text,
        "type": arguments.type,
        "confidence": arguments.confidence,
        "emotional_weight": arguments.emotion,
        "project": arguments.project,
        "outcome": arguments.outcome,
    }
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise errors.UsageWrong("Say what to change: --text, --type, --confidence …")
    return memories.edit(_id(memories, arguments.id), **fields)


def _tagged(memories: memory.Memories, arguments: argparse.Namespace) -> memory.Memory:
    if not arguments.tags and not arguments.remove:
        raise errors.UsageWrong("Name a tag to add, or one to take away with --remove.")
    return memories.tag(_id(memories, arguments.id), *arguments.tags, remove=arguments.remove)


def _pinned(memories: memory.Memories, arguments: argparse.Namespace) -> memory.Memory:
    return memories.pin(_id(memories, arguments.id), is_pinned=not arguments.off)


def _shared(memories: memory.Memories, arguments: argparse.Namespace) -> memory.Memory:
    change = memories.unshare if arguments.off else memories.share
    return change(_id(memories, arguments.id), *arguments.agents)


def _merged(memories: memory.Memories, arguments: argparse.Namespace) -> memory.Memory:
    ids = [_id(memories, each) for each in arguments.ids]
    return memories.merge(*ids, text=arguments.text)


def _forget(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    memories = store.memories
    ids = list(dict.fromkeys(_id(memories, each) for each in arguments.ids))
    if not arguments.yes and not _is_sure(context, memories, ids):
        return FAILED
    destroyed = memories.delete(*ids)
    if arguments.json:
        context.console.json({"forgotten": ids, "entries": destroyed})
    else:
        context.console.line(
            f"Forgot {len(ids):,} memories; {destroyed:,} entries of the journal were destroyed."
        )
    return DONE


def _is_sure(context: Context, memories: memory.Memories, ids: list[str]) -> bool:
    if not sys.stdin.isatty():
        context.console.error(
            "Nothing was forgotten: there is no terminal to ask on.", hint="Add --yes to forget it."
        )
        return False
    for each in ids:
        context.console.line(f"- {memories.get(each).text}")
    context.console.write(f"Destroy {len(ids):,} memories for good? [y/N] ")
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    context.console.line("Nothing was forgotten.")
    return False


def _export(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    write = memory.export_markdown if arguments.markdown else memory.export_lines
    if arguments.output is None:
        for line in write(store.memories):
            sys.stdout.write(line + "\n")
        return DONE
    path = sessions.free_place(arguments.output, folder=Path.cwd())
    # What one remembers is for one's own eyes.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as out:
        for line in write(store.memories):
            out.write(line + "\n")
    context.console.line(f"Wrote the memories to {path}.")
    return DONE


def _import(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    path = Path(arguments.file).expanduser()
    limit = context.settings.memory.import_bytes_max
    try:
        size = path.stat().st_size
        if size > limit:
            raise errors.ArgumentWrong(
                f"{path} has {size:,} bytes; at most {limit:,} (memory.import_bytes_max)."
            )
        with path.open(encoding="utf-8", errors="strict") as lines:
            done = memory.import_lines(store.memories, lines)
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise errors.ArgumentWrong(f"{path} can't be read: {what}.") from error
    if arguments.json:
        context.console.json(dataclasses.asdict(done))
    else:
        context.console.line(
            f"Added {done.added:,} memories; {done.known:,} were there, "
            f"{done.forgotten:,} were forgotten here before."
        )
    return DONE


def _facts(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    facts = memory.Facts(store.memories)
    if arguments.history:
        found = facts.history(subject=arguments.subject, text=arguments.text, limit=arguments.limit)
    else:
        found = facts.list(
            valid_at_us=read_moment(arguments.as_of) if arguments.as_of else None,
            known_at_us=read_moment(arguments.known_at) if arguments.known_at else None,
            subject=arguments.subject,
            text=arguments.text,
            limit=arguments.limit,
        )
    if arguments.json:
        context.console.json([_fact_json(each) for each in found])
        return DONE
    if not found:
        context.console.line("No facts.")
        return DONE
    context.console.table(
        ("id", "since", "until", "sure", "what"),
        [
            (
                each.id[-_ID_SHOWN:],
                sessions.local_time(each.valid_from_us)[:10],
                "" if each.valid_to_us is None else sessions.local_time(each.valid_to_us)[:10],
                f"{each.confidence:.2f}",
                each.text,
            )
            for each in found
        ],
    )
    return DONE


def _fact_json(fact: memory.Fact) -> dict[str, Any]:
    fields = dataclasses.asdict(fact)
    for name in ("valid_from", "valid_to", "recorded_at"):
        value = fields.pop(f"{name}_us")
        fields[name] = None if value is None else sessions.iso_time(value)
    return fields


def _learn(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    facts = memory.Facts(store.memories)
    if arguments.session:
        workspace = str(context.settings.workspace)
        found = [sessions.find_session(store, arguments.session, workspace=workspace)]
    else:
        listed = [each for each in store.all_sessions() if not sessions.is_reserved(each)]
        found = [store.get_session(each.id) for each in listed]
    read = [facts.extract(session) for session in found]
    added = sum(len(each.added) for each in read)
    closed = sum(len(each.closed) for each in read)
    count = sum(each.entries for each in read)
    if arguments.json:
        context.console.json({"entries": count, "added": added, "closed": closed})
    else:
        context.console.line(
            f"Read {count:,} entries: {added:,} new facts, {closed:,} older ones closed."
        )
    return DONE


def _advance(
    context: Context, store: bootstrap.RememberingStore, arguments: argparse.Namespace
) -> int:
    done = store.memories.advance()
    if arguments.json:
        context.console.json(dataclasses.asdict(done))
    else:
        context.console.line(
            f"Promoted {len(done.promoted):,}; {len(done.expired):,} faded, "
            f"{len(done.crowded_out):,} were crowded out."
        )
    return DONE


_ACTIONS: dict[str, Callable[[Context, bootstrap.RememberingStore, argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "add": _added,
    "forget": _forget,
    "export": _export,
    "import": _import,
    "facts": _facts,
    "learn": _learn,
    "advance": _advance,
}
_CHANGES: dict[str, Callable[[memory.Memories, argparse.Namespace], memory.Memory]] = {
    "edit": _edited,
    "tag": _tagged,
    "pin": _pinned,
    "promote": lambda memories, arguments: memories.promote(_id(memories, arguments.id)),
    "demote": lambda memories, arguments: memories.demote(_id(memories, arguments.id)),
    "share": _shared,
    "merge": _merged,
}
