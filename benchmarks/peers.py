"""The peers, used as their own users use them: a checkpoint per step, items per turn, a file."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from agents import SQLiteSession
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from benchmarks.workload import Message, compact, indented


class Peer(Protocol):
    """A way to keep one conversation."""

    name: str
    is_durable: bool
    is_library: bool

    def fill(self, messages: list[Message]) -> None:
        """Store a whole conversation."""
        ...

    def load(self) -> int:
        """Load all of it, as its users do to go on with it; returns how many messages."""
        ...

    def append(self, message: Message) -> None:
        """Add one message, durable where the peer is."""
        ...


def langchain_message(message: Message) -> BaseMessage:
    """The message as LangGraph's users hold it."""
    content = message["content"]
    if message["role"] == "user":
        return HumanMessage(content)
    if message["role"] == "tool":
        return ToolMessage(content, tool_call_id=message["tool_call_id"], name=message["name"])
    calls: list[Any] = [
        {"type": "tool_call", "id": block["id"], "name": block["name"], "args": block["input"]}
        for block in content
        if block["type"] == "tool_use"
    ]
    return AIMessage(content, tool_calls=calls)


class LangGraph:
    """A checkpoint saver with the messages in its state, one checkpoint per step."""

    is_library = True

    def __init__(
        self,
        name: str,
        saver: BaseCheckpointSaver[Any],
        *,
        is_durable: bool,
        convert: Callable[[Message], Any] = langchain_message,
    ) -> None:
        self.name = name
        self.is_durable = is_durable
        self._saver = saver
        self._convert = convert
        self._thread: Any = {"configurable": {"thread_id": "bench", "checkpoint_ns": ""}}
        self._config: Any = self._thread
        self._messages: list[Any] = []

    def fill(self, messages: list[Message]) -> None:
        self._messages = [self._convert(message) for message in messages]
        self._put()

    def _put(self) -> None:
        checkpoint = empty_checkpoint()
        version = f"{len(self._messages):032}.0"
        checkpoint["channel_values"] = {"messages": self._messages}
        checkpoint["channel_versions"] = {"messages": version}
        self._config = self._saver.put(
            self._config, checkpoint, {"source": "loop", "step": len(self._messages)},
            {"messages": version},
        )  # fmt: skip

    def load(self) -> int:
        found = self._saver.get_tuple(self._thread)
        assert found is not None
        return len(found.checkpoint["channel_values"]["messages"])

    def append(self, message: Message) -> None:
        self._messages.append(self._convert(message))
        self._put()


class OpenAIAgents:
    """The Agents SDK's session on SQLite: a row of JSON per item."""

    name = "openai-agents SQLiteSession"
    is_durable = True
    is_library = True

    def __init__(self, path: Path) -> None:
        self._runner = asyncio.Runner()
        self._session = SQLiteSession("bench", path)

    def fill(self, messages: list[Message]) -> None:
        items: list[Any] = list(messages)
        self._runner.run(self._session.add_items(items))

    def load(self) -> int:
        return len(self._runner.run(self._session.get_items()))

    def append(self, message: Message) -> None:
        item: Any = message
        self._runner.run(self._session.add_items([item]))


class JSONFile:
    """One file per conversation, written anew and fsynced each time."""

    is_durable = True
    is_library = False

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


def all_peers(folder: Path) -> list[Peer]:
    """Every peer, each with its own file in `folder`."""
    connection = sqlite3.connect(folder / "langgraph.db", check_same_thread=False)
    plain = sqlite3.connect(folder / "langgraph-plain.db", check_same_thread=False)
    return [
        LangGraph("LangGraph InMemorySaver", InMemorySaver(), is_durable=False),
        LangGraph("LangGraph SqliteSaver", SqliteSaver(connection), is_durable=True),
        LangGraph(
            "LangGraph SqliteSaver, plain dicts", SqliteSaver(plain), is_durable=True, convert=dict
        ),
        OpenAIAgents(folder / "agents.db"),
        JSONFile("JSON file, compact, bytes", folder / "b.json", encode=compact, is_text=False),
        JSONFile("JSON file, compact, text", folder / "t.json", encode=compact, is_text=True),
        JSONFile("JSON file, indented, text", folder / "i.json", encode=indented, is_text=True),
    ]


def sizes(folder: Path) -> int:
    """The bytes that a folder's files hold."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
