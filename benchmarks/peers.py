"""The peers, used as their own users use them: a checkpoint per step, items per turn, a file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from benchmarks.workload import Message, compact, indented


class Peer(Protocol):
    """A way to keep one conversation."""

    name: str
    is_durable: bool
    is_library: bool
    is_typical: bool
    """False: shown for completeness, its users don't do this."""

    def fill(self, messages: list[Message]) -> None:
        """Store a whole conversation."""
        ...

    def load(self) -> int:
        """Load all of it, as its users do to go on with it; returns how many messages."""
        ...

    def append(self, message: Message) -> None:
        """Add one message, durable where the peer is."""
        ...


class JSONFile:
    """One file per conversation, written anew and fsynced each time."""

    is_durable = True
    is_library = False
    is_typical = True

    def __init__(
        self, name: str, path: Path, *, encode: Callable[[list[Message]], bytes], is_text: bool
    ) -> None:
        self.name = name
        self._path = path
        self._encode = encode
        self._is_text = is_text
        self._messages: list[Message] = []

    def fill(self, messages: list[Message]) -> None:
        self._messages = list(messages)
        self._write()

    def _write(self) -> None:
        draft = self._path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(self._encode(self._messages))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def load(self) -> int:
        raw = self._path.read_text("utf-8") if self._is_text else self._path.read_bytes()
        return len(json.loads(raw))

    def append(self, message: Message) -> None:
        self._messages.append(message)
        self._write()


def all_peers(folder: Path, *, has_libraries: bool) -> list[Peer]:
    """Every peer, each with its own file in `folder`."""
    files: list[Peer] = [
        JSONFile("JSON file, compact, bytes", folder / "b.json", encode=compact, is_text=False),
        JSONFile("JSON file, compact, text", folder / "t.json", encode=compact, is_text=True),
        JSONFile("JSON file, indented, text", folder / "i.json", encode=indented, is_text=True),
    ]
    if not has_libraries:
        return files
    from benchmarks import libraries  # noqa: PLC0415 - heavy, and installed for the bench alone

    return [*libraries.all_libraries(folder), *files]
