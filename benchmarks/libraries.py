"""The peer libraries: LangGraph's checkpoint savers and the session of the OpenAI Agents SDK."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents import SQLiteSession
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from benchmarks.peers import Peer
from benchmarks.workload import Message


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
        self.is_typical = convert is langchain_message
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
    is_typical = True

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


def all_libraries(folder: Path) -> list[Peer]:
    """Every library, each with its own file in `folder`."""
    state = sqlite3.connect(folder / "langgraph.db", check_same_thread=False)
    plain = sqlite3.connect(folder / "langgraph-plain.db", check_same_thread=False)
    return [
        LangGraph("LangGraph InMemorySaver, not durable", InMemorySaver(), is_durable=False),
        LangGraph("LangGraph SqliteSaver", SqliteSaver(state), is_durable=True),
        LangGraph(
            "LangGraph SqliteSaver, dicts instead of its messages", SqliteSaver(plain),
            is_durable=True, convert=dict,
        ),
        OpenAIAgents(folder / "agents.db"),
    ]  # fmt: skip
