"""Hits and contexts on their way from a server, every value in them exactly as it is there."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from novacore import journal, memory, tiers

_NO_MARK: Final = '"mark":""'
_ITEMS: Final = ("decisions", "timeline", "anchors")


def encode_hits(hits: Sequence[memory.Hit]) -> bytes:
    """What recall found, as JSON."""
    return _encode({"hits": [_hit_json(hit) for hit in hits]})


def decode_hits(data: bytes) -> list[memory.Hit]:
    """What `encode_hits` wrote.

    Raises:
        ValueError: it is none of ours.
    """
    return [_hit(each) for each in _decode(data)["hits"]]


def encode_context(context: memory.Context) -> bytes:
    """A context without its history, as JSON: whoever has the session has that."""
    told: dict[str, Any] = {
        "session_id": context.session_id,
        "working_memory": [dict(each) for each in context.working_memory],
        "live_state": {key: dict(value) for key, value in context.live_state.items()},
        "neighbours": [dataclasses.asdict(each) for each in context.neighbours],
        "topics": [
            {"session_id": each.session_id, "entities": list(each.entities)}
            for each in context.topics
        ],
        "entities": [list(each) for each in context.entities],
        "missing": dict(context.missing),
        "took_ms": context.took_ms,
    }
    for name in _ITEMS:
        told[name] = [_item_json(each) for each in getattr(context, name)]
    return _encode(told)


def decode_context(data: bytes, *, history: Sequence[journal.Message]) -> memory.Context:
    """What `encode_context` wrote, with the session's messages.

    Raises:
        ValueError: it is none of ours.
    """
    told = _decode(data)
    return memory.Context(
        session_id=told["session_id"],
        working_memory=[journal.Message(each) for each in told["working_memory"]],
        history=history,
        live_state=told["live_state"],
        decisions=[tiers.Item(**each) for each in told["decisions"]],
        neighbours=[tiers.Neighbour(**each) for each in told["neighbours"]],
        topics=[
            tiers.Related(session_id=each["session_id"], entities=tuple(each["entities"]))
            for each in told["topics"]
        ],
        entities=[(name, count) for name, count in told["entities"]],
        timeline=[tiers.Item(**each) for each in told["timeline"]],
        anchors=[tiers.Item(**each) for each in told["anchors"]],
        missing=told["missing"],
        took_ms=told["took_ms"],
    )


def _encode(value: Mapping[str, Any]) -> bytes:
    """JSON that says which mark stands in it, if one does. See `journal.encode_exact`."""
    text, mark = journal.encode_exact({"mark": "", **value})
    return text.replace(_NO_MARK, f'"mark":"{mark}"', 1).encode()


def _decode(data: bytes) -> dict[str, Any]:
    value = journal.decode_exact(data)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - what came is wrong, not its type
    told = cast("dict[str, Any]", value)
    mark = told.get("mark")
    return journal.decode_exact(data, mark=mark) if isinstance(mark, str) and mark else told


def _hit_json(hit: memory.Hit) -> dict[str, Any]:
    return {
        "score": hit.score,
        "session": hit.session.name,
        "session_id": hit.session.id,
        "workspace": hit.session.workspace,
        "position": hit.position,
        "parts": dict(hit.parts),
        "kind": hit.kind,
        "entry": _entry_json(hit.entry),
        "sources": [list(each) for each in hit.sources],
        "before": [_neighbour_json(each) for each in hit.before],
        "after": [_neighbour_json(each) for each in hit.after],
        "said_at_us": hit.said_at_us,
        "speaker": hit.speaker,
        "text": hit.text,
    }


def _hit(told: Mapping[str, Any]) -> memory.Hit:
    entry = _entry(told["entry"])
    return memory.Hit(
        score=told["score"],
        session=memory.SessionRef(
            told["session"], id=told["session_id"], workspace=told["workspace"]
        ),
        position=told["position"],
        message=entry.body,
        parts=told["parts"],
        kind=told["kind"],
        entry=entry,
        sources=tuple((session_id, position) for session_id, position in told["sources"]),
        before=tuple(_neighbour(each) for each in told["before"]),
        after=tuple(_neighbour(each) for each in told["after"]),
        said_at_us=told["said_at_us"],
        speaker=told["speaker"],
        text=told["text"],
    )


def _neighbour_json(each: memory.Neighbour) -> dict[str, Any]:
    return {"position": each.position, "message": dict(each.message)}


def _neighbour(told: Mapping[str, Any]) -> memory.Neighbour:
    return memory.Neighbour(position=told["position"], message=journal.Message(told["message"]))


def _entry_json(entry: journal.Entry) -> dict[str, Any]:
    told = {name: getattr(entry, name) for name in entry.__slots__}
    return told | {
        "body": dict(entry.body),
        "digest": entry.digest.hex(),
        "chain": entry.chain.hex(),
    }


def _entry(told: Mapping[str, Any]) -> journal.Entry:
    fields = dict(told) | {
        "body": journal.Message(told["body"]),
        "digest": bytes.fromhex(told["digest"]),
        "chain": bytes.fromhex(told["chain"]),
    }
    return journal.Entry(**fields)


def _item_json(item: tiers.Item) -> dict[str, Any]:
    told = {name: getattr(item, name) for name in item.__slots__}
    return told | {"value": dict(item.value)}
