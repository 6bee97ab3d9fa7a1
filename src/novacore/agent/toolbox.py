"""The tools that an agent has, by name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from novacore import llm
from novacore.agent import schema
from novacore.agent.errors import ToolUnusable
from novacore.agent.tool import Tool


class Toolbox:
    """A fixed set of tools. Knows nothing of permissions; whoever runs a call asks them first."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        """Put the tools together.

        Raises:
            ToolUnusable: two have one name, or a schema uses a word that can't be checked.
        """
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            name = tool.spec.name
            if name in self._tools:
                raise ToolUnusable(f"Two tools are named {name!r}.")
            unknown = schema.unknown_words(tool.spec.parameters)
            if unknown:
                raise ToolUnusable(
                    f"The schema of {name!r} uses {', '.join(unknown)}, which is not checked."
                )
            self._tools[name] = tool

    def __len__(self) -> int:
        return len(self._tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    @property
    def specs(self) -> tuple[llm.ToolSpec, ...]:
        """What the model is told, in the order given."""
        return tuple(tool.spec for tool in self)

    def find(self, name: str) -> Tool | None:
        """The tool of that name; None where there is none."""
        return self._tools.get(name)

    def problem(self, call: llm.ToolCall) -> str:
        """Why a call can't be run, in words for the model; empty where it can."""
        tool = self.find(call.name)
        if tool is None:
            known = ", ".join(sorted(self._tools)) or "none"
            return f"There is no tool named {call.name!r}. The tools are: {known}."
        if call.problem or call.arguments is None:
            return call.problem or "The arguments can't be read. Send one JSON object."
        found = schema.problems(call.arguments, tool.spec.parameters)
        if not found:
            return ""
        return f"{call.name} was not run: {'; '.join(found)}. Call it again with these mended."

    async def close(self) -> None:
        """End what the tools still run. May be called more than once."""
        for tool in self:
            await tool.close()


def arguments_schema(
    properties: Mapping[str, Mapping[str, Any]], *, required: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    """The JSON schema of a tool that takes these arguments and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
