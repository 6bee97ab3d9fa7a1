"""What a language model is to the rest of NovaCore: plain data and two protocols, nothing else.

A `Model` opens `Conversation`s (messages encoded once, joined to a request body) and streams the
answer to a body as events; the last event, `Finished`, carries the whole message. Providers and
their wire formats stay below this page. Start with `Model`.
"""

import dataclasses
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

Message: TypeAlias = Mapping[str, Any]
"""One message as JSON value, in the OpenAI, the Anthropic or the predecessor's shape."""

StopReason: TypeAlias = Literal["end", "tool_calls", "length", "refusal", "cancelled", "broken"]
"""Why an answer ended. `cancelled` and `broken` answers are partial."""

ToolMode: TypeAlias = Literal["native", "schema", "none"]
"""How a model calls tools: by its wire format, by schema-constrained text, or not at all."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """A tool as a model is told about it."""

    name: str
    """What the model calls it; letters, digits, `_` and `-`."""
    description: str
    """When to use it and what it gives, in words for the model."""
    parameters: Mapping[str, Any]
    """JSON schema of the arguments; its type is `object`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToolCall:
    """One call of a tool that a model asks for."""

    id: str
    """Pairs the call with its result; unique within one message."""
    name: str
    """The tool's name as the model wrote it."""
    arguments: dict[str, Any] | None
    """The decoded arguments; None where `problem` is set."""
    raw: str
    """The arguments as JSON text, as the model wrote them where that is known."""
    problem: str | None = None
    """Why the arguments can't be used, in words for the model; None where they can."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What a tool gave back."""

    call_id: str
    """The id of the call it answers."""
    name: str
    """The tool's name; empty where the message doesn't say."""
    text: str
    """The result's text parts, joined by newlines."""
    is_error: bool = False
    """True: the tool failed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
    """One message of any shape, as a reader sees it."""

    role: str
    """user, assistant, system or tool; a message that holds only tool results is `tool`."""
    text: str
    """The text parts, joined by newlines; empty where there are none."""
    thinking: str = ""
    """The readable thinking, joined by newlines; redacted thinking isn't readable."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The calls, in the order in which they were made."""
    tool_results: tuple[ToolResult, ...] = ()
    """The results, in order; an Anthropic user message may hold several."""
    images: int = 0
    """How many images it holds."""

    @property
    def tool_result(self) -> ToolResult | None:
        """The first result; None where the message holds none."""
        return self.tool_results[0] if self.tool_results else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """What one request cost. The buckets overlap: input includes what the cache gave and took."""

    input_tokens: int
    """Everything that was sent, cached or not."""
    output_tokens: int
    """Everything that came back, thinking included."""
    cache_read_tokens: int = 0
    """The part of the input that came from the provider's cache."""
    cache_write_tokens: int = 0
    """The part of the input that was put in the provider's cache."""
    source: Literal["provider", "estimate"] = "provider"
    """Who counted: the provider, or our estimate where it said nothing."""

    @property
    def total(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str
    """Never empty."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ThinkingDelta:
    """A piece of the model's thinking."""

    text: str
    """Never empty."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call, for display; the whole call is in the finished message."""

    index: int
    """Which call of this answer, from 0."""
    id: str
    """The call's id."""
    name: str
    """The tool's name."""
    arguments_delta: str
    """The next piece of the arguments' JSON text; may be empty in the first delta of a call."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Retrying:
    """A request failed before anything was shown and will be sent again."""

    attempt: int
    """The number of the attempt that comes next; the first request was 1."""
    delay_ms: int
    """How long it waits before."""
    reason: str
    """What failed, in one sentence."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """The end of an answer. Always the last event, and the only one of its kind."""

    message: dict[str, Any]
    """The assistant's message in its provider's own shape, fit to be sent back to it unchanged."""
    usage: Usage
    """What it cost."""
    stop_reason: StopReason
    """Why it ended."""
    is_partial: bool = False
    """True: the stream broke or was cancelled; the message holds what arrived."""
    problem: str = ""
    """What broke it; empty where nothing did."""


Event: TypeAlias = TextDelta | ThinkingDelta | ToolCallDelta | Retrying | Finished


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What is known about a model before it is asked."""

    name: str
    """The model's name as its provider knows it."""
    provider: str
    """anthropic, openai, minimax, ollama, builtin, or the host of another compatible server."""
    window_tokens: int
    """Input and output together that fit in one request."""
    output_tokens_max: int
    """The most that one answer may have."""
    tool_mode: ToolMode
    """How it calls tools."""
    is_builtin: bool = False
    """True: the small model that ships with NovaCore."""
    reason: str = ""
    """Why this model was chosen, in a few words."""
    notice: str = ""
    """What a person should know before talking to it; empty where there is nothing."""

    @property
    def supports_tools(self) -> bool:
        """Whether tools may be offered to it."""
        return self.tool_mode != "none"


class Conversation(Protocol):
    """Messages encoded for one model, each once, from which request bodies are joined.

    Any message shape goes in. What a provider may not see (another provider's thinking) is left
    out on the wire; the messages themselves are never changed. Not safe to share between threads.
    """

    def __len__(self) -> int:
        """How many messages it holds."""
        ...

    @property
    def tokens(self) -> int:
        """Estimated tokens of the whole body: system, tools and every message."""
        ...

    @property
    def base_tokens(self) -> int:
        """Estimated tokens of system and tools alone."""
        ...

    def message_tokens(self, index: int) -> int:
        """Estimated tokens of message `index`, from 0."""
        ...

    def extend(self, messages: Iterable[Message]) -> None:
        """Encode and add messages at the end. Cost: linear in what is added, not in the whole."""
        ...

    def replace(self, index: int, message: Message) -> None:
        """Put another message in place of message `index`."""
        ...

    def truncate(self, length: int) -> None:
        """Forget every message from index `length` on."""
        ...

    def body(
        self,
        *,
        keep: Sequence[int] | None = None,
        lead: str | None = None,
        output_tokens_max: int | None = None,
    ) -> bytes:
        """The body of the next request, joined from the encoded messages.

        Args:
            keep: rising indexes of the messages to send; None: all.
            lead: a note put in front of the first message, as from the user; None: no note.
            output_tokens_max: cap of this one answer; None: the model's own.

        Cost: one copy of the bytes; nothing is encoded again but the last message's cache mark.
        """
        ...


class Stream(Protocol):
    """The answer to one request, as events. Close it when done with it, or to cancel.

    Read it within `contextlib.aclosing(model.stream(body))`, so that it is closed on every way out.
    """

    def __aiter__(self) -> AsyncIterator[Event]:
        """The stream itself; it can be walked once."""
        ...

    async def __anext__(self) -> Event:
        """The next event."""
        ...

    async def aclose(self) -> None:
        """Close the connection at once. Does nothing where the stream has ended.

        For the task that reads the stream; another one cancels that task, to the same effect.
        """
        ...

    def partial(self) -> Finished:
        """What has arrived so far as a partial answer; works during the stream and after `aclose`.

        Its stop reason is `cancelled`, unless the answer had ended by itself. Tool calls whose
        arguments had not arrived whole are moved to the message's `unfinished_tool_calls`, which
        no provider is ever sent.
        """
        ...


class Model(Protocol):
    """A language model behind one wire format."""

    @property
    def info(self) -> ModelInfo:
        """What is known about the model."""
        ...

    def conversation(self, *, system: str, tools: Sequence[ToolSpec] = ()) -> Conversation:
        """A conversation without messages. Tools are left out where the model can't call them."""
        ...

    def stream(self, body: bytes) -> Stream:
        """Send a body and stream the answer; nothing is sent before the first event is asked for.

        A failure that a retry can mend is retried while nothing has been shown, each time with a
        `Retrying` event. A stream that breaks after something was shown is not an error: it ends
        with a partial `Finished`. Cancelling the task or closing the stream closes the connection.

        Raises:
            LLMError: nothing was shown and retrying can't help, is off, or is used up.
        """
        ...

    async def close(self) -> None:
        """Close connections and end what the model started. May be called more than once."""
        ...
