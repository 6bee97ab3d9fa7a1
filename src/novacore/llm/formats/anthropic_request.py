"""The Anthropic Messages format: requests. Also spoken by MiniMax.

Source: Anthropic's API reference, "Messages", "Extended thinking", "Prompt caching".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from novacore.llm.formats.anthropic_reply import AnthropicAssembler
from novacore.llm.formats.dialect import (
    OPENAI_BLOCKS,
    Dialect,
    anthropic_id,
    call_as_text,
    left_out,
    result_as_text,
    wire_arguments,
)
from novacore.llm.formats.encoding import encode, joined, mapping_of, text_of
from novacore.llm.formats.reading import RAW_INPUT, Part, origin_of, role_of, split
from novacore.llm.formats.tokens import MESSAGE_TOKENS, count_parts, count_tokens
from novacore.llm.formats.wire import Piece
from novacore.llm.model import Message, ToolCall, ToolResult, ToolSpec

_VERSION = "2023-06-01"
_MARK = b',"cache_control":{"type":"ephemeral"}}'
_THINKING = frozenset({"thinking", "redacted_thinking"})
_SEAMS = {role: b']},{"role":"%s","content":[' % role.encode() for role in ("user", "assistant")}
_FIRST_USER = b'{"role":"user","content":[{"type":"text","text":"(The conversation goes on.)"}'
_NOTE_FROM_SYSTEM = {"type": "text", "text": "(A note from the system, not the user:)"}
_THINKING_ROOM_TOKENS = 1_024


class AnthropicWire:
    """Encodes for one provider. A request has at most four cache marks: tools, system, two turns.

    Args:
        dialect: whose way of speaking the format.
        with_tools: False: calls and results in old messages are told as text, since the provider
            refuses them in a request that offers no tools.
    """

    path = "/v1/messages"

    def __init__(self, dialect: Dialect, *, with_tools: bool) -> None:
        self._dialect = dialect
        self._with_tools = with_tools

    def headers(self, api_key: str) -> dict[str, str]:
        """Anthropic reads x-api-key; MiniMax and most proxies want a bearer token."""
        headers = {"content-type": "application/json", "anthropic-version": _VERSION}
        if api_key:
            headers["x-api-key"] = api_key
            if self._dialect.provider != "anthropic":
                headers["authorization"] = f"Bearer {api_key}"
        return headers

    def encode_base(self, *, system: str, tools: Sequence[ToolSpec]) -> bytes:
        """System and tools, each with a cache mark at its end."""
        parts: list[bytes] = []
        if system.strip():
            block = encode({"type": "text", "text": system})
            parts.append(b'"system":[' + _marked(block) + b"]")
        if tools:
            encoded = [encode(_tool(tool)) for tool in tools]
            encoded[-1] = _marked(encoded[-1])
            parts.append(b'"tools":[' + joined(encoded) + b"]")
        return joined(parts)

    def encode(self, message: Message) -> Piece:
        """One message as content blocks of its role."""
        found = [(part, self._block(part, message)) for part in split(message)]
        blocks = [block for _, block in found if block is not None]
        tokens = count_parts(part for part, block in found if block is not None)
        if role_of(message) == "system" and blocks:
            blocks.insert(0, _NOTE_FROM_SYSTEM)
        role = "assistant" if role_of(message) == "assistant" else "user"
        return _piece(role, blocks, tokens=tokens)

    def encode_note(self, text: str) -> Piece:
        """A text block of the user's."""
        block = {"type": "text", "text": text}
        return _piece("user", [block], tokens=MESSAGE_TOKENS + count_tokens(text))

    def body(self, pieces: Iterable[Piece], *, base: bytes, output_tokens_max: int | None) -> bytes:
        """The whole request; neighbours of one role become one message."""
        sent = [piece for piece in pieces if piece.blocks]
        head = self._head(sent, output_tokens_max=output_tokens_max)
        if base:
            head += base + b","
        said: list[bytes] = []
        role = ""
        for piece in sent:
            said.append(b"," if piece.role == role else _SEAMS[piece.role])
            said.append(piece.joined)
            role = piece.role
        for index in _marked_turns(sent):
            said[2 * index + 1] = _marked_piece(sent[index])
        if sent:
            first = sent[0].role
            opening = b'{"role":"%s","content":[' % first.encode()
            said[0] = opening if first == "user" else _FIRST_USER + _SEAMS[first]
            said.append(b"]}")
        return b"".join((head, b'"messages":[', *said, b"]}"))

    def assembler(self) -> AnthropicAssembler:
        """Reads one answer."""
        return AnthropicAssembler(provider=self._dialect.provider, model=self._dialect.model)

    def _head(self, sent: Sequence[Piece], *, output_tokens_max: int | None) -> bytes:
        cap = output_tokens_max or self._dialect.output_tokens_max
        head: dict[str, Any] = {"model": self._dialect.model, "stream": True}
        thinking = self._thinking(sent, cap=cap)
        if thinking is not None:
            head["thinking"] = thinking
        head["max_tokens"] = cap
        return encode(head)[:-1] + b","

    def _thinking(self, sent: Sequence[Piece], *, cap: int) -> Mapping[str, Any] | None:
        """What the request says on thinking; None: nothing, which leaves it to the model.

        A budget is refused for a turn in which calls were made without thinking (another model
        began it), and where the answer leaves no room for it; then this request goes without.
        """
        mode = self._dialect.thinking
        if mode == "adaptive":
            return {"type": "adaptive"}
        if mode == "budget":
            said = (piece for piece in reversed(sent) if piece.role == "assistant")
            last = next(said, None)
            budget = min(self._dialect.thinking_tokens, cap - _THINKING_ROOM_TOKENS)
            if budget >= _THINKING_ROOM_TOKENS and not (last and last.is_open_call):
                return {"type": "enabled", "budget_tokens": budget}
        return None if mode == "default" else {"type": "disabled"}

    def _block(self, part: Part, message: Message) -> Mapping[str, Any] | None:
        """The content block of one part; None: the provider may not or need not see it."""
        if part.kind in ("thinking", "redacted"):
            return self._thinking_block(part, message)
        if part.kind == "text":
            return _text(part) if part.text.strip() else None
        if part.kind == "image":
            return _image(part.block)
        if part.call is not None:
            return self._call(part.call, part.block)
        if part.result is not None:
            return self._result(part, part.result, message)
        return self._other(part, message)

    def _other(self, part: Part, message: Message) -> Mapping[str, Any] | None:
        """A block that we know nothing about goes back to where it came from, and nowhere else."""
        kind = text_of(part.block.get("type"))
        if not kind:
            return None
        if self._dialect.wrote(message) and kind not in OPENAI_BLOCKS:
            return _unmarked(part.block)
        if role_of(message) == "assistant":
            return None
        return {"type": "text", "text": left_out(kind)}

    def _thinking_block(self, part: Part, message: Message) -> Mapping[str, Any] | None:
        """Exactly as it came where it is the provider's own and signed, else nothing.

        Servers other than Anthropic's may not sign at all; MiniMax takes thinking from anywhere.
        """
        dialect = self._dialect
        is_own = origin_of(message) == dialect.provider != "anthropic"
        is_signed = part.kind == "redacted" or bool(text_of(part.block.get("signature")))
        if part.block and (is_own or (is_signed and dialect.wrote(message))):
            return _unmarked(part.block)
        if dialect.is_minimax and part.text:
            return {"type": "thinking", "thinking": part.text}
        return None

    def _call(self, call: ToolCall, block: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._with_tools:
            return {"type": "text", "text": call_as_text(call)}
        native = _unmarked(block) if text_of(block.get("type")) == "tool_use" else {}
        native.pop(RAW_INPUT, None)
        kept = {"type": "tool_use", "id": anthropic_id(call.id), "name": call.name or "unnamed"}
        return {**kept, "input": wire_arguments(call), **_rest(native, kept)}

    def _result(self, part: Part, result: ToolResult, message: Message) -> Mapping[str, Any]:
        if not self._with_tools:
            return {"type": "text", "text": result_as_text(result)}
        block: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": anthropic_id(result.call_id),
        }
        inner = [self._block(inside, message) for inside in part.parts]
        content = [inside for inside in inner if inside is not None]
        if content:
            block["content"] = content
        if result.is_error:
            # An error without a word is refused.
            block["content"] = content or [{"type": "text", "text": "The tool failed silently."}]
            block["is_error"] = True
        return block


