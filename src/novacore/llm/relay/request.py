"""The body for a model's provider: the client's own, patched, or made anew in another format."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from novacore.llm.formats.anthropic_request import AnthropicWire
from novacore.llm.formats.encoding import encode, joined
from novacore.llm.formats.openai_request import OpenAIWire
from novacore.llm.formats.reading import role_of
from novacore.llm.model import Message
from novacore.llm.relay.body import Body, patched
from novacore.llm.relay.catalog import CatalogModel
from novacore.llm.relay.relay import dialect_for
from novacore.llm.relay.translate import split_system, tools_of, translated

_MARK = b',"cache_control":{"type":"ephemeral"}'
_MARKED_FIELDS = ("system", "tools")
_read_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def request_body(
    body: Body, model: CatalogModel, *, cap: int, history: Sequence[Message] = (), lead: str = ""
) -> bytes:
    """The request as this model's provider takes it.

    Where provider and client speak one format the client's bytes go on, patched in the model's
    name, the cap and the wish for usage. Else the request is translated.

    Args:
        body: the client's request.
        model: who is asked.
        cap: the most tokens that one answer may have.
        history: messages of any shape that stand before the client's, after its system prompt.
        lead: a note that stands at the end of the system prompt; empty: none.
    """
    choice = model.choice
    if choice.wire != body.wire:
        whole = _joined(body, history=history, lead=lead) if history or lead else body
        return translated(whole, choice=choice, dialect=dialect_for(model), cap=cap)
    if not history and not lead:
        return patched(body, choice=choice, cap=cap)
    if body.wire == "openai":
        messages = _openai_messages(body, model, history=history, lead=lead)
        return patched(body, choice=choice, cap=cap, messages=messages)
    messages = _anthropic_messages(body, model, history=history)
    return patched(
        body, choice=choice, cap=cap, messages=messages, system=_anthropic_system(body, lead)
    )


def _joined(body: Body, *, history: Sequence[Message], lead: str) -> Body:
    """The same request with its history within, for the translation."""
    system, own = split_system(body)
    told = "\n\n".join(text for text in (system, lead) if text)
    read = {**body.read, "messages": [*history, *own]}
    if body.wire == "anthropic":
        read["system"] = told
    elif told:
        read["messages"] = [{"role": "system", "content": told}, *read["messages"]]
    return Body(wire=body.wire, raw=body.raw, read=read, messages=read["messages"])


def _openai_messages(
    body: Body, model: CatalogModel, *, history: Sequence[Message], lead: str
) -> bytes:
    wire = OpenAIWire(dialect_for(model))
    own = [bytes(each) for each in _read_list(body.raw["messages"])]
    first = 0
    while first < len(own) and role_of(body.messages[first]) == "system":
        first += 1
    if lead:
        # One system message and no more: not every server takes a second one.
        said = body.messages[first - 1].get("content") if first else None
        own[max(0, first - 1) : first] = [_system_with(said, lead)]
        first = max(1, first)
    past = [piece for each in history if (piece := wire.encode(each).joined)]
    return b"[" + joined([*own[:first], *past, *own[first:]]) + b"]"


def _system_with(said: Any, lead: str) -> bytes:
    if isinstance(said, list):
        blocks: list[Any] = [*cast("list[Any]", said), {"type": "text", "text": lead}]
        return encode({"role": "system", "content": blocks})
    text = "\n\n".join(each for each in (said, lead) if each)
    return encode({"role": "system", "content": text})


def _anthropic_messages(body: Body, model: CatalogModel, *, history: Sequence[Message]) -> bytes:
    """Neighbours of one role are merged, as the format wants it; cache marks stay within four."""
    wire = AnthropicWire(dialect_for(model), with_tools=bool(tools_of(body)))
    pieces = [wire.encode(each) for each in (*history, *body.messages)]
    made = bytes(_read_raw(wire.body(pieces, base=b"", output_tokens_max=1))["messages"])
    fields = (bytes(body.raw[name]) for name in _MARKED_FIELDS if name in body.raw)
    if any(b"cache_control" in field for field in fields):
        made = made.replace(_MARK, b"")
    return made


def _anthropic_system(body: Body, lead: str) -> bytes | None:
    if not lead:
        return None
    given: Any = body.read.get("system")
    blocks: list[Any] = [{"type": "text", "text": given}] if isinstance(given, str) else given
    return encode([*(blocks or []), {"type": "text", "text": lead}])
