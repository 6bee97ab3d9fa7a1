"""A model call for an account, whatever client made it: admitted, reviewed, relayed, counted.

Each call is one hold, one request to a provider and one usage entry. The reply does not wait for
the entry. A client that leaves ends the call: the connection to the provider is closed, and what
came until then is charged by estimate. Without a session nothing of the text is kept.
Start with `Calls.answer`.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from novacore import agent, billing, journal, kit, llm
from novacore.chat import errors
from novacore.chat.calls_model import Caller, CallRequest, Sink
from novacore.chat.calls_session import CallSession, CallSessions
from novacore.chat.lineup import with_fallbacks
from novacore.chat.metering import MeteredCall, Metering
from novacore.chat.policy import Policy

_JSON = (("content-type", "application/json"),)
_EVENTS = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"))
_KEY_CHARS_MAX = 255
_SURELY_TOO_LARGE = 2
"""Our count is from above: what is so many times over the window is refused, the rest is asked."""
_ROOM_TOKENS_MIN = 256


@dataclasses.dataclass(kw_only=True, slots=True)
class _Call:
    """One call under way."""

    request: CallRequest
    caller: Caller
    body: llm.Body
    models: list[llm.CatalogModel]
    metered: MeteredCall
    usage_at: journal.Session
    session: CallSession | None = None
    passed: str = ""
    """The answer's text as far as the policy let it pass, where it reads answers."""
    refused: journal.NewEntry | None = None
    """The decision to let no more of it pass, where there was one."""
    sent: list[bytes] | None = None
    """What the client was sent, where its reply is kept."""
    answered: "Future[journal.Appended] | None" = None
    """The append of the answer to its session."""