def _rest(native: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in native.items() if key not in kept and key != "input"}


def _text(part: Part) -> Mapping[str, Any]:
    """A text block; citations and other fields of the provider's own stay on it."""
    if text_of(part.block.get("type")) == "text":
        return _unmarked(part.block)
    return {"type": "text", "text": part.text}


def _unmarked(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block without a cache mark: a request may have four, and we set them."""
    return {key: value for key, value in block.items() if key != "cache_control"}


def _image(block: Mapping[str, Any]) -> Mapping[str, Any]:
    if "source" in block:
        return _unmarked(block)
    given = block.get("image_url")
    url = text_of(given) or text_of((mapping_of(given) or {}).get("url"))
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    source = {"type": "base64", "media_type": kind or "image/png", "data": data}
    return {"type": "image", "source": source}


def _tool(tool: ToolSpec) -> Mapping[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}


def _marked(block: bytes) -> bytes:
    return block[:-1] + _MARK


def _piece(role: str, blocks: Sequence[Mapping[str, Any]], *, tokens: int) -> Piece:
    kinds = [text_of(block.get("type")) for block in blocks]
    encoded = tuple(encode(block) for block in blocks)
    markable = [index for index, kind in enumerate(kinds) if kind not in _THINKING]
    return Piece(
        role=role,
        blocks=encoded,
        joined=joined(encoded),
        tokens=tokens,
        mark_at=markable[-1] if markable else -1,
        is_open_call="tool_use" in kinds and kinds[0] not in _THINKING,
    )


def _marked_piece(piece: Piece) -> bytes:
    """The piece with a cache mark on its last block that can bear one."""
    at = piece.mark_at
    if at < 0:
        return piece.joined
    return joined((*piece.blocks[:at], _marked(piece.blocks[at]), *piece.blocks[at + 1 :]))


def _marked_turns(sent: Sequence[Piece]) -> set[int]:
    """Where cache marks go: the end of this request and the end of the one before it.

    The second is the last user piece before the last answer: that is where the request which got
    that answer ended, so its cache entry is found again.
    """
    marked = {len(sent) - 1} if sent else set[int]()
    answers = (i for i in reversed(range(len(sent))) if sent[i].role == "assistant")
    answer = next(answers, None)
    if answer is not None:
        before = (i for i in reversed(range(answer)) if sent[i].role == "user")
        marked.update(i for i in [next(before, None)] if i is not None)
    return marked
