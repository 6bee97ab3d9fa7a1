"""What a request leaves out when the whole conversation does not fit: recorded, shown, undoable."""

import dataclasses
from collections.abc import Mapping
from typing import Any


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
