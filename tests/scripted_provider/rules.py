"""What the real services refuse, and in which words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Body = Mapping[str, Any]

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_OPENAI_ID_MAX = 40
_CACHE_MARKS_MAX = 4


class Signatures:
    """The thinking that was signed here: other thinking under the same signature is refused."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def remember(self, reply: Mapping[str, Any]) -> None:
        if reply.get("thinking") and isinstance(reply["thinking"], str):
            self._known[reply.get("signature", "c2lnbmVk")] = reply["thinking"]

    def is_genuine(self, block: Mapping[str, Any]) -> bool:
        return self._known.get(block.get("signature", ""), block["thinking"]) == block["thinking"]


def anthropic_problem(body: Body, *, headers: Mapping[str, str], signatures: Signatures) -> str:
    if "anthropic-version" not in headers:
        return "anthropic-version: header is required"
    for key in ("model", "max_tokens", "messages"):
        if not body.get(key):
            return f"{key}: Field required"
    problems = (
        _roles_problem(body["messages"]),
        _blocks_problem(body, signatures),
        _anthropic_pairing_problem(body["messages"]),
        _marks_problem(body),
    )
    return next((problem for problem in problems if problem), "")


def _roles_problem(messages: Sequence[Body]) -> str:
    if messages[0]["role"] != "user":
        return "messages: first message must use the user role"
    for index, message in enumerate(messages):
        if message["role"] not in ("user", "assistant"):
            return f"messages.{index}.role: Unexpected role {message['role']!r}"
        if index and message["role"] == messages[index - 1]["role"]:
            return f"messages.{index}: roles must alternate"
        if not message["content"]:
            return f"messages.{index}: all messages must have non-empty content"
    return ""


def blocks_of(message: Body) -> list[Body]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _blocks_problem(body: Body, signatures: Signatures) -> str:
    for index, message in enumerate(body["messages"]):
        for place, block in enumerate(blocks_of(message)):
            problem = _block_problem(block, signatures)
            if problem:
                return f"messages.{index}.content.{place}.{block['type']}{problem}"
            if block["type"] in ("tool_use", "tool_result") and not body.get("tools"):
                return "Requests which have `tool_use` or `tool_result` blocks must define tools."
    return ""


def _block_problem(block: Body, signatures: Signatures) -> str:
    kind = block["type"]
    if kind == "text" and not block["text"].strip():
        return ": text content blocks must contain non-whitespace text"
    if kind == "thinking":
        if not block.get("signature"):
            return ".signature: Field required"
        if not signatures.is_genuine(block):
            return ": Invalid `signature` in `thinking` block"
    if kind == "tool_use":
        if not _ID.fullmatch(block["id"]):
            return ".id: String should match pattern '^[a-zA-Z0-9_-]+$'"
        if not isinstance(block["input"], dict):
            return ".input: Input should be a valid dictionary"
        if set(block) - {"type", "id", "name", "input", "cache_control"}:
            return ": Extra inputs are not permitted"
    if kind == "tool_result" and block.get("is_error") and not block.get("content"):
        return ": content cannot be empty if `is_error` is true"
    if kind in ("image_url", "input_audio", "file"):
        return ": Input tag does not match any of the expected tags"
    return ""


def _anthropic_pairing_problem(messages: Sequence[Body]) -> str:
    open_ids: set[str] = set()
    for index, message in enumerate(messages):
        blocks = blocks_of(message)
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if results - open_ids:
            return f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks"
        if open_ids - results:
            return f"messages.{index}: `tool_use` ids were found without `tool_result` blocks"
        kinds = [block["type"] for block in blocks]
        if "tool_result" in kinds and kinds[: len(results)] != ["tool_result"] * len(results):
            return f"messages.{index}: `tool_result` blocks must come first"
        open_ids = {block["id"] for block in blocks if block["type"] == "tool_use"}
    return "messages: `tool_use` ids were found without `tool_result` blocks" if open_ids else ""


def _marks_problem(body: Body) -> str:
    count = sum("cache_control" in block for block in _markable(body))
    if count > _CACHE_MARKS_MAX:
        return f"A maximum of 4 blocks with cache_control may be provided. Found {count}."
    for message in body["messages"]:
        for block in blocks_of(message):
            if "cache_control" in block and "thinking" in block["type"]:
                return "cache_control: Extra inputs are not permitted"
    return ""


def _markable(body: Body) -> Iterator[Body]:
    system = body.get("system", ())
    yield from (() if isinstance(system, str) else system)
    yield from body.get("tools", ())
    for message in body["messages"]:
        for block in blocks_of(message):
            yield block
            inner = block.get("content")
            yield from inner if isinstance(inner, list) else ()


def openai_problem(body: Body, *, headers: Mapping[str, str], signatures: Signatures) -> str:
    for key in ("model", "messages"):
        if not body.get(key):
            return f"you must provide a {key} parameter"
    open_ids: set[str] = set()
    for index, message in enumerate(body["messages"]):
        role = message["role"]
        if role == "system" and index:
            return "invalid params, chat content has system role that is not the first (2013)"
        if role == "tool":
            if message["tool_call_id"] not in open_ids:
                return "invalid params, tool call result does not follow tool call (2013)"
            open_ids.discard(message["tool_call_id"])
            continue
        if open_ids:
            return "An assistant message with 'tool_calls' must be followed by tool messages"
        if role == "assistant":
            problem = _assistant_problem(message, index=index)
            if problem:
                return problem
            open_ids = {call["id"] for call in message.get("tool_calls", ())}
    return (
        "An assistant message with 'tool_calls' must be followed by tool messages"
        if open_ids
        else ""
    )


def _assistant_problem(message: Body, *, index: int) -> str:
    if message.get("content") is None and not message.get("tool_calls"):
        return f"Invalid value for 'content': expected a string, got null. (messages.{index})"
    for call in message.get("tool_calls", ()):
        if not isinstance(call["function"]["arguments"], str):
            return f"messages[{index}].tool_calls: arguments is not a string"
        if len(call["id"]) > _OPENAI_ID_MAX:
            return f"messages[{index}].tool_calls[0].id: string too long"
    return ""
