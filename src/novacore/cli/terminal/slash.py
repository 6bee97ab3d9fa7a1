"""The commands of the conversation: `/help`, `/sessions`, `/rewind` …"""

import dataclasses
import difflib
import time
from collections.abc import Awaitable, Callable, Iterable

from novacore import journal, llm, settings
from novacore.cli import errors, reading, sessions, text
from novacore.cli.console import Console
from novacore.cli.terminal import folds, recap
from novacore.cli.terminal.desk import Desk, Opened
from novacore.cli.terminal.interrupts import Leave
from novacore.cli.terminal.turn_view import TurnView

_LISTED_MAX = 20
_HEADLINE_COLUMNS = 70
_WIDE_COLUMNS = 90
_USAGE_COLUMNS = 31


@dataclasses.dataclass(kw_only=True)
class Room:
    """What a command works on."""

    desk: Desk
    console: Console
    view: TurnView
    kept: folds.Folds
    turns: int = 0
    """How many turns there were since the start."""
    started_s: float = dataclasses.field(default_factory=time.monotonic)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """One command."""

    usage: str
    about: str
    run: Callable[[Room, str], Awaitable[None]]


async def obey(room: Room, line: str) -> None:
    """Do what a line that begins with `/` says.

    Raises:
        CommandUnknown: names the nearest command.
        Leave: the person wants to leave.
        NovaError: the command can't be done; says why.
    """
    name, _space, argument = line.strip().partition(" ")
    command = COMMANDS.get(ALIASES.get(name, name))
    if command is None:
        near = difflib.get_close_matches(name, [*COMMANDS, *ALIASES], n=1, cutoff=0.5)
        raise errors.CommandUnknown(name, nearest=near[0] if near else "")
    await command.run(room, argument.strip())


def words_after(desk: Desk, name: str) -> Iterable[str]:
    """The words that may follow a command."""
    if name == "/resume":
        return [each.name for each in desk.store.list_sessions(workspace=desk.workspace)]
    if name == "/model":
        return [f"{provider} " for provider in _providers()]
    if name == "/help":
        return [command.removeprefix("/") for command in COMMANDS]
    return {"/permissions": ["allow ", "deny "], "/view": ["undo", "auto", "narrow"]}.get(name, [])


async def _help(room: Room, argument: str) -> None:
    wanted = f"/{argument.removeprefix('/')}" if argument else ""
    if wanted and wanted not in COMMANDS:
        await obey(room, wanted)
    for name, command in COMMANDS.items():
        if wanted in ("", name):
            _show_command(room.console, f"{name} {command.usage}".strip(), command.about)
    if not wanted:
        room.console.line("Enter sends, Esc then Enter or Ctrl+J begins a new line.", style="dim")
        room.console.line("Esc or Ctrl+C stops the agent, Ctrl+C twice leaves.", style="dim")


async def _sessions(room: Room, argument: str) -> None:
    found = room.desk.store.list_sessions(
        workspace=room.desk.workspace, name=argument or None, limit=_LISTED_MAX
    )
    if not found:
        room.console.line("No sessions in this folder yet.")
        return
    room.console.table(
        ("name", "messages", "last used"),
        [
            (each.name, f"{each.messages:,}", sessions.local_time(each.updated_at_us))
            for each in found
        ],
    )


async def _resume(room: Room, argument: str) -> None:
    desk = room.desk
    if not argument:
        raise errors.ArgumentWrong("Which session?", hint="/resume NAME; /sessions lists them.")
    session = sessions.find_session(desk.store, argument, workspace=desk.workspace)
    show_opened(room, await desk.open_session(session), how="Resumed")


async def _fork(room: Room, argument: str) -> None:
    session = _need_session(room.desk)
    fork = session.fork(name=argument or None)
    show_opened(room, await room.desk.open_session(fork), how="Forked to")
    room.console.line(f"{session.name} stays as it is.", style="dim")


async def _rewind(room: Room, argument: str) -> None:
    session = _need_session(room.desk)
    transcript = session.open()
    if not argument:
        _list_user_messages(room, transcript)
        return
    if not argument.isdecimal() or int(argument) > transcript.position:
        raise errors.ArgumentWrong(
            f"{argument} is no position of this session.",
            hint=f"It has positions 0 to {transcript.position}; /rewind lists those of messages.",
        )
    fork = session.fork(at=int(argument))
    show_opened(room, await room.desk.open_session(fork), how=f"Back before {argument}, in")
    room.console.line(f"{session.name} is kept whole: /resume {session.name}", style="dim")


