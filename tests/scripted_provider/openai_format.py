"""Replies in the OpenAI chat completions format, streamed and whole."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.scripted_provider.anthropic_format import pieces

Reply = Mapping[str, Any]


def error_body(word: str, message: str, *, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": word, "param": None, "code": code}}


def whole(reply: Reply, *, model: str) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(pieces(reply.get("text", ""))),
    }
    if reply.get("tool_calls"):
        message["tool_calls"] = [
            {"id": call["id"], "type": "function", "function": _function(call)}
            for call in reply["tool_calls"]
        ]
    if reply.get("thinking"):
        message["reasoning_content"] = reply["thinking"]
    choice = {"index": 0, "message": message, "finish_reason": _stop(reply), "logprobs": None}
    return {
        **_envelope(model),
        "object": "chat.completion",
        "choices": [choice],
        "usage": _usage(reply),
    }


def frames(reply: Reply, *, request: Mapping[str, Any]) -> list[bytes]:
    envelope = {**_envelope(request["model"]), "object": "chat.completion.chunk"}
    wants_usage = (request.get("stream_options") or {}).get("include_usage")
    chunks: list[dict[str, Any]] = []
    for delta in _deltas(reply):
        choice = {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}
        chunks.append({**envelope, "choices": [choice]})
    end = {"index": 0, "delta": {}, "finish_reason": _stop(reply), "logprobs": None}
    chunks.append({**envelope, "choices": [end]})
    if wants_usage and reply.get("usage", {}) is not None:
        chunks.append({**envelope, "choices": [], "usage": _usage(reply)})
    if "error_after" in reply:
        error = reply.get("error", {"type": "server_error", "message": "Overloaded"})
        chunks = [*chunks[: reply["error_after"]], {"error": error}]
        return [_frame(chunk) for chunk in chunks]
    return [*(_frame(chunk) for chunk in chunks), b"data: [DONE]\n\n"]


def _frame(chunk: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    field = reply.get("reasoning", "reasoning_content")
    for piece in pieces(reply.get("thinking", "")):
        if piece and field == "reasoning_details":
            yield {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": piece}]}
        elif piece:
            yield {field: piece}
    for piece in pieces(reply.get("text", "")):
        if piece:
            yield {"content": piece}
    if reply.get("refusal"):
        yield {"refusal": reply["refusal"]}
    yield from _call_deltas(reply.get("tool_calls", ()))


def _call_deltas(calls: Any) -> Iterator[dict[str, Any]]:
    """First every call's head, then pieces of all of them by turns, as parallel calls may come."""
    for index, call in enumerate(calls):
        function = {"name": call["name"], "arguments": ""}
        head = {"index": index, "id": call["id"], "type": "function", "function": function}
        yield {"tool_calls": [head]}
    for part in (slice(0, 5), slice(5, None)):
        for index, call in enumerate(calls):
            raw = _function(call)["arguments"][part]
            yield {"tool_calls": [{"index": index, "function": {"arguments": raw}}]}


def _function(call: Mapping[str, Any]) -> dict[str, str]:
    given = call["arguments"]
    raw = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return {"name": call["name"], "arguments": raw}


def _envelope(model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "created": 1_700_000_000, "model": model}


def _stop(reply: Reply) -> str:
    return reply.get("stop") or ("tool_calls" if reply.get("tool_calls") else "stop")


def _usage(reply: Reply) -> dict[str, Any]:
    usage = reply.get("usage") or {}
    read, written = usage.get("cache_read", 0), usage.get("cache_write", 0)
    sent, received = usage.get("input", 10) + read + written, usage.get("output", 5)
    return {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "total_tokens": sent + received,
        "prompt_tokens_details": {"cached_tokens": read},
    }