class Calls:
    """Makes calls of models for accounts. For one event loop.

    Args:
        catalog: the models by name.
        relay: hands requests to providers.
        config: how much of a stream is kept.
        metering: holds and usage.
        ledger: keeps the replies of Idempotency-Keys: billing.
        policy: reviews what goes in and out.
        sessions: the histories of sessions.
        clock: the time.
    """

    def __init__(
        self,
        *,
        catalog: llm.Catalog,
        relay: llm.Relay,
        config: llm.RelayConfig,
        metering: Metering,
        ledger: Any,
        policy: Policy,
        sessions: CallSessions,
        clock: kit.Clock,
    ) -> None:
        self._catalog = catalog
        self._relay = relay
        self._config = config
        self._metering = metering
        self._ledger = ledger
        self._policy = policy
        self._sessions = sessions
        self._clock = clock

    @property
    def catalog(self) -> llm.Catalog:
        """The models by name."""
        return self._catalog

    async def answer(self, request: CallRequest, *, caller: Caller, sink: Sink) -> None:
        """Make one call and send what comes of it; returns when the client has all of it.

        Before the first byte a failure is raised; after it, the stream ends with an error in the
        client's format. A cancellation at any point leaves the call counted once.

        Raises:
            NovaError: nothing was sent: the request, the limit, the policy, the providers.
        """
        body = llm.read_body(request.data, wire=request.wire)
        models = self._models_for(body)
        await self._review(body.messages)
        session = None
        if request.session or request.is_recalling:
            session = await self._sessions.open(request, body=body, caller=caller, model=models[0])
        async with self._metering.call(_admission(request, caller, body, models, session)) as call:
            if call.hold.replay is not None:
                await _replay(call.hold.replay, sink)
                return
            made = _Call(
                request=request,
                caller=caller,
                body=body,
                models=models,
                metered=call,
                usage_at=await self._metering.usage_session(call.hold),
                session=session,
                sent=[] if request.idempotency_key else None,
            )
            await self._made(made, sink)

    async def _made(self, call: _Call, sink: Sink) -> None:
        hold = call.metered.hold
        for model in call.models[:1]:
            if not model.allows(hold.plan):
                raise errors.ModelForbidden(model.name)
        if call.session is not None:
            await call.session.said(hold_id=hold.id)
        reply = await self._relay.send(
            [model for model in call.models if model.allows(hold.plan)],
            make_body=lambda model: self._body_for(call, model),
            headers=_traced(call.request.headers),
            on_sent=call.metered.sent,
        )
        call.metered.answers(reply.model.name)
        try:
            answer = llm.Answer(
                reply,
                body=call.body,
                config=self._config,
                answer_id=hold.id.replace("-", ""),
                now_s=self._clock.now_us() // 1_000_000,
                count_input=lambda: _counted(call.body, reply.model, margin_percent=0),
            )
            if call.body.is_stream:
                await self._stream(call, answer, sink)
            else:
                await self._whole(call, answer, sink)
        finally:
            await reply.close()

    async def _whole(self, call: _Call, answer: llm.Answer, sink: Sink) -> None:
        data = await answer.collected()
        refusal = await self._refusal(call, answer)
        self._close(call, answer, outcome="done" if refusal is None else "broken")
        if refusal is not None:
            raise refusal
        self._keep_reply(call, 200, _JSON, data)
        await _in_session(call)
        await sink.whole(200, headers=_with_facts(_JSON, call), body=data)

    async def _stream(self, call: _Call, answer: llm.Answer, sink: Sink) -> None:
        outcome = "stopped"
        try:
            async with contextlib.aclosing(self._pieces(call, answer, sink)) as pieces:
                await sink.start(_with_facts(_EVENTS, call))
                async for piece in pieces:
                    await sink.piece(piece)
            outcome = "done" if answer.is_complete else "broken"
        finally:
            # No await stands in the way: also a task that is cancelled gets here whole.
            self._close(call, answer, outcome=outcome)
        if outcome == "done":
            self._keep_reply(call, 200, _EVENTS, b"".join(call.sent or ()))
        await _in_session(call)
        await sink.end()

    async def _pieces(self, call: _Call, answer: llm.Answer, sink: Sink) -> AsyncGenerator[bytes]:
        """What the client is sent; a break in the middle is told as the last piece."""
        try:
            async with contextlib.aclosing(answer.pieces()) as pieces:
                async for piece in pieces:
                    call.metered.note(answer.events)
                    await self._check(call, answer)
                    if call.sent is not None:
                        call.sent.append(piece)
                    yield piece
        except errors.PolicyRefused as error:
            answer.is_complete = False
            yield sink.broken(error)
        except llm.LLMError:
            # What exactly failed is the operator's to know; the client can only ask again.
            answer.is_complete = False
            yield sink.broken(llm.StreamBroken("The answer broke off before its end."))

    def _close(self, call: _Call, answer: llm.Answer, *, outcome: str) -> None:
        """Append the usage, and the answer where there is a session; waits for nothing."""
        usage = answer.usage()
        entry = call.metered.entry(usage, outcome=outcome, provider=answer.model.provider)
        if call.session is None or not call.session.name:
            call.metered.submit_soon(call.usage_at, entry)
            return
        finished = self._passed(call, answer)
        said = [] if finished is None else [call.session.answered(finished, outcome=outcome)]
        if call.refused is not None:
            said.append(call.refused)
        if call.session.owner == call.metered.hold.account_id:
            call.answered = call.metered.submit(call.session.opened, *said, entry)
        else:
            # An agent's session is not its owner's, who pays: each entry goes to its own.
            call.answered = call.session.opened.submit(*said) if said else None
            call.metered.submit_soon(call.usage_at, entry)

    def _keep_reply(
        self, call: _Call, status: int, headers: Sequence[tuple[str, str]], body: bytes
    ) -> None:
        if call.sent is not None:
            reply = billing.StoredReply(status=status, headers=tuple(headers), body=body)
            self._ledger.store_reply(call.metered.hold.id, reply)

    def _models_for(self, body: llm.Body) -> list[llm.CatalogModel]:
        """The model that was asked for, then its fallbacks in order."""
        models = with_fallbacks(self._catalog, body.model)
        if models[0].provider == "builtin" and body.read.get("tools"):
            raise llm.BodyInvalid(
                "tools: the built-in model can't use tools.",
                "tools",
                hint="Ask for another model; GET /v1/models lists them.",
            )
        return models

    async def _review(self, messages: Sequence[Mapping[str, Any]]) -> None:
        verdict = await self._policy.review_input(messages)
        if not verdict.is_allowed:
            raise errors.PolicyRefused(verdict.reason, version=verdict.version)

    async def _check(self, call: _Call, answer: llm.Answer) -> None:
        """Raise what the policy has against the answer so far."""
        refusal = await self._refusal(call, answer)
        if refusal is not None:
            raise refusal

    async def _refusal(self, call: _Call, answer: llm.Answer) -> errors.PolicyRefused | None:
        """What the policy has against the answer so far; None: nothing, or it does not read it."""
        if not self._policy.reads_output:
            return None
        text = llm.read_message(answer.finished().message).text
        verdict = await self._policy.review_output(text)
        if verdict.is_allowed:
            call.passed = text
            return None
        call.refused = agent.refusal_entry(
            verdict.reason, version=verdict.version, characters=len(text)
        )
        return errors.PolicyRefused(verdict.reason, version=verdict.version)

    def _passed(self, call: _Call, answer: llm.Answer) -> llm.Finished | None:
        """What of the answer may be journaled: no more than the policy let pass; None: nothing."""
        finished = answer.finished()
        if not self._policy.reads_output or llm.read_message(finished.message).text == call.passed:
            return finished
        if not call.passed:
            return None
        message = {"role": "assistant", "content": call.passed}
        return dataclasses.replace(finished, message=message, is_partial=True)

    def _body_for(self, call: _Call, model: llm.CatalogModel) -> bytes:
        cap = max(1, call.metered.hold.output_tokens_max // call.body.choices)
        cap = min(cap, model.output_tokens_max)
        if call.session is None:
            return llm.request_body(call.body, model, cap=cap)
        return llm.request_body(
            call.body, model, cap=cap, history=call.session.history, lead=call.session.lead
        )


def _admission(
    request: CallRequest,
    caller: Caller,
    body: llm.Body,
    models: Sequence[llm.CatalogModel],
    session: CallSession | None,
) -> billing.Admission:
    """What is set aside: the input from above, and the longest answer that may come."""
    model, count = models[0], body.choices
    percent = max(each.choice.tokens_percent for each in models)
    input_tokens = llm.input_tokens(body, tokens_percent=percent)
    if session is not None:
        input_tokens += session.tokens(percent)
    if input_tokens > model.window_tokens * _SURELY_TOO_LARGE:
        raise llm.WindowExceeded(
            f"The request has about {input_tokens:,} tokens; {model.name} takes "
            f"{model.window_tokens:,}, the answer included.",
            hint="Send less, or ask for a model with a larger window.",
        )
    wanted = body.output_tokens_wanted
    output_tokens_max = model.output_tokens_max
    if wanted is None:
        # A cap of our own must not be what makes the request too large for the window.
        room = max(_ROOM_TOKENS_MIN, model.window_tokens - input_tokens)
        output_tokens_max = min(output_tokens_max, room)
    return billing.Admission(
        account_id=caller.account_id,
        purpose="chat",
        model=model.name,
        input_tokens=input_tokens,
        output_tokens_max=output_tokens_max * count,
        output_tokens_wanted=None if wanted is None else wanted * count,
        output_tokens_min=body.output_tokens_min * count,
        messages=_messages_of(body),
        agent_id=caller.agent_id,
        agent_tokens_per_day=caller.agent_tokens_per_day,
        key_id=caller.key_id,
        key_tokens_per_day=caller.key_tokens_per_day,
        idempotency=_claim(request),
    )


def _messages_of(body: llm.Body) -> int:
    """1 where a person says something, 0 where a program goes on by itself, as after a tool."""
    last = body.messages[-1]
    if isinstance(last.get("content"), str):
        return 1 if last.get("role", "user") == "user" else 0
    reading = llm.read_message(last)
    return 1 if reading.role == "user" and not reading.tool_results else 0


def _claim(request: CallRequest) -> billing.Claim | None:
    key = request.idempotency_key
    if not key:
        return None
    if len(key) > _KEY_CHARS_MAX or not key.isprintable():
        raise llm.BodyInvalid(
            f"Idempotency-Key: at most {_KEY_CHARS_MAX} printable characters.", "Idempotency-Key"
        )
    return billing.Claim(route=request.route, key=key, digest=request.digest())


def _counted(body: llm.Body, model: llm.CatalogModel, *, margin_percent: int) -> int:
    percent = model.choice.tokens_percent
    return llm.input_tokens(body, tokens_percent=percent, margin_percent=margin_percent)


def _with_facts(headers: Sequence[tuple[str, str]], call: _Call) -> list[tuple[str, str]]:
    """What the client is told beside the answer: how much of a session was left out."""
    told = list(headers)
    if call.session is not None and call.session.left_out:
        told.append(("x-nova-left-out", str(call.session.left_out)))
    return told


def _traced(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The provider's log and ours name a call alike."""
    trace = kit.current_trace()
    return headers if trace is None else {**headers, **trace.headers()}


async def _in_session(call: _Call) -> None:
    """A session's next call may follow at once, and must find this answer there."""
    if call.answered is not None:
        # What the journal can't take now is kept by metering; the answer was given all the same.
        with contextlib.suppress(kit.NovaError):
            await asyncio.wrap_future(call.answered)


async def _replay(reply: billing.StoredReply, sink: Sink) -> None:
    """Send what an earlier request with the same key was answered, word for word."""
    headers = [*reply.headers, ("idempotency-replayed", "true")]
    await sink.whole(reply.status, headers=headers, body=reply.body)
