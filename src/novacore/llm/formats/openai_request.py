"""The OpenAI chat completions format: requests. Spoken by most other servers too.

Source: OpenAI's API reference, "Chat completions"; MiniMax's guide on interleaved thinking.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from novacore.llm.formats.dialect import (
    OPENAI_BLOCKS,
    Dialect,
    call_as_text,
    left_out,
    result_as_text,
    wire_arguments,
)
from novacore.llm.formats.encoding import encode, joined, mapping_of, text_of
from novacore.llm.formats.openai_reply import OpenAIAssembler
from novacore.llm.formats.reading import Part, role_of, split, thinking_of
from novacore.llm.formats.tokens import MESSAGE_TOKENS, count_parts, count_tokens
from novacore.llm.formats.wire import Assembler, Piece
from novacore.llm.model import Message, ToolCall, ToolResult, ToolSpec

_REASONING_KEYS = ("reasoning_content", "reasoning", "reasoning_details")
_NOTE_FROM_SYSTEM = "(A note from the system, not the user:) "


class OpenAIWire:
    """Encodes for one provider: each message becomes one or more of the format's messages.

    Args:
        dialect: whose way of speaking the format. Where its tool mode is not `native`, calls and
            results in old messages are told as text.
    """

    path = "/chat/completions"

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def headers(self, api_key: str) -> dict[str, str]:
        """A bearer token, where there is a key."""
        headers = {"content-type": "application/json"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        return headers

    def encode_base(self, *, system: str, tools: Sequence[ToolSpec]) -> bytes:
        """Tools, then the beginning of the messages: the system prompt stands first or nowhere."""
        parts: list[bytes] = []
        if tools:
            parts.append(b'"tools":' + encode([_tool(tool) for tool in tools]))
        first = encode({"role": "system", "content": system}) if system.strip() else b""
        parts.append(b'"messages":[' + first)
        return joined(parts)

    def encode(self, message: Message) -> Piece:
        """One message. Results become messages of their own, in front of what the user says."""
        role, parts = role_of(message), split(message)
        if role == "assistant":
            return self._assistant(message, parts)
        results = [self._result(part, part.result) for part in parts if part.result is not None]
        content = [b for part in parts if (b := self._user_block(part, message)) is not None]
        if content:
            results.append({"role": "user", "content": _content(content, role=role)})
        return _piece(results, tokens=count_parts(parts))

    def encode_note(self, text: str) -> Piece:
        """A message of the user's."""
        tokens = MESSAGE_TOKENS + count_tokens(text)
        return _piece([{"role": "user", "content": text}], tokens=tokens)

    def body(self, pieces: Iterable[Piece], *, base: bytes, output_tokens_max: int | None) -> bytes:
        """The whole request."""
        cap = output_tokens_max or self._dialect.output_tokens_max
        messages = joined(piece.joined for piece in pieces if piece.blocks)
        gap = b"," if messages and not base.endswith(b"[") else b""
        return b"".join((encode(self._head(cap))[:-1], b",", base, gap, messages, b"]}"))

    def assembler(self) -> Assembler:
        """Reads one answer."""
        return OpenAIAssembler(provider=self._dialect.provider, model=self._dialect.model)

    def _head(self, cap: int) -> dict[str, Any]:
        head: dict[str, Any] = {"model": self._dialect.model, "stream": True}
        head["stream_options"] = {"include_usage": True}
        # OpenAI's newer models refuse max_tokens, most other servers know nothing else.
        is_new = self._dialect.provider in ("openai", "minimax")
        head["max_completion_tokens" if is_new else "max_tokens"] = cap
        if self._dialect.is_minimax:
            head["reasoning_split"] = True
        return head

    def _assistant(self, message: Message, parts: Sequence[Part]) -> Piece:
        texts = [part.text for part in parts if part.kind == "text" and part.text]
        calls = [(part.call, part.block) for part in parts if part.call is not None]
        wired: list[dict[str, Any]] = []
        if self._dialect.tool_mode == "native":
            wired = [self._call(call, block) for call, block in calls]
        else:
            texts += [self._told_call(call) for call, _ in calls]
        reasoning = self._reasoning(message, parts)
        out: dict[str, Any] = {"role": "assistant"}
        out["content"] = "\n".join(texts) if texts else None
        out |= reasoning
        if wired:
            out["tool_calls"] = wired
        sent = [part for part in parts if reasoning or part.kind != "thinking"]
        return _piece([out] if wired or texts else [], tokens=count_parts(sent))

    def _told_call(self, call: ToolCall) -> str:
        return call_as_text(call)

    def _told_result(self, result: ToolResult) -> str:
        return result_as_text(result)

    def _reasoning(self, message: Message, parts: Sequence[Part]) -> dict[str, Any]:
        """The provider's own reasoning fields as they came; MiniMax takes anyone's thinking."""
        if self._dialect.wrote(message) and self._dialect.provider != "openai":
            own = {key: message[key] for key in _REASONING_KEYS if message.get(key)}
            if own:
                return own
        thinking = thinking_of(message) or "\n".join(
            part.text for part in parts if part.kind == "thinking" and part.text
        )
        if self._dialect.is_minimax and thinking:
            return {"reasoning_details": [{"type": "reasoning.text", "text": thinking}]}
        return {}

    def _call(self, call: ToolCall, block: Mapping[str, Any]) -> dict[str, Any]:
        """The call with its other fields (some servers hide a signature there) kept."""
        function = mapping_of(block.get("function")) or {}
        native = dict(block) if function else {}
        is_text = call.problem is None and isinstance(function.get("arguments"), str)
        raw = call.raw if is_text and call.raw.strip() else encode(wire_arguments(call)).decode()
        native["id"] = self._dialect.call_id(call.id)
        native["type"] = "function"
        native["function"] = {**function, "name": call.name or "unnamed", "arguments": raw}
        return native

    def _result(self, part: Part, result: ToolResult) -> dict[str, Any]:
        if self._dialect.tool_mode != "native":
            return {"role": "user", "content": self._told_result(result)}
        texts = [result.text or "the tool failed silently."] if result.is_error else [result.text]
        if result.is_error and not result.text.lower().startswith("error"):
            texts[0] = "Error: " + texts[0]
        kinds = (text_of(inner.block.get("type")) for inner in part.parts if inner.kind != "text")
        texts += [left_out(kind) for kind in kinds]
        call_id = self._dialect.call_id(result.call_id)
        return {"role": "tool", "tool_call_id": call_id, "content": "\n".join(texts)}

    def _user_block(self, part: Part, message: Message) -> Mapping[str, Any] | None:
        if part.kind == "text":
            return {"type": "text", "text": part.text} if part.text else None
        if part.kind == "image":
            return _image(part.block)
        kind = text_of(part.block.get("type"))
        if part.kind != "other" or not kind:
            return None
        is_own = text_of(message.get("provider")) == self._dialect.provider
        if kind in OPENAI_BLOCKS or is_own:
            return part.block
        return {"type": "text", "text": part.text or left_out(kind)}


def _piece(messages: Sequence[Mapping[str, Any]], *, tokens: int) -> Piece:
    blocks = tuple(encode(message) for message in messages)
    role = text_of(messages[-1].get("role")) if messages else "user"
    return Piece(role=role, blocks=blocks, joined=joined(blocks), tokens=tokens)


def _content(blocks: Sequence[Mapping[str, Any]], *, role: str) -> object:
    """Plain text where it is only that: servers without images take no lists."""
    if all(block.get("type") == "text" for block in blocks):
        text = "\n".join(text_of(block.get("text")) for block in blocks)
        return _NOTE_FROM_SYSTEM + text if role == "system" else text
    return list(blocks)


def _image(block: Mapping[str, Any]) -> Mapping[str, Any]:
    source = mapping_of(block.get("source"))
    if source is None:
        return block
    url = text_of(source.get("url"))
    if not url:
        kind = text_of(source.get("media_type")) or "image/png"
        url = f"data:{kind};base64,{text_of(source.get('data'))}"
    return {"type": "image_url", "image_url": {"url": url}}


def _tool(tool: ToolSpec) -> Mapping[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}
