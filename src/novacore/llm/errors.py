"""Errors of the model room.

NovaError
└── LLMError
    ├── RequestRefused       REFUSED      400, 413, 422: the request itself
    │   ├── WindowExceeded   REFUSED      the request is larger than the model's window
    │   └── BodyInvalid      REFUSED      a client's request that we can't read
    ├── AuthRefused          REFUSED      401, 403: the key
    ├── KeyMissing           REFUSED      a provider was chosen and has no key
    ├── ModelUnknown         REFUSED      404: the model's name or the base URL
    ├── QuotaSpent           REFUSED      the account has nothing left; waiting doesn't help
    ├── ReplyInvalid         REFUSED      the answer isn't of the expected format
    ├── RateLimited          UNAVAILABLE  429
    ├── Overloaded           UNAVAILABLE  408, 409, 5xx, 529
    ├── ConnectFailed        UNAVAILABLE  no connection, or it closed before an answer
    ├── TimedOut             UNAVAILABLE  connect, first byte or next chunk took too long
    ├── StreamBroken         UNAVAILABLE  the stream ended before anything was shown
    ├── ProviderDown         UNAVAILABLE  it failed too often and is left alone for a while
    ├── ModelNotListed       REFUSED      no model of that name is configured here
    ├── BuiltinMissing       REFUSED      the built-in model or its runner isn't installed
    ├── BuiltinFailed        UNAVAILABLE  the built-in model's server didn't start or died
    ├── EmbedderMissing      REFUSED      the embedder's package isn't installed
    ├── InstallFailed        UNAVAILABLE  the built-in model couldn't be fetched
    └── DigestWrong          CORRUPT      a fetched file isn't the file we know
"""

from novacore.kit import ErrorKind, NovaError


class LLMError(NovaError):
    """The model could not answer."""

    kind = ErrorKind.UNAVAILABLE

    def __init__(
        self,
        message: str = "",
        *,
        hint: str = "",
        status: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        """The HTTP status; 0 where there was none."""
        self.retry_after_s = retry_after_s
        """How long the provider asks to wait; None where it doesn't say."""
        self.attempts = 1
        """How often the request was sent before this was final."""
        self.reply = b""
        """What a relayed request was answered, the provider's key masked; empty: nothing."""

    def __str__(self) -> str:
        sent = f"It was sent {self.attempts} times." if self.attempts > 1 else ""
        return " ".join(part for part in (self.message, sent, self.hint) if part)


class RequestRefused(LLMError):
    """The provider refused the request."""

    kind = ErrorKind.REFUSED


class WindowExceeded(RequestRefused):
    """The request is larger than the model's window."""


class BodyInvalid(RequestRefused):
    """The request can't be read."""

    def __init__(self, message: str = "", parameter: str = "", *, hint: str = "") -> None:
        super().__init__(message, hint=hint, status=400)
        self.parameter = parameter
        """The field that is wrong; empty: the body itself."""


class AuthRefused(LLMError):
    """The provider refused the key."""

    kind = ErrorKind.REFUSED


class KeyMissing(LLMError):
    """The chosen provider needs a key and none is set."""

    kind = ErrorKind.REFUSED


class ModelUnknown(LLMError):
    """The provider does not know the model, or the address is wrong."""

    kind = ErrorKind.REFUSED


class QuotaSpent(LLMError):
    """The account at the provider has nothing left."""

    kind = ErrorKind.REFUSED


class ReplyInvalid(LLMError):
    """What answered does not speak the expected format."""

    kind = ErrorKind.REFUSED


class RateLimited(LLMError):
    """The provider asks to slow down."""


class Overloaded(LLMError):
    """The provider is overloaded or failing."""


class ConnectFailed(LLMError):
    """No connection to the provider."""


class TimedOut(LLMError):
    """The provider took too long."""


class StreamBroken(LLMError):
    """The answer broke off before anything of it arrived."""


class ProviderDown(LLMError):
    """The provider failed too often and is left alone for a while."""


class ModelNotListed(LLMError):
    """No model of that name is configured here."""

    kind = ErrorKind.REFUSED


class BuiltinMissing(LLMError):
    """The built-in model is not installed."""

    kind = ErrorKind.REFUSED


class BuiltinFailed(LLMError):
    """The built-in model's server did not start, or stopped."""


class EmbedderMissing(LLMError):
    """The embedder is not installed."""

    kind = ErrorKind.REFUSED


class InstallFailed(LLMError):
    """The built-in model could not be fetched."""


class DigestWrong(LLMError):
    """A fetched file is not the file that was expected."""

    kind = ErrorKind.CORRUPT
