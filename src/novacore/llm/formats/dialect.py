"""What sets one provider apart from others that speak the same wire format."""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from novacore.llm.formats.reading import MALFORMED, origin_of
from novacore.llm.model import Message, ToolCall, ToolMode, ToolResult

_ANTHROPIC_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OPENAI_ID = re.compile(r"[\x21-\x7e]{1,40}")

OPENAI_BLOCKS = frozenset({"input_audio", "file", "input_file", "audio", "video_url"})
"""Content blocks that only the OpenAI format has, besides text and images."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialect:
    """One provider's way to speak a wire format."""

    provider: str
    """Its name, as messages carry it."""
    model: str
    """The model's name in the request."""
    output_tokens_max: int
    """Cap of an answer where the caller sets none."""
    tokens_percent: int = 100
    """What the model counts for a text, in percent of our estimate."""
    tool_mode: ToolMode = "native"
    """How the model calls tools."""
    thinking: str = "default"
    """default, off, adaptive or budget; Anthropic's format only."""
    thinking_tokens: int = 0
    """The budget, where thinking is `budget`."""

    @property
    def is_minimax(self) -> bool:
        """MiniMax takes thinking from anywhere, unsigned, in both formats."""
        return self.provider == "minimax"

    def wrote(self, message: Message) -> bool:
        """Whether this provider wrote the message, or nobody says who did."""
        return origin_of(message) in ("", self.provider)

    @property
    def call_id(self) -> Callable[[str], str]:
        """Turns any call id into one that this provider takes, always the same way."""
        if self.provider == "openai":
            return _openai_id
        return _unchanged


def anthropic_id(call_id: str) -> str:
    """The id itself where Anthropic takes it, else one made from its digest."""
    return call_id if _ANTHROPIC_ID.fullmatch(call_id) else _digest_id(call_id)


def _openai_id(call_id: str) -> str:
    return call_id if _OPENAI_ID.fullmatch(call_id) else _digest_id(call_id)


def _unchanged(call_id: str) -> str:
    """Other servers see their own ids again: some (Kimi, Gemini) need every character of them."""
    return call_id


def _digest_id(call_id: str) -> str:
    raw = call_id.encode("utf-8", "surrogatepass")
    return "call_" + hashlib.sha256(raw).hexdigest()[:24]


def wire_arguments(call: ToolCall) -> Mapping[str, Any]:
    """The arguments as an object: what was no object is shown to the model as it wrote it."""
    return call.arguments if call.arguments is not None else {MALFORMED: call.raw}


def left_out(kind: str) -> str:
    """What stands where a block of the user's has no form in the format."""
    return f"(Something of type {kind or 'unknown'} was left out: this model can't be shown it.)"


def call_as_text(call: ToolCall) -> str:
    """A call for a model that sees no tools."""
    return f"(I used the tool {call.name} with {call.raw or '{}'})"


def result_as_text(result: ToolResult) -> str:
    """A result for a model that sees no tools."""
    what = "The tool failed" if result.is_error else "The tool's result"
    return f"({what}: {result.text})"