async def _model(room: Room, argument: str) -> None:
    desk = room.desk
    if argument:
        await desk.change_model(_model_config(desk.settings.llm, argument))
    info = desk.model.info
    room.console.line(reading.model_line(info))
    if info.notice:
        room.console.line(info.notice, style="yellow")
    if not argument:
        room.console.line("/model NAME or /model PROVIDER NAME changes it.", style="dim")


async def _tools(room: Room, argument: str) -> None:
    del argument
    running = room.desk.need_agent()
    if not running.tools:
        room.console.line("This model is for chat only: it calls no tools.", style="yellow")
    for tool in running.tools:
        room.console.line(tool.name)
        room.console.line(f"    {tool.description.split(chr(10), 1)[0]}", style="dim")


async def _permissions(room: Room, argument: str) -> None:
    running = room.desk.need_agent()
    permissions = running.permissions
    if argument:
        effect, _space, rule = argument.partition(" ")
        if effect not in ("allow", "deny") or not rule:
            raise errors.ArgumentWrong(
                "Write /permissions allow RULE or /permissions deny RULE.",
                hint="For example: /permissions allow bash(git *). It holds until you leave.",
            )
        permissions.remember(rule, effect="allow" if effect == "allow" else "deny")
    rules = permissions.rules()
    for effect, rule, is_remembered in rules:
        room.console.line(f"{effect:<6} {rule}{'  (answered)' if is_remembered else ''}")
    if not rules:
        room.console.line("No rules.")
    room.console.line(f"Otherwise, for what changes something: {permissions.default}.", style="dim")


async def _stats(room: Room, argument: str) -> None:
    del argument
    session = _need_session(room.desk)
    stats = room.desk.need_agent().stats()
    roles = ", ".join(f"{count:,} {role}" for role, count in stats.messages.items())
    tools = ", ".join(f"{name} {count:,}" for name, count in stats.tool_calls.items())
    about = "about " if stats.estimated_calls else ""
    room.console.line(f"{session.name}: {session.open().position:,} entries.")
    room.console.line(f"Messages: {roles or 'none'}.")
    room.console.line(f"Tool calls: {tools or 'none'}; {stats.tool_errors:,} failed.")
    room.console.line(
        f"Model: {stats.model_calls:,} calls, {about}{stats.input_tokens:,} tokens in "
        f"({stats.cache_read_tokens:,} cached), {stats.output_tokens:,} out."
    )
    room.console.line(
        f"Views: {stats.views:,}. Repairs: {stats.repairs:,}. Damaged: {stats.damaged:,}."
    )
    elapsed_s = time.monotonic() - room.started_s
    room.console.line(f"Since the start: {room.turns:,} turns in {elapsed_s / 60:.0f} min.")


async def _view(room: Room, argument: str) -> None:
    running = room.desk.need_agent()
    if argument:
        await running.set_view_mode("off" if argument == "undo" else argument)
    view = running.view
    if view is None:
        room.console.line("Nothing is left out: the model gets the whole conversation.")
    else:
        room.console.line(view.line())
        room.console.line("/view undo sends everything again, where it fits.", style="dim")
    room.console.line(f"Views are made: {running.view_mode}.", style="dim")


async def _expand(room: Room, argument: str) -> None:
    if argument and not argument.isdecimal():
        raise errors.ArgumentWrong("Write /expand or /expand NUMBER.")
    fold = room.kept.get(int(argument or 0))
    if fold is None:
        room.console.line("There is no such call in this conversation.")
        return
    session = _need_session(room.desk)
    room.console.line(folds.whole(fold, session.get_blob))


async def _export(room: Room, argument: str) -> None:
    session = _need_session(room.desk)
    name = argument or f"{session.name.replace('/', '-')}.jsonl"
    path = sessions.free_place(name, folder=room.desk.settings.workspace)
    journal.export_session(session, path)
    room.console.line(f"Wrote {session.name} to {path}.")


