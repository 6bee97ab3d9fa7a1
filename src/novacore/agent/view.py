"""What a request leaves out when the whole conversation does not fit: recorded, shown, undoable."""

import bisect
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

from novacore.agent.output import head_and_tail
from novacore.llm import Reading

_SHORT_BYTES = 800


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
    """What the requests of a session leave out, from one moment on. The journal keeps everything.

    It changes only when the limit is met again, so that a provider's cache of the part in front
    stays good.
    """

    left_out: tuple[tuple[int, int], ...]
    """Runs of positions whose messages are left out: first and last, rising, both included."""
    messages: int
    """How many messages those are."""
    tokens: int
    """Their estimated tokens."""
    shortened: tuple[int, ...] = ()
    """Positions of tool results that are sent as head and tail only, rising."""
    kept_messages: int
    """How many messages were sent when it was made."""
    kept_tokens: int
    """Their estimated tokens, system prompt and tools included."""
    limit_tokens: int
    """The limit that was met."""
    model: str
    """The model it was made for."""
    policy: str
    """drop or summarise."""
    lead: str
    """The note in front of what is sent; the model reads it."""
    position: int = -1
    """Where the view is recorded; -1: not yet."""

    def leaves_out(self, position: int) -> bool:
        """Whether the message at `position` is left out."""
        at = bisect.bisect_right(self.left_out, position, key=lambda run: run[0]) - 1
        return at >= 0 and position <= self.left_out[at][1]

    def line(self) -> str:
        """What was left out, in one line for the user."""
        parts: list[str] = []
        if self.messages:
            parts.append(
                f"{self.messages:,} older messages (about {self.tokens:,} tokens) left out"
            )
        if self.shortened:
            parts.append(f"{len(self.shortened):,} tool results shortened")
        what = ", ".join(parts) or "nothing left out"
        how = " and summarised" if self.policy == "summarise" and self.messages else ""
        return f"{what}{how} to fit {self.limit_tokens:,} tokens; the journal keeps everything."

    def to_body(self) -> dict[str, Any]:
        """The body of the entry that records it."""
        body = dataclasses.asdict(self)
        del body["position"]
        body["left_out"] = [list(run) for run in self.left_out]
        body["shortened"] = list(self.shortened)
        return body


def read_view(body: Mapping[str, Any], *, position: int) -> View | None:
    """The view that an entry records; None where the entry is of another shape."""
    names = {field.name for field in dataclasses.fields(View)} - {"position"}
    if not names <= set(body):
        return None
    values = {name: body[name] for name in names}
    values["left_out"] = tuple((int(first), int(last)) for first, last in body["left_out"])
    values["shortened"] = tuple(int(each) for each in body["shortened"])
    return View(position=position, **values)


def runs_of(positions: Sequence[int], left_out: Sequence[bool]) -> tuple[tuple[int, int], ...]:
    """Neighbours that are left out, as runs of first and last position.

    Args:
        positions: of all messages, rising.
        left_out: whether each is left out; as long as `positions`.
    """
    runs: list[tuple[int, int]] = []
    was_out = False
    for position, is_out in zip(positions, left_out, strict=True):
        if is_out:
            first = runs.pop()[0] if was_out else position
            runs.append((first, position))
        was_out = is_out
    return tuple(runs)


def shortened(message: Mapping[str, Any], reading: Reading, *, position: int) -> dict[str, Any]:
    """A message whose tool results are cut to head and tail, and say how to read the rest."""

    def cut(text: str) -> str:
        return head_and_tail(
            text,
            bytes_max=_SHORT_BYTES,
            mark=lambda missing, _lines: (
                f"[… {missing:,} bytes left out of this request to fit the window; "
                f'read_output with ref "message:{position}" shows them …]'
            ),
        )

    texts = [cut(result.text) for result in reading.tool_results]
    content = message.get("content")
    if message.get("role") in ("tool", "function"):
        return {**message, "content": texts[0]}
    blocks: list[Any] = []
    for block in cast(Sequence[Any], content if isinstance(content, list | tuple) else ()):
        is_result = isinstance(block, Mapping) and cast(Any, block).get("type") == "tool_result"
        blocks.append({**block, "content": texts.pop(0)} if is_result else block)
    return {**message, "content": blocks}


def lead_text(
    *, messages: int, tokens: int, last_position: int, quote: str, summary: str, can_read: bool
) -> str:
    """The note in front of a request that leaves something out; the model reads it.

    The first request is quoted here and not sent as a message: without its answer it would look
    as if it were still to be answered.
    """
    intro = (
        f"[A note from NovaCore, not from the user: the {messages:,} oldest messages of this "
        f"conversation (about {tokens:,} tokens) are left out here to fit your window."
    )
    parts = [intro]
    if can_read:
        last = f"message:{last_position}"
        parts.append(f'They are kept: read_output reads each, from ref "message:0" to "{last}".')
    if quote:
        parts.append(f"The conversation began with: «{quote}»")
    if summary:
        parts.append(f"What was said in them, in short:\n{summary}")
    return " ".join(parts) + "]"
