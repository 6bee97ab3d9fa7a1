"""What a wire format must do: encode messages into pieces, join pieces, read a stream."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from novacore.llm.model import Event, Finished, Message, StopReason, ToolSpec


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One message, encoded."""

    role: str
    """The role on the wire."""
    blocks: tuple[bytes, ...]
    """JSON objects: Anthropic's content blocks, or OpenAI's messages. Empty: nothing to send."""
    joined: bytes
    """The blocks with commas between them."""
    tokens: int
    """Our estimate of what it costs, before the dialect's share."""
    mark_at: int = -1
    """The last block that may bear a cache mark; -1: none."""
    is_open_call: bool = False
    """True: holds tool calls and does not begin with thinking."""


class Assembler(Protocol):
    """Puts one streamed answer together. Made anew for each request."""

    @property
    def is_complete(self) -> bool:
        """Whether the provider has said how the answer ended."""
        ...

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come."""
        ...

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take in the data of one server-sent event and give what can be shown of it.

        Raises:
            LLMError: the provider reports an error in the stream.
            ReplyInvalid: the data is no JSON object.
        """
        ...

    def finish(
        self,
        *,
        count_input: Callable[[], int],
        stop_reason: StopReason | None = None,
        problem: str = "",
    ) -> Finished:
        """The message as it stands.

        Args:
            count_input: our estimate of the input, asked for where the provider has not counted.
            stop_reason: `broken` or `cancelled` for a partial one; None: as the provider said.
            problem: what broke it.
        """
        ...


class Wire(Protocol):
    """A wire format in one provider's dialect."""

    @property
    def path(self) -> str:
        """What is added to the base URL."""
        ...

    def headers(self, api_key: str) -> dict[str, str]:
        """The headers of a request."""
        ...

    def encode_base(self, *, system: str, tools: Sequence[ToolSpec]) -> bytes:
        """System prompt and tools, as a part of the body."""
        ...

    def encode(self, message: Message) -> Piece:
        """One message. Never fails on what a message holds."""
        ...

    def encode_note(self, text: str) -> Piece:
        """A note that stands in front of the messages."""
        ...

    def body(self, pieces: Iterable[Piece], *, base: bytes, output_tokens_max: int | None) -> bytes:
        """The request from its parts."""
        ...

    def assembler(self) -> Assembler:
        """For the next answer."""
        ...