async def _clear(room: Room, argument: str) -> None:
    before = room.desk.session
    await room.desk.begin_fresh(argument)
    kept = f" {before.name} is kept: /resume {before.name}" if before else ""
    room.console.line(f"A fresh session begins with your next message.{kept}")


async def _quit(room: Room, argument: str) -> None:
    del room, argument
    raise Leave


COMMANDS: dict[str, Command] = {
    "/help": Command(usage="[COMMAND]", about="What each command does.", run=_help),
    "/sessions": Command(usage="[TEXT]", about="List this folder's sessions.", run=_sessions),
    "/resume": Command(usage="NAME", about="Go on in another session.", run=_resume),
    "/fork": Command(
        usage="[NAME]", about="Go on in a copy; this session stays as it is.", run=_fork
    ),
    "/rewind": Command(
        usage="[POSITION]",
        about="Go on from an earlier message, in a fork: nothing is lost. Alone it lists them.",
        run=_rewind,
    ),
    "/model": Command(
        usage="[[PROVIDER] NAME]", about="Show or change the model that answers.", run=_model
    ),
    "/tools": Command(usage="", about="What the agent can do.", run=_tools),
    "/permissions": Command(
        usage="[allow|deny RULE]",
        about="What the agent may do; add a rule until you leave.",
        run=_permissions,
    ),
    "/stats": Command(usage="", about="Messages, steps and tokens so far.", run=_stats),
    "/view": Command(
        usage="[undo|auto|narrow]",
        about="What is left out of requests because it does not fit; undo it, or leave out less.",
        run=_view,
    ),
    "/expand": Command(
        usage="[NUMBER]", about="Show a tool call and its result whole; the last one.", run=_expand
    ),
    "/export": Command(usage="[FILE]", about="Write this session as JSON Lines.", run=_export),
    "/clear": Command(usage="[NAME]", about="Begin a fresh session; this one is kept.", run=_clear),
    "/quit": Command(usage="", about="Leave. Everything is kept.", run=_quit),
}
"""Every command by its name."""

ALIASES = {"/exit": "/quit", "/q": "/quit", "/new": "/clear", "/history": "/stats"}
"""Other names that people try."""


def _show_command(console: Console, usage: str, about: str) -> None:
    if console.columns >= _WIDE_COLUMNS:
        wrapped = text.wrap(about, console.columns - _USAGE_COLUMNS - 1)
        for index, line in enumerate(wrapped.split("\n")):
            console.line(f"{text.pad('' if index else usage, _USAGE_COLUMNS)} {line}")
        return
    console.line(usage)
    console.line(about, style="dim")


def show_opened(room: Room, opened: Opened, *, how: str) -> None:
    """Say what was opened, what was mended in it, what is left out of it, and how it ended."""
    if not opened.transcript.position:
        room.console.line(f"{opened.session.name}: a fresh session.")
        return
    room.console.line(f"{how} {opened.line()}.")
    for event in opened.events:
        room.view.show(event)
    view = room.desk.need_agent().view
    if view is not None:
        room.console.line(f"View: {view.line()}", style="yellow")
    recap.show(
        opened.transcript,
        console=room.console,
        kept=room.kept,
        messages_max=room.desk.settings.cli.resume_messages,
    )


def _list_user_messages(room: Room, transcript: journal.Transcript) -> None:
    rows: list[tuple[str, str]] = []
    for position, message in zip(
        transcript.message_positions, transcript.decode_all(), strict=True
    ):
        read = reading.read(message)
        if read.role == "user":
            rows.append((str(position), reading.headline(read, columns=_HEADLINE_COLUMNS)))
    room.console.table(("position", "message"), rows[-_LISTED_MAX:])
    room.console.line("/rewind POSITION goes back to before that message.", style="dim")


def _model_config(config: llm.Config, argument: str) -> llm.Config:
    first, _space, rest = argument.partition(" ")
    if first in _providers():
        return dataclasses.replace(config, provider=first, model=rest.strip(), base_url="")
    return dataclasses.replace(config, model=argument)


def _providers() -> tuple[str, ...]:
    known = {each.name: each for each in settings.describe()}
    return known["llm.provider"].choices


def _need_session(desk: Desk) -> journal.Session:
    if desk.session is None:
        raise errors.ArgumentWrong("This session has no messages yet.")
    return desk.session
