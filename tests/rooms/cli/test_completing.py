"""What is completed at the prompt."""

from pathlib import Path

from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from novacore.cli.terminal.completing import PromptCompleter


def complete(typed: str, workspace: Path) -> list[str]:
    completer = PromptCompleter(
        commands={"/resume": "go on in another session", "/rewind": "go back", "/help": "help"},
        list_words=lambda command: ["alpha", "beta"] if command == "/resume" else [],
        workspace=workspace,
    )
    found = completer.get_completions(Document(typed), CompleteEvent())
    return [each.text for each in found]


def test_a_slash_completes_commands(tmp_path: Path) -> None:
    assert complete("/re", tmp_path) == ["/resume", "/rewind"]


def test_a_command_completes_the_words_it_takes(tmp_path: Path) -> None:
    assert complete("/resume b", tmp_path) == ["beta"]
    assert complete("/help ", tmp_path) == []


def test_an_at_sign_completes_paths_in_the_workspace_anywhere_in_a_message(tmp_path: Path) -> None:
    (tmp_path / "src" / "inner").mkdir(parents=True)
    (tmp_path / "src" / "main.py").touch()
    (tmp_path / ".hidden").touch()

    assert complete("look at @", tmp_path) == ["src/"]
    assert complete("look at @src/", tmp_path) == ["inner/", "main.py"]
    assert complete("look at @src/m", tmp_path) == ["main.py"]
    assert complete("@.h", tmp_path) == [".hidden"]


def test_ordinary_words_and_missing_folders_complete_nothing(tmp_path: Path) -> None:
    assert complete("look", tmp_path) == []
    assert complete("", tmp_path) == []
    assert complete("@nowhere/x", tmp_path) == []
