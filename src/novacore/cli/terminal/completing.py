"""Completion at the prompt: commands after `/`, names of sessions, paths after `@`."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

_PATHS_MAX = 200


class PromptCompleter(Completer):
    """Completes what stands before the cursor.

    Args:
        commands: names of commands with what they do.
        list_words: the words that may follow a command; empty where it takes none.
        workspace: the folder that paths are relative to.
    """

    def __init__(
        self,
        *,
        commands: dict[str, str],
        list_words: Callable[[str], Iterable[str]],
        workspace: Path,
    ) -> None:
        self._commands = commands
        self._list_words = list_words
        self._workspace = workspace

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """What may stand at the cursor, nearest first."""
        before = document.text_before_cursor
        if before.startswith("/") and "\n" not in before:
            yield from self._command(before)
            return
        word = before.rsplit(maxsplit=1)[-1] if before and not before[-1].isspace() else ""
        if word.startswith("@"):
            yield from self._paths(word[1:])

    def _command(self, before: str) -> Iterator[Completion]:
        name, space, rest = before.partition(" ")
        if not space:
            for command, about in self._commands.items():
                if command.startswith(name):
                    yield Completion(command, start_position=-len(name), display_meta=about)
            return
        for word in self._list_words(name):
            if word.startswith(rest):
                yield Completion(word, start_position=-len(rest))

    def _paths(self, written: str) -> Iterator[Completion]:
        folder, _slash, start = written.rpartition("/")
        place = self._workspace / os.path.expanduser(folder + "/" if _slash else "")
        try:
            with os.scandir(place) as found:
                names = sorted(
                    each.name + ("/" if each.is_dir() else "")
                    for each in found
                    if each.name.startswith(start) and (start or not each.name.startswith("."))
                )
        except OSError:
            return
        for name in names[:_PATHS_MAX]:
            yield Completion(name, start_position=-len(start))
