"""An error as a stream tells it: in the API's shape, and without what is ours alone to know."""

from typing import Any, Final

from novacore import agent, billing, kit, llm
from novacore.chat.errors import ChatError

_TOLD: Final = (ChatError, billing.QuotaSpent, agent.ContextTooLarge)
_BROKE: Final = "Something broke on our side. What was said before is kept; try again."
_AWAY: Final = "A part of the server does not answer now. Try again in a moment."
_PROVIDER: Final = "The model's provider failed. What arrived is kept; try again."


def told_error(error: BaseException | None) -> dict[str, Any]:
    """The `error` object of a stream's `error` event; None: the answer broke off, nobody knows why.

    Provider's words and stored words stay in the log: they may hold a key, an address, a text.
    """
    if isinstance(error, llm.LLMError):
        return _error("server_error", code=_snake(error), message=_PROVIDER)
    if isinstance(error, billing.QuotaSpent):
        return _error(
            "insufficient_quota", code="insufficient_quota", message=error.message, hint=error.hint
        )
    if isinstance(error, _TOLD):
        kind = "invalid_request_error"
        return _error(kind, code=_snake(error), message=error.message, hint=error.hint)
    if isinstance(error, kit.NovaError) and error.kind is kit.ErrorKind.UNAVAILABLE:
        return _error("overloaded_error", code=_snake(error), message=_AWAY)
    return _error("server_error", code="internal_error", message=_BROKE)


BROKEN_OFF: Final[dict[str, Any]] = {
    "type": "server_error",
    "code": "stream_broken",
    "message": "The server that wrote this answer is gone.",
    "hint": "What had arrived is in the conversation. Ask to go on.",
}
"""What the reader of a stream is told whose producer died."""


def _error(kind: str, *, code: str, message: str, hint: str = "") -> dict[str, Any]:
    return {"type": kind, "code": code, "message": message, "hint": hint}


def _snake(error: BaseException) -> str:
    name = type(error).__name__
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")
