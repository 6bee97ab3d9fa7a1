"""Replies in the Anthropic Messages format, streamed and whole."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Reply = Mapping[str, Any]


def error_body(word: str, message: str, *, code: str | None) -> dict[str, Any]:
    return {
        "type": "error",
        "error": {"type": code or word, "message": message},
        "request_id": "req_scripted",
    }


def whole(reply: Reply, *, model: str) -> dict[str, Any]:
    return {
        **_envelope(model),
        "content": [_whole_block(block) for block in _blocks(reply)],
        "stop_reason": _stop(reply),
        "usage": _usage(reply),
    }


def frames(reply: Reply, *, request: Mapping[str, Any]) -> list[bytes]:
    events = list(_events(reply, model=request["model"]))
    if "error_after" in reply:
        error = reply.get("error", {"type": "overloaded_error", "message": "Overloaded"})
        events = [*events[: reply["error_after"]], {"type": "error", "error": error}]
    return [_frame(event) for event in events]


def _frame(event: Mapping[str, Any]) -> bytes:
    data = json.dumps(event, ensure_ascii=False)
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def _events(reply: Reply, *, model: str) -> Iterator[dict[str, Any]]:
    usage = _usage(reply)
    begun = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": {**_envelope(model), "usage": begun}}
    yield {"type": "ping"}
    for index, block in enumerate(_blocks(reply)):
        yield {"type": "content_block_start", "index": index, "content_block": block["start"]}
        for delta in block["deltas"]:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": _stop(reply), "stop_sequence": None},
    }
    end["usage"] = {"output_tokens": usage["output_tokens"]}
    yield end
    yield {"type": "message_stop"}


def _envelope(model: str) -> dict[str, Any]:
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _blocks(reply: Reply) -> Iterator[dict[str, Any]]:
    if reply.get("thinking"):
        signature = reply.get("signature", "c2lnbmVk")
        deltas = [
            {"type": "thinking_delta", "thinking": piece} for piece in pieces(reply["thinking"])
        ]
        if signature:
            deltas.append({"type": "signature_delta", "signature": signature})
        start = {"type": "thinking", "thinking": "", "signature": ""}
        yield {"start": start, "deltas": deltas}
    if reply.get("redacted"):
        yield {"start": {"type": "redacted_thinking", "data": reply["redacted"]}, "deltas": []}
    if reply.get("text"):
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(reply["text"])]
        yield {"start": {"type": "text", "text": ""}, "deltas": deltas}
    for block in reply.get("blocks", ()):
        yield {"start": block, "deltas": []}
    for call in reply.get("tool_calls", ()):
        given = call["arguments"]
        raw = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        deltas = [{"type": "input_json_delta", "partial_json": raw[:5]}]
        deltas += [{"type": "input_json_delta", "partial_json": raw[5:]}]
        start = {"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}}
        yield {"start": start, "deltas": deltas}


def _whole_block(block: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(block["start"])
    raw = ""
    for delta in block["deltas"]:
        for key in ("text", "thinking", "signature"):
            if key in delta:
                out[key] = out.get(key, "") + delta[key]
        raw += delta.get("partial_json", "")
    if raw:
        out["input"] = json.loads(raw)
    return out


def _stop(reply: Reply) -> str:
    return reply.get("stop") or ("tool_use" if reply.get("tool_calls") else "end_turn")


def _usage(reply: Reply) -> dict[str, int]:
    usage = reply.get("usage") or {}
    return {
        "input_tokens": usage.get("input", 10),
        "output_tokens": usage.get("output", 5),
        "cache_read_input_tokens": usage.get("cache_read", 0),
        "cache_creation_input_tokens": usage.get("cache_write", 0),
    }


def pieces(text: Any) -> list[str]:
    """A text cut as a model would say it: a word at a time."""
    if not isinstance(text, str):
        return list(text)
    words = text.split(" ")
    return [word if index == 0 else f" {word}" for index, word in enumerate(words)]
