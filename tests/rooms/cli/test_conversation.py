"""Conversations: what a person sees and what is kept, with a provider that follows a script."""

import asyncio
import contextlib
import dataclasses
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.cli.conftest import Nova
from tests.scripted_provider import ScriptedProvider

import novacore
from novacore import bootstrap
from novacore.cli import parser
from novacore.cli.commands import chat
from novacore.cli.console import Console
from novacore.cli.context import open_context
from novacore.cli.terminal import slash
from novacore.cli.terminal.desk import Desk
from novacore.cli.terminal.interrupts import Leave

SLOW = {"text": ["a long ", "answer ", "that ", "never ", "ends "] * 50, "chunk_delay_ms": 20}


class Person:
    """Types these lines and answers questions with these letters; a callable line is an action.

    `during` maps a text to what the person does when it appears on the screen in a turn.
    """

    def __init__(
        self, lines: Sequence[str | Callable[[], None]], *, letters: str = "", **during: str
    ) -> None:
        self.lines = list(lines)
        self.letters = list(letters)
        self.during = list(during.items())
        self.screen = io.StringIO()

    def opened(self):
        return contextlib.nullcontext()

    async def read(self) -> str:
        while self.lines:
            line = self.lines.pop(0)
            if isinstance(line, str):
                self.screen.write(f"> {line}\n")
                return line
            line()
        raise Leave

    @contextlib.contextmanager
    def working(self, *, on_escape, on_interrupt) -> Iterator[None]:
        actions = {"escape": on_escape, "interrupt": on_interrupt}
        acting = asyncio.ensure_future(self._act(actions))
        yield
        acting.cancel()

    async def _act(self, actions: dict[str, Callable[[], Any]]) -> None:
        start = len(self.screen.getvalue())
        while self.during:
            action, text = self.during[0]
            while text not in self.screen.getvalue()[start:]:  # noqa: ASYNC110 - a screen
                await asyncio.sleep(0.005)
            self.during.pop(0)
            actions[action.rstrip("_")]()

    def interrupt(self) -> None:
        raise AssertionError("no signal was sent")

    async def choose(self, choices: str) -> str:
        return self.letters.pop(0) if self.letters else ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A data directory, a folder, and a provider; `talk` holds one conversation."""

    nova: Nova
    provider: ScriptedProvider

    def talk(self, person: Person, *arguments: str) -> str:
        """What was on the screen."""
        chosen = parser.build_parser().parse_args(arguments)
        context = open_context(chosen)
        console = Console(person.screen, person.screen, columns=100)
        context = dataclasses.replace(context, console=console)
        with bootstrap.open_store(context.settings) as store:
            asyncio.run(chat.talk(chosen, context, store=store, open_typing=lambda *_parts: person))
        return person.screen.getvalue()

    def messages(self, name: str) -> list[dict[str, Any]]:
        with novacore.open(self.nova.data_dir) as store:
            return [dict(each) for each in store.get_session(name).messages]

    def names(self) -> list[str]:
        with novacore.open(self.nova.data_dir) as store:
            return [each.name for each in store.list_sessions(workspace=str(self.nova.folder))]


@pytest.fixture
def table(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    with ScriptedProvider() as provider:
        monkeypatch.setenv("NOVA_LLM_PROVIDER", "anthropic")
        monkeypatch.setenv("NOVA_LLM_BASE_URL", provider.url)
        monkeypatch.setenv("NOVA_LLM_API_KEY", "key")
        yield Table(nova=nova, provider=provider)


def call(name: str, *, call_id: str = "toolu_1", **arguments) -> dict[str, Any]:
    return {"tool_calls": [{"id": call_id, "name": name, "arguments": arguments}]}


def test_an_answer_is_shown_and_both_messages_are_kept(table: Table) -> None:
    table.provider.play({"thinking": "hm", "signature": "s", "text": "hello back"})

    screen = table.talk(Person(["hello 日本"]), "--session", "s")

    assert "hello back" in screen
    assert "1 step, 10 tokens in" in screen
    assert [each["role"] for each in table.messages("s")] == ["user", "assistant"]


def test_the_folders_last_session_is_resumed_with_a_measured_time(table: Table) -> None:
    table.provider.play({"text": "first"}, {"text": "second"})
    table.talk(Person(["one"]), "--session", "s")

    screen = table.talk(Person(["two"]))

    assert "Resumed s: 2 messages, opened in " in screen
    assert " ms.\n> one\nfirst\n" in screen
    assert [each["role"] for each in table.messages("s")] == ["user", "assistant"] * 2
    sent = table.provider.bodies[-1]["messages"]
    assert [each["role"] for each in sent] == ["user", "assistant", "user"]


def test_a_fresh_session_is_begun_on_request_and_leaves_no_trace_when_unused(table: Table) -> None:
    table.provider.play({"text": "first"}, {"text": "second"})
    table.talk(Person(["one"]), "--session", "s")

    assert "A fresh session" in table.talk(Person([]), "--new")
    assert table.names() == ["s"]
    table.talk(Person(["two"]), "--new")
    assert len(table.names()) == 2


def test_resuming_can_be_switched_off(table: Table) -> None:
    table.provider.play({"text": "first"})
    table.talk(Person(["one"]), "--session", "s")

    assert "A fresh session" in table.talk(Person([]), "--set", "cli.resume=false")


def test_sessions_of_other_folders_are_not_resumed(table: Table) -> None:
    with novacore.open(table.nova.data_dir) as store:
        store.session("theirs", workspace="/elsewhere").append({"role": "user", "content": "x"})

    assert "A fresh session" in table.talk(Person([]))


def test_escape_stops_the_answer_and_keeps_what_was_said(table: Table) -> None:
    table.provider.play(SLOW, {"text": "fine"})

    screen = table.talk(Person(["go", "again"], escape="answer"), "--session", "s")

    assert "Stopped. What was said is kept." in screen
    assert table.provider.requests[0].was_dropped.wait(5)
    stored = table.messages("s")
    assert "a long" in json.dumps(stored[1])
    assert [each["role"] for each in stored] == ["user", "assistant"] * 2
    assert "fine" in screen


def test_escape_stops_a_running_command_with_its_children(table: Table) -> None:
    nap = f"sleep 86400.{time.time_ns()}"
    table.provider.play(call("bash", command=f"{nap} & {nap}; echo never"))

    screen = table.talk(Person(["go"], letters="y", escape="[1] bash"), "--session", "s", "--plain")

    assert "Stopped" in screen
    result = table.messages("s")[2]
    assert result["is_error"]
    assert not any(nap in line.replace("\0", " ") for line in command_lines())


def command_lines() -> list[str]:
    """The command lines of every process of this machine."""
    lines: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes().decode("utf-8", "replace"))
    return lines


def test_a_second_interrupt_leaves(table: Table) -> None:
    table.provider.play(SLOW)
    person = Person(["go", "never read"], interrupt="answer", interrupt_="answer")

    table.talk(person, "--session", "s")

    assert [each["role"] for each in table.messages("s")] == ["user", "assistant"]


def test_a_question_decides_and_an_answer_for_always_holds_next_time(table: Table) -> None:
    table.provider.play(call("write_file", path="a.txt", content="1"), {"text": "written"})
    table.provider.play(
        call("write_file", call_id="toolu_2", path="a.txt", content="2"), {"text": "ok"}
    )

    first = table.talk(Person(["write"], letters="a"), "--session", "s")
    second = table.talk(Person(["again"]), "--new")

    assert "May it run?  write_file" in first
    assert "May it run?" not in second
    assert (table.nova.folder / "a.txt").read_text() == "2"


def test_a_refused_call_is_told_to_the_model_and_nothing_runs(table: Table) -> None:
    table.provider.play(call("write_file", path="a.txt", content="1"), {"text": "a pity"})

    screen = table.talk(Person(["write"], letters="n"), "--session", "s")

    assert "a pity" in screen
    assert not (table.nova.folder / "a.txt").exists()


def test_an_error_of_the_provider_is_said_with_the_setting_to_change(table: Table) -> None:
    table.provider.play(
        {"status": 401, "error": {"type": "authentication_error", "message": "invalid x-api-key"}},
        {"text": "now it works"},
    )

    screen = table.talk(Person(["one", "two"]), "--session", "s")

    assert "llm.api_key" in screen
    assert "now it works" in screen


def test_a_folded_result_is_shown_whole_on_request(table: Table) -> None:
    table.provider.play(call("bash", command="seq 1 40"), {"text": "counted"})

    screen = table.talk(Person(["count", "/expand 1", "/expand 9"], letters="y"), "--session", "s")

    before, _, after = screen.partition("> /expand 1")
    assert "37 more lines: /expand 1" in before
    assert "\n39\n40\n" in after
    assert "no such call" in after


def test_a_result_is_shown_whole_after_resuming_too(table: Table) -> None:
    table.provider.play(call("bash", command="seq 1 40"), {"text": "counted"})
    table.talk(Person(["count"], letters="y"), "--session", "s")

    assert "\n39\n40\n" in table.talk(Person(["/expand 1"]))


def test_a_result_that_is_kept_as_a_blob_is_shown_whole(table: Table) -> None:
    table.provider.play(call("bash", command="seq 1 20000"), {"text": "counted"})

    screen = table.talk(Person(["count", "/expand"], letters="y"), "--session", "s")

    assert "\n10000\n10001\n" in screen


def test_a_rewind_goes_on_in_a_fork_and_keeps_the_original(table: Table) -> None:
    table.provider.play({"text": "first"}, {"text": "second"}, {"text": "other"})
    person = Person(["one", "two", "/rewind", "/rewind x", "three"])
    screen = table.talk(person, "--session", "s")
    assert "goes back to before that message" in screen
    assert "x is no position" in screen

    positions = [line.split()[0] for line in screen.splitlines() if line.endswith("  two")]
    table.provider.play({"text": "else"})
    screen = table.talk(Person([f"/rewind {positions[0]}", "instead"]))

    assert "s is kept whole: /resume s" in screen
    assert [each["content"] for each in table.messages("s-2") if each["role"] == "user"] == [
        "one",
        "instead",
    ]
    assert [each["content"] for each in table.messages("s") if each["role"] == "user"] == [
        "one",
        "two",
        "three",
    ]


def test_sessions_are_listed_forked_resumed_and_left_for_a_fresh_one(table: Table) -> None:
    table.provider.play({"text": "1"}, {"text": "2"}, {"text": "3"}, {"text": "4"})

    screen = table.talk(
        Person(
            ["one", "/fork side", "two", "/sessions", "/resume s", "three", "/clear new", "four"]
        ),
        "--session",
        "s",
    )

    assert "Forked to side: 2 messages" in screen
    assert "Resumed s: 2 messages" in screen
    assert {"side", "s", "new"} == set(table.names())
    users = [each["content"] for each in table.messages("s") if each["role"] == "user"]
    assert users == ["one", "three"]


def test_every_command_is_explained(table: Table) -> None:
    screen = table.talk(Person(["/help", "/help rewind", "/help nonsense"]))

    for name in ("/help", "/sessions", "/resume", "/fork", "/rewind", "/model", "/tools",
                 "/permissions", "/stats", "/view", "/export", "/clear", "/quit"):  # fmt: skip
        assert f"\n{name}" in screen
    assert screen.count("Go on from an earlier message") == 2
    assert "There is no command /nonsense" in screen


@pytest.mark.parametrize(("typed", "nearest"), [("/sessionz", "/sessions"), ("/xyzzy", "/help")])
def test_an_unknown_command_is_an_error_with_the_nearest(table: Table, typed, nearest) -> None:
    screen = table.talk(Person([typed, "/quit", "never read"]))

    assert f"There is no command {typed}." in screen
    assert nearest in screen
    assert "never read" not in screen


def test_commands_without_a_session_say_so_and_make_none(table: Table) -> None:
    screen = table.talk(Person(["", "/fork", "/rewind", "/export", "/stats", "/resume", "/expand"]))

    assert screen.count("no messages yet") == 4
    assert "Which session?" in screen
    assert table.names() == []


def test_looking_at_tools_permissions_and_the_view(table: Table) -> None:
    table.provider.play({"text": "1"})
    screen = table.talk(
        Person(
            ["one", "/tools", "/permissions", "/permissions allow bash(git *)",
             "/permissions nonsense", "/view", "/view narrow", "/view nonsense", "/stats"]
        ),
        "--session", "s",
    )  # fmt: skip

    assert "\nbash\n" in screen
    assert "No rules." in screen
    assert "allow  bash(git *)  (answered)" in screen
    assert "Write /permissions allow RULE" in screen
    assert "Nothing is left out" in screen
    assert "Views are made: narrow." in screen
    assert "The view mode is 'nonsense'" in screen
    assert "Messages: 1 user, 1 assistant." in screen
    assert "Model: 1 calls, 10 tokens in" in screen


def test_the_model_is_shown_and_changed(table: Table) -> None:
    table.provider.play({"text": "1"}, {"text": "2"})

    screen = table.talk(
        Person(["one", "/model", "/model claude-other", "two", "/model openai", "/model builtin"]),
        "--session",
        "s",
    )

    assert "claude-other (anthropic)" in screen
    assert table.provider.bodies[1]["model"] == "claude-other"
    assert "It is small" in screen or "small" in screen


def test_a_view_is_said_in_one_line_and_remembered_at_the_next_start(table: Table) -> None:
    table.provider.play(*({"text": "word " * 300} for _ in range(4)))
    arguments = ("--session", "s", "--set", "agent.context_tokens_max=1500")

    screen = table.talk(Person(["one " * 300, "two " * 300, "three " * 300]), *arguments)
    again = table.talk(Person([]), *arguments)

    assert screen.count("View: ") == 1
    assert "older messages" in screen
    assert again.count("View: ") == 1


def test_a_repaired_history_is_said_in_one_line(table: Table) -> None:
    with novacore.open(table.nova.data_dir) as store:
        store.session("s", workspace=str(table.nova.folder)).append(
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "t", "name": "bash", "input": {"command": "ls"}}
                ],
            },
        )

    screen = table.talk(Person([]))

    assert screen.count("Repaired ") == 1


def test_a_damaged_entry_is_named_and_does_not_hide_the_rest(table: Table) -> None:
    table.provider.play({"text": "first answer"}, {"text": "second"})
    table.talk(Person(["one"]), "--session", "s")
    for path in table.nova.data_dir.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        at = raw.find(b"first answer")
        if at >= 0:
            path.write_bytes(raw[:at] + b"X" + raw[at + 1 :])

    screen = table.talk(Person(["two"]))

    assert "damaged" in screen
    assert "nova verify" in screen
    assert "second" in screen


def test_words_with_lone_surrogates_are_answered(table: Table) -> None:
    table.provider.play({"text": "odd"})

    assert "odd" in table.talk(Person(["x \udcff"]), "--session", "s")


def test_a_folders_own_settings_are_named_at_the_start(table: Table) -> None:
    (table.nova.folder / "nova.toml").write_text("[cli]\nresult_lines_max = 1\n")

    assert "Settings are also read from" in table.talk(Person([]))


def test_a_bare_exit_leaves(table: Table) -> None:
    assert "never read" not in table.talk(Person(["exit", "never read"]))


def test_the_small_model_says_at_the_start_that_it_is_small(nova: Nova) -> None:
    with ScriptedProvider() as provider:
        screen = Table(nova=nova, provider=provider).talk(Person([]))

    assert "small" in screen
    assert "ANTHROPIC_API_KEY" in screen
    assert "nova model install" in screen


def test_a_session_is_exported_into_the_folder_and_nothing_is_overwritten(table: Table) -> None:
    table.provider.play({"text": "1"})

    screen = table.talk(Person(["one", "/export", "/export"]), "--session", "a/b")

    assert "one" in (table.nova.folder / "a-b.jsonl").read_text()
    assert "there already" in screen


def test_words_that_may_follow_a_command_are_offered(table: Table) -> None:
    table.provider.play({"text": "1"})
    table.talk(Person(["one"]), "--session", "s")
    context = open_context(parser.build_parser().parse_args([]))

    with bootstrap.open_store(context.settings) as store:
        model = asyncio.run(bootstrap.open_model(context.settings))
        desk = Desk(context.settings, store=store, model=model)
        assert slash.words_after(desk, "/resume") == ["s"]
        assert "anthropic " in slash.words_after(desk, "/model")
        assert "rewind" in slash.words_after(desk, "/help")
        assert "undo" in slash.words_after(desk, "/view")
        assert slash.words_after(desk, "/quit") == []
