"""The command line's grammar, its help, and how little it loads."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.rooms.cli.conftest import Nova

from novacore.cli import completion, parser
from novacore.cli.terminal import slash

HEAVY = ("aiohttp", "apsw", "asyncio", "msgspec", "prompt_toolkit", "rich", "wcwidth")


def actions_of(command: argparse.ArgumentParser) -> list[argparse.Action]:
    return command._actions


def every_parser() -> list[argparse.ArgumentParser]:
    found = [parser.build_parser()]
    for each in found:
        for action in actions_of(each):
            if isinstance(action, argparse._SubParsersAction):
                found += action.choices.values()
    return found


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    program = (
        "import sys; from novacore.cli import main; code = main(['--help']); "
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]; "
        "print(loaded, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert done.stderr == "[]\n"
    for name in parser.COMMANDS:
        assert f"\n    {name} " in done.stdout


def test_every_option_of_every_command_has_help() -> None:
    for each in every_parser():
        for action in actions_of(each):
            if not isinstance(action, argparse._SubParsersAction):
                assert action.help, f"{each.prog}: {action.option_strings or action.dest}"


@pytest.mark.parametrize("name", parser.COMMANDS)
def test_every_command_has_help_of_its_own(nova: Nova, name: str) -> None:
    outcome = nova(name, "--help")

    assert outcome.code == 0
    assert outcome.out.startswith(f"usage: nova {name}")
    assert parser.COMMANDS[name][0][1:] in " ".join(outcome.out.split())


def test_a_mistyped_command_names_the_nearest_one(nova: Nova) -> None:
    outcome = nova("sessionz")

    assert outcome.code == 2
    assert "Did you mean sessions?" in outcome.err


def test_a_command_that_nothing_resembles_lists_them_all(nova: Nova) -> None:
    assert "doctor" in nova("xyzzy").err


@pytest.mark.parametrize(
    "arguments",
    [("run",), ("show",), ("show", "a", "--at", "x"), ("--nonsense",), ("config",), ("model",)],
)
def test_an_incomplete_command_line_is_a_usage_error(nova: Nova, arguments) -> None:
    outcome = nova(*arguments)

    assert outcome.code == 2
    assert "--help" in outcome.err
    assert outcome.out == ""


def test_options_are_never_abbreviated(nova: Nova) -> None:
    assert nova("sessions", "--js").code == 2


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_completion_script_knows_every_command_and_option(nova: Nova, shell: str) -> None:
    script = nova("completion", shell).out

    for name in parser.COMMANDS:
        assert name in script
    for option in ("dry-run", "session", "origin", "wheel"):
        assert option in script
    assert nova("completion", "tcsh").code == 2


def bash_completes(*words: str) -> list[str]:
    """What bash offers for the last of these words."""
    script = completion.render_completion("bash")
    typed = " ".join(f"'{word}'" for word in ("nova", *words))
    program = (
        f"{script}\nnova() {{ printf 'my session\\nother\\n'; }}\n"
        f"COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _nova; "
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run([bash, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.heavy
def test_bash_completes_commands_options_and_actions() -> None:
    assert bash_completes("ses") == ["sessions"]
    assert bash_completes("sessions", "--js") == ["--json"]
    assert bash_completes("config", "i") == ["init"]
    assert bash_completes("completion", "f") == ["fish"]


def test_bash_completes_names_of_sessions_even_with_spaces() -> None:
    assert bash_completes("show", "my") == ["my session"]
    assert bash_completes("run", "--session", "o") == ["other"]


def test_bash_completes_files_where_a_file_is_wanted(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.json").touch()

    assert bash_completes("import", "ch") == ["chat.json"]
    assert bash_completes("--config", "ch") == ["chat.json"]


def test_every_command_of_the_conversation_is_in_the_reference() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "conversation.md"
    text = page.read_text().replace("\\|", "|")

    for name, command in slash.COMMANDS.items():
        assert f"| `{f'{name} {command.usage}'.strip()}` |" in text
