"""What the next request holds: everything while it fits, else all but what a view leaves out.

Messages are encoded once into the model's `Conversation`; a step costs what is new. This module
decides and remembers nothing durable: the turn journals a view before it is used.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from novacore import llm
from novacore.agent.config import Config
from novacore.agent.errors import ContextTooLarge
from novacore.agent.history import History, Item
from novacore.agent.view import View, lead_text, runs_of, shortened

_LEAD_TOKENS = 160
_LEAD_PERCENT = 150
_LONG_TOKENS = 400
_MARGIN_PERCENT = 3
_RATIO_MAX = 2.0
_RATIO_TOKENS_MIN = 2_000
_OVERFLOW_PERCENT = 80
_OVERFLOW_TOKENS_MIN = 1_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What is sent next."""

    keep: tuple[int, ...] | None
    """Which messages; None: all."""
    lead: str
    """The note in front; empty where nothing is left out."""
    tokens: int
    """Estimated tokens of all of it, system prompt and tools included."""
    output_tokens_max: int
    """What is left for the answer, at most the model's own limit."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Draft:
    """A view that has to be made: what it will leave out."""

    view: View
    """Complete but for the summary."""
    left_out: tuple[Item, ...]
    """The messages it leaves out, for a summary."""
    summary_tokens_max: int
    """How long a summary may be."""


class Context:
    """Keeps the model's conversation in step with the history and fits requests into the window."""

    def __init__(self, history: History, *, config: Config) -> None:
        self._history = history
        self._config = config
        self._model: llm.Model | None = None
        self._conversation: llm.Conversation | None = None
        self._can_read = False
        self._tokens: list[int] = []
        self._total = 0
        self._applied: View | None = None
        self._keep: list[int] = []
        self._kept_tokens = 0
        self._ratio = 1.0
        self._refused_tokens = 0
        self._reminder = ""
        self._reminded: int | None = None
        self._limit_tokens = 0

    def use(self, model: llm.Model, *, system: str, tools: Sequence[llm.ToolSpec]) -> None:
        """Begin a conversation with this model; every message is encoded again."""
        if model is not self._model:
            self._ratio, self._refused_tokens = 1.0, 0
        self._model = model
        self._conversation = model.conversation(system=system, tools=tools)
        self._can_read = any(tool.name == "read_output" for tool in tools)
        self._tokens, self._total, self._applied = [], 0, None
        self._reminded = None
        self._history.changed_from = 0

    @property
    def conversation(self) -> llm.Conversation:
        """The encoded messages."""
        assert self._conversation is not None
        return self._conversation

    @property
    def unread(self) -> int:
        """How many messages have to be encoded before the next request."""
        return len(self._history.items) - self._history.changed_from

    @property
    def tokens(self) -> int:
        """Estimated tokens of the whole conversation, whether it fits or not."""
        return self._total + self.conversation.base_tokens

    def next(self) -> Request | Draft:
        """The next request, or the view that has to be journaled before there can be one.

        Raises:
            ContextTooLarge: what can't be left out is larger than the window.
        """
        self._sync()
        capacity = self._capacity()
        if self._total <= capacity:
            self._apply(None)
            return self._request(keep=None, lead="", tokens=self._total)
        view = self._history.view
        if view is not None:
            self._apply(view)
            tokens = self._kept_tokens + _tokens_of(view.lead)
            if tokens <= capacity:
                return self._request(keep=tuple(self._keep), lead=view.lead, tokens=tokens)
        return self._draft(capacity)

    def remind(self, text: str, *, limit_tokens: int) -> None:
        """What stands in front of the next user message in requests, and how large those may be.

        Args:
            text: never journaled; empty: nothing, and what stood there is taken out again.
            limit_tokens: at most so many tokens are sent; 0: what the window takes.
        """
        self._limit_tokens = limit_tokens
        self._reminder = text
        if self._reminded is not None and self._reminded < len(self._tokens):
            index = self._reminded
            self._put(index, self._history.items[index].message)
        self._reminded = None

    def limit(self, tokens: int) -> None:
        """Send at most so many tokens until the next `remind`, where the limit was higher."""
        self._limit_tokens = min(tokens, self._limit_tokens or tokens)

    def tokens_with(self, message: Mapping[str, Any]) -> int:
        """Estimated tokens of a request with this message at its end, views taken into account.

        Raises:
            ContextTooLarge: the message alone is larger than the limit.
        """
        self._sync()
        end = len(self.conversation)
        self.conversation.extend([self._reminding(message)])
        added = self.conversation.message_tokens(end)
        self.conversation.truncate(end)
        capacity = self._capacity()
        base = self.conversation.base_tokens
        least = added
        if self._total + added > capacity:
            least += _LEAD_TOKENS + _tokens_of(self._quote(capacity))
        if least > capacity:
            raise ContextTooLarge(needed_tokens=least + base, limit_tokens=max(0, capacity) + base)
        total = min(capacity, self._total + added) + base
        return total + total * _MARGIN_PERCENT // 100

    def _reminding(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._reminder:
            return message
        content = message.get("content")
        if isinstance(content, str):
            return {**message, "content": f"{self._reminder}\n\n{content}"}
        blocks = cast("Sequence[Any]", content or ())
        return {**message, "content": [{"type": "text", "text": self._reminder}, *blocks]}

    def _put(self, index: int, message: Mapping[str, Any]) -> None:
        """Send another message in place of one, and count it."""
        before = self._tokens[index]
        self.conversation.replace(index, message)
        self._tokens[index] = self.conversation.message_tokens(index)
        self._total += self._tokens[index] - before
        if self._applied is not None and index in self._keep:
            self._kept_tokens += self._tokens[index] - before

    def learn(self, request: Request, usage: llm.Usage) -> None:
        """Compare an estimate with what the provider counted; only more than estimated counts."""
        if usage.source == "provider" and request.tokens >= _RATIO_TOKENS_MIN:
            ratio = usage.input_tokens / request.tokens
            self._ratio = min(_RATIO_MAX, max(self._ratio, ratio))

    def learn_overflow(self, request: Request) -> bool:
        """The provider says that a request was too large: send less from here on.

        Returns:
            False where it was so small that sending less can't be the answer.
        """
        self._refused_tokens = request.tokens
        return request.tokens >= _OVERFLOW_TOKENS_MIN

    def _sync(self) -> None:
        """Encode what is new or changed."""
        start = self._history.changed_from
        items = self._history.items
        if start < len(self.conversation):
            self._apply(None)
            self.conversation.truncate(start)
            self._total -= sum(self._tokens[start:])
            del self._tokens[start:]
        self.conversation.extend(item.message for item in items[start:])
        for index in range(start, len(items)):
            items[index].release()
            tokens = self.conversation.message_tokens(index)
            self._tokens.append(tokens)
            self._total += tokens
            if self._applied is not None:
                self._keep.append(index)
                self._kept_tokens += tokens
        self._history.changed_from = len(items)
        if self._reminder and self._reminded is None and start < len(items):
            # The first user message that comes after the reminder was set.
            said = [at for at in range(start, len(items)) if items[at].role == "user"]
            if said:
                self._reminded = said[-1]
                self._put(said[-1], self._reminding(items[said[-1]].message))

    def _window(self) -> tuple[int, int]:
        """The model's window in our estimated tokens, and what of it is kept for the answer."""
        assert self._model is not None
        window = self._model.info.window_tokens
        reserve = min(self._config.output_reserve_tokens, window // 4)
        return int(window / self._ratio), reserve

    def _capacity(self) -> int:
        """How many tokens of messages fit; a user who switched views off is kept by the window."""
        window, reserve = self._window()
        if self._refused_tokens:
            window = min(window, self._refused_tokens * _OVERFLOW_PERCENT // 100 + reserve)
        room = window - reserve - self.conversation.base_tokens
        if self._limit_tokens:
            room = min(room, self._limit_tokens - self.conversation.base_tokens)
        if self._history.view_mode == "off":
            return room
        return min(room, self._config.context_tokens_max)

    def _request(self, *, keep: tuple[int, ...] | None, lead: str, tokens: int) -> Request:
        assert self._model is not None
        window, reserve = self._window()
        total = tokens + self.conversation.base_tokens
        left = window - total - total * _MARGIN_PERCENT // 100
        return Request(
            keep=keep,
            lead=lead,
            tokens=total,
            output_tokens_max=min(self._model.info.output_tokens_max, max(reserve, left)),
        )

    def _apply(self, view: View | None) -> None:
        """Shorten and keep what a view says; None: nothing is shortened, everything is kept."""
        if view is self._applied:
            return
        items = self._history.items
        if self._applied is not None:
            for index, item in enumerate(items[: len(self._tokens)]):
                if item.position in self._applied.shortened:
                    self.conversation.replace(index, item.message)
        self._applied = view
        self._keep, self._kept_tokens = [], 0
        if view is None:
            return
        short = set(view.shortened)
        for index, item in enumerate(items):
            if view.leaves_out(item.position):
                continue
            if item.position in short and item.has_results:
                self._shorten(index)
            self._keep.append(index)
            self._kept_tokens += self.conversation.message_tokens(index)

    def _shorten(self, index: int) -> int:
        """Put head and tail in place of a long result; returns how many tokens that saves."""
        item = self._history.items[index]
        before = self.conversation.message_tokens(index)
        short = shortened(item.message, item.reading, position=item.position)
        self.conversation.replace(index, short)
        return before - self.conversation.message_tokens(index)

    def _draft(self, capacity: int) -> Draft:
        """Choose what to leave out: whole rounds first, then long results, then whole steps."""
        self._apply(None)
        target = capacity
        if self._history.view_mode == "auto":
            target = capacity * self._config.view_keep_percent // 100
        quote = self._quote(capacity)
        summary_tokens_max = 0
        if self._config.view_policy == "summarise":
            most = self._config.summary_tokens_max * self._config.summary_calls_max
            summary_tokens_max = min(most, capacity // 8)
        lead_tokens = _LEAD_TOKENS + _tokens_of(quote) + summary_tokens_max * _LEAD_PERCENT // 100
        chosen = _Choice(self._history.items, self._tokens, shorten=self._shorten)
        chosen.drop_rounds(target - lead_tokens)
        chosen.shorten_steps(target - lead_tokens)
        # Half way: a step is worth more than the room that it takes.
        chosen.drop_steps((target + capacity) // 2 - lead_tokens)
        chosen.shorten_last(capacity - lead_tokens)
        # Nothing is applied yet: the view is, once it is journaled.
        for index in chosen.shortened:
            self.conversation.replace(index, self._history.items[index].message)
        if chosen.kept_tokens + lead_tokens > capacity:
            base = self.conversation.base_tokens
            raise ContextTooLarge(
                needed_tokens=chosen.kept_tokens + lead_tokens + base,
                limit_tokens=max(0, capacity) + base,
            )
        return self._view_of(chosen, quote=quote, capacity=capacity, budget=summary_tokens_max)

    def _view_of(self, chosen: "_Choice", *, quote: str, capacity: int, budget: int) -> Draft:
        assert self._model is not None
        items = self._history.items
        left_out = tuple(item for item, out in zip(items, chosen.out, strict=True) if out)
        tokens = sum(t for t, out in zip(self._tokens, chosen.out, strict=True) if out)
        view = View(
            left_out=runs_of([item.position for item in items], chosen.out),
            messages=len(left_out),
            tokens=tokens,
            shortened=tuple(sorted({items[index].position for index in chosen.shortened})),
            kept_messages=len(items) - len(left_out),
            kept_tokens=chosen.kept_tokens + self.conversation.base_tokens,
            limit_tokens=capacity + self.conversation.base_tokens,
            model=self._model.info.name,
            policy="drop",
            lead=self.lead(left_out, tokens=tokens, quote=quote),
        )
        return Draft(view=view, left_out=left_out, summary_tokens_max=budget)

    def lead(
        self, left_out: Sequence[Item], *, tokens: int, quote: str = "", summary: str = ""
    ) -> str:
        """The note in front of a request without these messages; empty where all are there."""
        if not left_out:
            return ""
        return lead_text(
            messages=len(left_out),
            tokens=tokens,
            last_position=left_out[-1].position,
            quote=quote,
            summary=summary,
            can_read=self._can_read,
        )

    def summarised(self, draft: Draft, summary: str) -> View:
        """The drafted view with a summary in its note."""
        quote = self._quote(draft.view.limit_tokens)
        lead = self.lead(draft.left_out, tokens=draft.view.tokens, quote=quote, summary=summary)
        return dataclasses.replace(draft.view, policy="summarise", lead=lead)

    def _quote(self, capacity: int) -> str:
        """The beginning of the first user message; short where the window is small."""
        said = (item.reading.text for item in self._history.items if item.role == "user")
        first = " ".join(next(said, "").split())
        chars = min(self._config.view_quote_chars_max, max(0, capacity // 8))
        return first if len(first) <= chars else first[:chars] + " …"


class _Choice:
    """Works out what to leave out. Results are shortened in the conversation, to count exactly."""

    def __init__(
        self, items: Sequence[Item], tokens: Sequence[int], *, shorten: Callable[[int], int]
    ) -> None:
        self._shorten = shorten
        self._items = items
        self._tokens = list(tokens)
        self.out = [False] * len(items)
        self.shortened: list[int] = []
        self.kept_tokens = sum(tokens)
        starts = [at for at, item in enumerate(items) if item.role == "user"]
        self._starts = starts
        self._running = starts[-1] if starts else 0
        answers = range(self._running, len(items))
        self._steps = [at for at in answers if items[at].role == "assistant"]

    def drop_rounds(self, limit: int) -> None:
        """Leave out the oldest closed rounds, each from its user message to the next."""
        for start, end in zip([0, *self._starts], self._starts, strict=False):
            if self.kept_tokens <= limit:
                return
            self._drop(range(start, end))

    def shorten_steps(self, limit: int) -> None:
        """Shorten the oldest long results of the running round, but for its last step."""
        last = self._steps[-1] if self._steps else len(self._items)
        self._shorten_from(range(self._running, last), limit)

    def drop_steps(self, limit: int) -> None:
        """Leave out the oldest steps of the running round, each a call with its results."""
        for start, end in zip(self._steps, self._steps[1:], strict=False):
            if self.kept_tokens <= limit:
                return
            self._drop(range(start, end))

    def shorten_last(self, limit: int) -> None:
        """Shorten the last step's results, the largest first."""
        last = self._steps[-1] if self._steps else len(self._items)
        largest = sorted(range(last, len(self._items)), key=lambda at: -self._tokens[at])
        self._shorten_from(largest, limit)

    def _shorten_from(self, indexes: Sequence[int], limit: int) -> None:
        for at in indexes:
            if self.kept_tokens <= limit:
                return
            is_long = self._tokens[at] > _LONG_TOKENS and self._items[at].has_results
            if is_long and not self.out[at]:
                saved = self._shorten(at)
                self._tokens[at] -= saved
                self.kept_tokens -= saved
                self.shortened.append(at)

    def _drop(self, indexes: Sequence[int]) -> None:
        for at in indexes:
            if not self.out[at]:
                self.out[at] = True
                self.kept_tokens -= self._tokens[at]
        self.shortened = [at for at in self.shortened if not self.out[at]]


def _tokens_of(text: str) -> int:
    """What a note costs, rather too much: models differ in how they count."""
    return llm.count_tokens(text) * _LEAD_PERCENT // 100 + 8 if text else 0
