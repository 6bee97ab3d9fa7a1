"""A transport behind a breaker: whoever uses it, a model or the relay, shares what was learned."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from novacore.kit import ErrorKind
from novacore.llm.errors import LLMError
from novacore.llm.relay.breaker import Breaker, Permit
from novacore.llm.transport import Response, Transport

_FAULTS_FROM = 500


class GuardedTransport:
    """A `transport.Transport` that asks a breaker before each request and tells it how it went."""

    def __init__(self, inner: Transport, *, breaker: Breaker) -> None:
        self.inner = inner
        """The transport behind the breaker."""
        self.breaker = breaker
        """The provider's breaker."""

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> AbstractAsyncContextManager[Response]:
        """Send a request; see `Transport.post`.

        Raises:
            ProviderDown: the breaker is open.
        """
        return _Guarded(self.inner.post(url, headers=headers, body=body), breaker=self.breaker)

    async def get(self, url: str, *, timeout_ms: int) -> bytes:
        """A small answer; see `Transport.get`. Says nothing to the breaker."""
        return await self.inner.get(url, timeout_ms=timeout_ms)

    async def close(self) -> None:
        """Close every connection."""
        await self.inner.close()


class _Guarded:
    """One request: enters the breaker, then the connection; leaves both."""

    __slots__ = ("_breaker", "_context", "_permit", "_response")

    def __init__(self, context: AbstractAsyncContextManager[Response], *, breaker: Breaker) -> None:
        self._context = context
        self._breaker = breaker
        self._permit: Permit | None = None
        self._response: _GuardedResponse | None = None

    async def __aenter__(self) -> Response:
        permit = self._permit = self._breaker.enter()
        try:
            response = await self._context.__aenter__()
        except BaseException as error:
            _settle(permit, error)
            raise
        if response.status >= _FAULTS_FROM:
            permit.fail()
        self._response = _GuardedResponse(response, permit=permit)
        return self._response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if self._permit is not None:
            # Not read to its end by the caller's own choice: the provider did nothing wrong.
            self._permit.leave()
        return await self._context.__aexit__(kind, error, trace)


class _GuardedResponse:
    """An answer that tells the breaker of its first byte, its end and its failure."""

    __slots__ = ("_inner", "_permit")

    def __init__(self, inner: Response, *, permit: Permit) -> None:
        self._inner = inner
        self._permit = permit

    @property
    def status(self) -> int:
        return self._inner.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._inner.headers

    async def read(self, *, bytes_max: int) -> bytes:
        try:
            body = await self._inner.read(bytes_max=bytes_max)
        except BaseException as error:
            _settle(self._permit, error)
            raise
        self._permit.done()
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        permit = self._permit
        try:
            async for chunk in self._inner.chunks():
                permit.begun()
                yield chunk
        except LLMError:
            permit.fail()
            raise
        permit.done()


def _settle(permit: Permit, error: BaseException) -> None:
    if isinstance(error, LLMError) and error.kind is ErrorKind.UNAVAILABLE:
        permit.fail()
    else:
        permit.leave()
