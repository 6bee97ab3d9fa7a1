"""One answer on its way out: the headers that every answer has are put on its head."""

from collections.abc import Mapping, Sequence

from starlette.types import Message, Send

from novacore.gateway.facts import Edge
from novacore.gateway.limiter import Verdict

_Header = tuple[bytes, bytes]


class Reply:
    """What is sent back for one request.

    Args:
        edge: the request's facts.
        send: the server's.
        fixed: headers for every answer.
        defaults: headers for an answer that does not have them itself.
        foreign: headers for the website whose script asks.
    """

    __slots__ = (
        "_defaults",
        "_fixed",
        "_foreign",
        "_send",
        "edge",
        "is_whole",
        "status",
        "verdict",
    )

    def __init__(
        self,
        edge: Edge,
        send: Send,
        *,
        fixed: Sequence[_Header],
        defaults: Sequence[_Header],
        foreign: Sequence[_Header],
    ) -> None:
        self.edge = edge
        self.status = 0
        """Of the answer; 0: its head is not sent yet."""
        self.is_whole = False
        """The end of the answer was sent."""
        self.verdict: Verdict | None = None
        self._send = send
        self._fixed = fixed
        self._defaults = defaults
        self._foreign = foreign

    async def send(self, message: Message) -> None:
        """Send a part of the answer; the route's `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._headed(message.get("headers", ()))
        elif not message.get("more_body", False):
            self.is_whole = True
        await self._send(message)

    async def whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send an answer at once."""
        head = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        if status != 204:
            head.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": head})
        await self.send({"type": "http.response.body", "body": body})

    def _headed(self, own: Sequence[_Header]) -> list[_Header]:
        named = {name for name, _ in own}
        headers = [*own, *self._fixed, *self._foreign]
        headers += [pair for pair in self._defaults if pair[0] not in named]
        headers.append((b"x-correlation-id", self.edge.correlation_id.encode()))
        if self.verdict is not None:
            headers += _rate_headers(self.verdict)
        return headers


def _rate_headers(verdict: Verdict) -> list[_Header]:
    """How much is left, in the words of the IETF's draft and in those that OpenAI's clients know.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """
    rate = verdict.rate
    left = str(verdict.remaining)
    full_s = -(-verdict.full_us // 1_000_000)
    return [
        (b"ratelimit-policy", rate.policy.encode()),
        (b"ratelimit", f'"{rate.name}";r={left};t={full_s}'.encode()),
        (b"x-ratelimit-limit-requests", str(rate.burst).encode()),
        (b"x-ratelimit-remaining-requests", left.encode()),
        (b"x-ratelimit-reset-requests", f"{verdict.full_us // 1_000}ms".encode()),
    ]
