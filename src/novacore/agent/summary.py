"""A summary of left-out messages, by the model, always from the messages themselves."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence

from novacore import llm
from novacore.agent.history import Item

_TASK = (
    "Summarise a part of a conversation between a user and an agent for the agent itself, which "
    "will not see that part again. Say what was asked, what was decided and why, what was done, "
    "with names of files and commands, what failed, and what is still open. Plain sentences, "
    "nothing else."
)
_SHOWN_CHARACTERS_MAX = 2_000
_TOKENS_PER_PIECE_PERCENT = 60


async def summarise(
    items: Sequence[Item],
    *,
    model: llm.Model,
    calls_max: int,
    tokens_max: int,
    call: Callable[[bytes, int], Awaitable[llm.Finished]],
) -> str:
    """The summary; empty where the model gave none.

    What does not fit in `calls_max` calls is left out, oldest first, and the summary says so. No
    summary is ever made from another one: each piece is summarised by itself.

    Args:
        items: the messages, oldest first.
        model: who summarises.
        calls_max: how many model calls it may take.
        tokens_max: of the whole summary.
        call: sends a body that counts so many tokens and gives the finished answer.

    Raises:
        NovaError: a call failed.
    """
    room = model.info.window_tokens * _TOKENS_PER_PIECE_PERCENT // 100 - tokens_max
    pieces = _pieces([_told(item) for item in items], tokens_max=max(64, room))
    used = pieces[-calls_max:]
    answer_tokens_max = max(32, tokens_max // len(used)) if used else 0
    parts: list[str] = []
    for piece in used:
        conversation = model.conversation(system=_TASK)
        conversation.extend([{"role": "user", "content": piece}])
        body = conversation.body(output_tokens_max=answer_tokens_max)
        finished = await call(body, conversation.tokens)
        text = llm.read_message(finished.message).text.strip()
        if not text or finished.is_partial:
            return ""
        parts.append(text)
    if len(used) < len(pieces):
        parts.insert(0, "(The oldest part is not summarised.)")
    return "\n".join(parts)


def _told(item: Item) -> str:
    """A message as lines of a story; long ones only by their beginning and end."""
    reading = item.reading
    lines = [f"{reading.role}: {_cut(reading.text)}"] if reading.text else []
    lines += [f"called {call.name} {_cut(call.raw)}" for call in reading.tool_calls]
    return "\n".join(lines)


def _cut(text: str) -> str:
    if len(text) <= _SHOWN_CHARACTERS_MAX:
        return text
    half = _SHOWN_CHARACTERS_MAX // 2
    return f"{text[:half]} […] {text[-half:]}"


def _pieces(texts: Sequence[str], *, tokens_max: int) -> list[str]:
    """The texts, joined to pieces of at most about `tokens_max`."""
    pieces: list[list[str]] = [[]]
    room = tokens_max
    for text in texts:
        tokens = llm.count_tokens(text) + 1
        if tokens > room and pieces[-1]:
            pieces.append([])
            room = tokens_max
        room -= tokens
        pieces[-1].append(text)
    return ["\n".join(piece) for piece in pieces if piece]


async def finished_of(stream: llm.Stream) -> llm.Finished:
    """The end of an answer that nobody watches.

    Raises:
        LLMError: there was no answer.
    """
    async with contextlib.aclosing(stream):
        async for event in stream:
            if isinstance(event, llm.Finished):
                return event
    return stream.partial()
