"""The tools `note`, `recall` and `read_output`: what the journal keeps for the agent."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from novacore import kit, llm
from novacore.agent import errors
from novacore.agent.config import Config
from novacore.agent.history import Session
from novacore.agent.notebook import NoteBook, note_line
from novacore.agent.output import decoded, fitted, size
from novacore.agent.tool import FunctionTool, Tool, ToolOutcome, failed
from novacore.agent.toolbox import arguments_schema
from novacore.agent.tools.finding import find

_LINES_SHOWN = 500
_MESSAGE = "message:"


def note_tools(notebook: NoteBook, *, session: Session, config: Config) -> list[Tool]:
    """The tools `note` and `recall` over a workspace's notebook."""
    tools = _NoteTools(notebook, session=session, config=config)
    category = {"type": "string", "description": "A word to find it by, as decision or style."}
    return [
        FunctionTool(
            spec=llm.ToolSpec(
                name="note",
                description="Keep a note for later sessions in this workspace.",
                parameters=arguments_schema(
                    {"text": {"type": "string", "minLength": 1}, "category": category},
                    required=("text",),
                ),
            ),
            function=tools.note,
        ),
        FunctionTool(
            spec=llm.ToolSpec(
                name="recall",
                description="The notes kept in this workspace, newest last.",
                parameters=arguments_schema(
                    {
                        "words": {"type": "string", "description": "All must be in the note."},
                        "category": category,
                    }
                ),
            ),
            function=tools.recall,
        ),
    ]


def output_tool(*, session: Session, config: Config) -> Tool:
    """The tool `read_output`: pages through kept output and through earlier messages."""
    return FunctionTool(
        spec=llm.ToolSpec(
            name="read_output",
            description=(
                "Lines of an output that was too long to show, or of an earlier message of this "
                "conversation."
            ),
            parameters=arguments_schema(
                {
                    "ref": {
                        "type": "string",
                        "description": 'As the cut output named it, or "message:12".',
                    },
                    "offset": {"type": "integer", "minimum": 1},
                    "limit": {"type": "integer", "minimum": 1},
                    "filter": {
                        "type": "string",
                        "description": "A regular expression; only lines that fit.",
                    },
                },
                required=("ref",),
            ),
        ),
        function=_OutputTool(session=session, config=config).read,
    )


class _NoteTools:
    def __init__(self, notebook: NoteBook, *, session: Session, config: Config) -> None:
        self._notebook = notebook
        self._session = session
        self._config = config

    async def note(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        text = str(arguments["text"]).strip()
        limit = self._config.note_bytes_max
        if not text or size(text) > limit:
            return failed(f"A note has 1 to {limit:,} bytes; this one has {size(text):,}.")
        category = str(arguments.get("category", "")).strip() or "general"
        await self._notebook.add_note(text, category=category, session_id=self._session.id)
        return ToolOutcome(text=f"Noted under {category}.")

    async def recall(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        words = str(arguments.get("words", "")).casefold().split()
        category = str(arguments.get("category", "")).casefold()
        notes = [
            note
            for note in await self._notebook.list_notes()
            if (not category or note.category.casefold() == category)
            and all(word in f"{note.category} {note.text}".casefold() for word in words)
        ]
        if not notes:
            return ToolOutcome(text="(no such notes)")
        return await fitted(
            "\n".join(note_line(note) for note in notes),
            bytes_max=self._config.tool_output_bytes_max,
            blobs=self._session,
        )


class _OutputTool:
    def __init__(self, *, session: Session, config: Config) -> None:
        self._session = session
        self._config = config

    async def read(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        try:
            text = await asyncio.to_thread(self._text, str(arguments["ref"]))
        except kit.NovaError as error:
            return failed(f"There is nothing under this ref: {error}")
        lines = list(_lines(text, chars_max=self._config.read_line_chars_max))
        wanted = list(range(len(lines)))
        if arguments.get("filter"):
            answer = await find(
                {"job": "filter", "regex": arguments["filter"], "lines": lines},
                timeout_ms=self._config.search_timeout_ms,
            )
            if isinstance(answer, ToolOutcome):
                return answer
            wanted = list(answer["indexes"])
        return self._page(lines, wanted, arguments)

    def _page(
        self, lines: list[str], wanted: list[int], arguments: Mapping[str, Any]
    ) -> ToolOutcome:
        """Whole lines up to the limit."""
        offset = int(arguments.get("offset", 1))
        limit = int(arguments.get("limit", _LINES_SHOWN))
        rest = [index for index in wanted if index + 1 >= offset]
        room = self._config.tool_output_bytes_max
        shown: list[str] = []
        for index in rest[:limit]:
            line = f"{index + 1:6}\t{lines[index]}"
            room -= size(line) + 1
            if room < 0 and shown:
                break
            shown.append(line)
        note = f"[of {len(lines):,} lines"
        if len(shown) < len(rest):
            note += f"; go on with offset {rest[len(shown)] + 1}"
        return ToolOutcome(text="\n".join([*shown, note + "]"]))

    def _text(self, ref: str) -> str:
        if not ref.startswith(_MESSAGE):
            return decoded(self._session.get_blob(ref))
        place = ref.removeprefix(_MESSAGE)
        transcript = self._session.open()
        if not place.isdecimal() or int(place) >= transcript.position:
            raise errors.AgentError(f"{ref!r} is no message of this session.")
        entry = transcript.entries[int(place)]
        if entry.kind != "message":
            raise errors.AgentError(f"{ref!r} is no message of this session.")
        reading = llm.read_message(dict(entry.body))
        calls = [f"[called {call.name} with {call.raw}]" for call in reading.tool_calls]
        return "\n".join([f"[{reading.role}]", reading.text, *calls])


def _lines(text: str, *, chars_max: int) -> Iterator[str]:
    """The lines of a text; far too long ones in pieces, so that every character can be reached."""
    for line in text.splitlines():
        yield line[:chars_max]
        for start in range(chars_max, len(line), chars_max):
            yield line[start : start + chars_max]
