"""`/v1/…`: the requests of OpenAI's and Anthropic's clients.

The edge has found out who asks and counted the request before; errors that are raised before
anything was sent are told by it, in the vendor's format.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from novacore import chat, llm
from novacore.gateway import errors, problems
from novacore.gateway.facts import Edge, edge_of
from novacore.gateway.services import Services
from novacore.gateway.v1 import embeddings, models
from novacore.gateway.v1.wire import ClientSink, Departure, encoded, read_all

SCOPE: Final = "models"
"""What a key must be allowed: calls of a model."""
SESSION_SCOPE: Final = "chat"
"""And with a session of the account's."""
MEMORY_SCOPE: Final = "memory"
"""And with what was said in other sessions."""
ROUTE_KEY: Final = "nova.route"
_JSON: Final = (("content-type", "application/json"),)
_PASSED_ON: Final = (b"anthropic-beta", b"openai-organization", b"openai-project")
_NAME_CHARS_MAX: Final = 200
_SWITCH: Final = {"": None, "on": True, "off": False}

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


class V1:
    """The model routes of a server, as one ASGI callable for HTTP.

    Args:
        services: the platform, whose `.calls`, `.embeddings`, `.catalog` and `.billing` are used.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._platform: Any = services.platform
        self._routes: Mapping[tuple[str, str], Handler] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/messages"): self._messages,
            ("POST", "/v1/messages/count_tokens"): self._count_tokens,
            ("POST", "/v1/embeddings"): self._embed,
            ("GET", "/v1/models"): self._models,
        }
        self._methods = {path: method for method, path in self._routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is wrong is raised."""
        path, method = scope["path"], scope["method"]
        handler = self._routes.get((method, path))
        if handler is not None:
            scope[ROUTE_KEY] = path
            await handler(scope, receive, send)
        elif path.startswith("/v1/models/"):
            if method != "GET":
                raise HTTPException(405, headers={"Allow": "GET"})
            scope[ROUTE_KEY] = "/v1/models/{model}"
            await self._models(scope, receive, send)
        elif path in self._methods:
            raise HTTPException(405, headers={"Allow": self._methods[path]})
        else:
            raise errors.NoSuchPage

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send, wire="openai", shape=problems.Shape.OPENAI)

    async def _messages(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send, wire="anthropic", shape=problems.Shape.ANTHROPIC)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, *, wire: str, shape: problems.Shape
    ) -> None:
        edge = edge_of(scope)
        caller = _caller(edge)
        data = await read_all(receive)
        if data is None:
            return
        request = _request(edge, route=scope["path"], wire=wire, data=data)
        sink = ClientSink(send, shape=shape, correlation_id=edge.correlation_id)
        departure = Departure(scope, receive)
        try:
            await self._platform.calls.answer(request, caller=caller, sink=sink)
        except asyncio.CancelledError:
            # The client left: the call was counted, and nobody is there to be told.
            if not departure.has_left:
                raise
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        finally:
            departure.stop()

    async def _count_tokens(self, scope: Scope, receive: Receive, send: Send) -> None:
        edge = edge_of(scope)
        _caller(edge)
        data = await read_all(receive)
        if data is None:
            return
        counted = models.count_tokens(data, catalog=self._platform.catalog)
        await self._whole(send, edge, {"input_tokens": counted})

    async def _embed(self, scope: Scope, receive: Receive, send: Send) -> None:
        edge = edge_of(scope)
        caller = _caller(edge)
        data = await read_all(receive)
        if data is None:
            return
        asked = embeddings.read_request(data)
        made = await self._platform.embeddings.embed(
            asked.texts, caller=caller, model=asked.model, dimensions=asked.dimensions
        )
        told = await asyncio.to_thread(embeddings.told, made, is_base64=asked.is_base64)
        sink = ClientSink(send, shape=problems.Shape.OPENAI, correlation_id=edge.correlation_id)
        await sink.whole(200, headers=_JSON, body=told)

    async def _models(self, scope: Scope, receive: Receive, send: Send) -> None:
        edge = edge_of(scope)
        caller = _caller(edge)
        found = await self._services.run(self._platform.billing.plan_of, caller.account_id)
        plan = found.plan.name
        is_anthropic = b"anthropic-version" in edge.headers
        catalog: llm.Catalog = self._platform.catalog
        name = models.named(scope)
        if name:
            found = catalog.find(name)
            if not found.allows(plan):
                raise llm.ModelNotListed(f"There is no model {name!r} in the plan {plan}.")
            await self._whole(send, edge, models.told(found, is_anthropic=is_anthropic))
            return
        listed = catalog.list_for(plan)
        await self._whole(send, edge, models.told_all(listed, is_anthropic=is_anthropic))

    async def _whole(self, send: Send, edge: Edge, value: object) -> None:
        shape = problems.Shape.OPENAI
        sink = ClientSink(send, shape=shape, correlation_id=edge.correlation_id)
        await sink.whole(200, headers=_JSON, body=encoded(value))


def _caller(edge: Edge) -> chat.Caller:
    """Who asks, and whose limits hold.

    Raises:
        NovaError: nobody is signed in, the address is not confirmed, or the key may not chat.
    """
    principal = edge.require(SCOPE)
    limits = principal.limits
    tokens = None if limits is None else limits.tokens_per_day
    is_agent = principal.owner_id is not None
    return chat.Caller(
        account_id=principal.owner_id or principal.account_id,
        actor_id=principal.account_id,
        agent_id=principal.account_id if is_agent else "",
        agent_tokens_per_day=tokens if is_agent else None,
        key_id=principal.key_id or "",
        key_tokens_per_day=None if is_agent else tokens,
    )


def _request(edge: Edge, *, route: str, wire: str, data: bytes) -> chat.CallRequest:
    headers = edge.headers
    session = _header(headers, b"x-nova-session")
    if session:
        if len(session) > _NAME_CHARS_MAX or not (session.isascii() and session.isprintable()):
            words = f"X-Nova-Session: at most {_NAME_CHARS_MAX} printable ASCII characters."
            raise llm.BodyInvalid(words, "X-Nova-Session", hint="A session's id fits too.")
        edge.require(SESSION_SCOPE)
    memory = _SWITCH.get(_header(headers, b"x-nova-memory").lower(), _SWITCH)
    if memory is _SWITCH:
        raise llm.BodyInvalid("X-Nova-Memory: on or off.", "X-Nova-Memory")
    if memory:
        edge.require(MEMORY_SCOPE)
    further = {name.decode(): _header(headers, name) for name in _PASSED_ON if name in headers}
    if wire == "openai":
        further.pop("anthropic-beta", None)
    else:
        further = {name: further[name] for name in further if name == "anthropic-beta"}
    return chat.CallRequest(
        route=route,
        wire=wire,
        data=data,
        session=session,
        is_recalling=bool(session) if memory is None else bool(memory),
        idempotency_key=_header(headers, b"idempotency-key"),
        headers=further,
    )


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1").strip()
