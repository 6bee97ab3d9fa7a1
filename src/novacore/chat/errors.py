"""What can go wrong in the chat room.

NovaError
└── ChatError
    ├── MessageEmpty     REFUSED      a message without words
    ├── MessageTooLong   REFUSED      a person's message over the limit
    ├── TurnBusy         REFUSED      the session answers already; names the stream
    ├── SessionMissing   REFUSED      no such session for this account
    ├── StreamMissing    REFUSED      no such stream for this account, or it was forgotten
    ├── PositionInvalid  REFUSED      no message at this position
    ├── PolicyRefused    REFUSED      a rule stopped the message or the answer
    ├── ModelForbidden   REFUSED      no such model for this account
    ├── CursorInvalid    REFUSED      a page's cursor that we did not give
    ├── TurnsFull        UNAVAILABLE  this process runs as many turns as it may
    ├── StreamsUnavailable UNAVAILABLE  the shared logs of streams can't be reached
    └── MeteringFailed   UNAVAILABLE  holds that can't be closed now
"""

from novacore.kit import ErrorKind, NovaError


class ChatError(NovaError):
    """The chat room could not do what was asked."""


class MessageEmpty(ChatError):
    """The message says nothing; write something."""


class MessageTooLong(ChatError):
    """The message is too long."""

    def __init__(self, *, characters: int, characters_max: int) -> None:
        super().__init__(
            f"The message has {characters:,} characters; at most {characters_max:,} are taken.",
            hint="Shorten it, or send it in parts.",
        )
        self.characters = characters
        self.characters_max = characters_max


class TurnBusy(ChatError):
    """The session is answering already."""

    def __init__(self, *, stream: str) -> None:
        super().__init__(
            hint=f"Follow its stream (/api/v1/streams/{stream}), or stop it, and try again."
        )
        self.stream = stream


class SessionMissing(ChatError):
    """There is no such session."""


class StreamMissing(ChatError):
    """There is no such stream; streams are kept for ten minutes."""


class PositionInvalid(ChatError):
    """The session has nothing at this position."""


class PolicyRefused(ChatError):
    """A rule stopped this."""

    def __init__(self, reason: str = "", *, version: str = "") -> None:
        super().__init__(reason)
        self.version = version


class ModelForbidden(ChatError):
    """The account's plan has no such model."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"There is no model {model!r} for this account.", hint="GET /api/v1/models lists them."
        )
        self.model = model


class CursorInvalid(ChatError):
    """The cursor is none of ours; begin without one."""


class MeteringFailed(ChatError):
    """Earlier calls of this account can't be closed right now; try again shortly."""

    kind = ErrorKind.UNAVAILABLE


class StreamsUnavailable(ChatError):
    """The shared logs of streams can't be reached."""

    kind = ErrorKind.UNAVAILABLE


class TurnsFull(ChatError):
    """As many answers are being written as this server can take; try again shortly."""

    kind = ErrorKind.UNAVAILABLE
