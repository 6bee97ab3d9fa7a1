"""Messages encoded once each, from which every request body is joined."""

from collections.abc import Iterable, Sequence

from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.encoding import encode
from novacore.llm.formats.tokens import count_tokens
from novacore.llm.formats.wire import Piece, Wire
from novacore.llm.model import Message, ToolSpec


class EncodedConversation:
    """A `model.Conversation` over any wire format."""

    def __init__(
        self, wire: Wire, *, dialect: Dialect, system: str, tools: Sequence[ToolSpec]
    ) -> None:
        self._wire = wire
        self._percent = dialect.tokens_percent
        self._base = wire.encode_base(system=system, tools=tools)
        told = [(tool.name, tool.description, tool.parameters) for tool in tools]
        texts = [system, *(encode(part).decode() for part in told)]
        self._base_tokens = self._scaled(sum(count_tokens(text) for text in texts))
        self._pieces: list[Piece] = []
        self._tokens: list[int] = []
        self._total = self._base_tokens

    def __len__(self) -> int:
        """How many messages it holds."""
        return len(self._pieces)

    @property
    def tokens(self) -> int:
        """Estimated tokens of the whole body."""
        return self._total

    @property
    def base_tokens(self) -> int:
        """Estimated tokens of system and tools alone."""
        return self._base_tokens

    def message_tokens(self, index: int) -> int:
        """Estimated tokens of message `index`."""
        return self._tokens[index]

    def extend(self, messages: Iterable[Message]) -> None:
        """Encode and add messages at the end."""
        for message in messages:
            piece = self._wire.encode(message)
            self._pieces.append(piece)
            self._tokens.append(self._scaled(piece.tokens))
            self._total += self._tokens[-1]

    def replace(self, index: int, message: Message) -> None:
        """Put another message in place of message `index`."""
        piece = self._wire.encode(message)
        tokens = self._scaled(piece.tokens)
        self._total += tokens - self._tokens[index]
        self._pieces[index], self._tokens[index] = piece, tokens

    def truncate(self, length: int) -> None:
        """Forget every message from index `length` on."""
        self._total -= sum(self._tokens[length:])
        del self._pieces[length:], self._tokens[length:]

    def body(
        self,
        *,
        keep: Sequence[int] | None = None,
        lead: str | None = None,
        output_tokens_max: int | None = None,
    ) -> bytes:
        """The body of the next request."""
        pieces = self._pieces if keep is None else [self._pieces[index] for index in keep]
        if lead:
            pieces = [self._wire.encode_note(lead), *pieces]
        return self._wire.body(pieces, base=self._base, output_tokens_max=output_tokens_max)

    def _scaled(self, tokens: int) -> int:
        return -(-tokens * self._percent // 100)
