"""`/v1/chat/completions` and `/v1/messages` over the whole app."""

import asyncio
import contextlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.stage import Person, Stage

from novacore import chat, identity

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
HI = [{"role": "user", "content": "hi"}]
LEAVE_TIMEOUT_S = 10.0


@pytest.fixture
def server_settings(provider) -> dict[str, str]:
    claude = {"wire": "anthropic", "base_url": provider.url, "model": "claude-test"}
    rich = {"base_url": f"{provider.url}/v1", "plans": ["pro"]}
    return {
        "NOVA_MODELS": json.dumps({"claude": claude, "rich": rich}),
        "NOVA_EMBEDDING_EMBEDDER": "wordllama",
        "NOVA_BILLING_LIMITS": "on",
        "NOVA_BILLING_PLAN_DEFAULT": "basic",
    }


async def rows_of(stage: Stage, person: Person) -> list[Any]:
    """What the account's ledger says, once everything appended is settled."""
    await stage.platform.metering.flush()
    history = await stage.app.services.run(stage.platform.billing.history, person.account_id)
    return list(history)


def events_of(text: str) -> list[dict[str, Any]]:
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


async def test_every_client_format_meets_every_provider_format_and_is_counted_once(stage, provider):
    person = await stage.person()
    provider.play({"text": "good day", "usage": {"input": 21, "output": 4}, "repeat": True})
    kinds = {False: "application/json", True: "text/event-stream"}
    ways = list(itertools.product((CHAT, MESSAGES), ("default", "claude"), (False, True)))
    for path, model, is_stream in ways:
        body = {"model": model, "messages": HI, "max_tokens": 50, "stream": is_stream}
        answer = await person.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        assert "good" in answer.text
        assert answer.headers["content-type"].startswith(kinds[is_stream])
    rows = await rows_of(stage, person)
    assert sum(row.calls for row in rows) == len(ways)
    assert sum(row.input_tokens for row in rows) == 21 * len(ways)
    assert sum(row.output_tokens for row in rows) == 4 * len(ways)


async def test_a_call_leaves_no_text_behind_unless_it_names_a_session(stage, provider, tmp_path):
    person = await stage.person()
    provider.play({"text": "canaryanswer one", "repeat": True})
    said = [{"role": "user", "content": "canaryquestion"}]
    for is_stream in (False, True):
        body = {"messages": said, "stream": is_stream}
        assert (await person.client.post(CHAT, json=body)).status_code == 200
    await stage.platform.metering.flush()
    assert _found(tmp_path, b"canaryquestion", b"canaryanswer") == set()
    headers = {"X-Nova-Session": "diary"}
    await person.client.post(CHAT, json={"messages": said}, headers=headers)
    await stage.platform.metering.flush()
    assert _found(tmp_path, b"canaryquestion", b"canaryanswer") == {
        b"canaryquestion",
        b"canaryanswer",
    }


def _found(folder: Path, *words: bytes) -> set[bytes]:
    files = [path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file()]
    return {word for word in words if any(word in data for data in files)}


async def test_a_session_remembers_what_was_said_before(stage, provider):
    person = await stage.person()
    provider.play({"text": "hello Ada"}, {"text": "you are Ada"}, {"text": "still Ada"})
    headers = {"X-Nova-Session": "talk"}
    first = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "I am Ada"}]
    await person.client.post(CHAT, json={"messages": first}, headers=headers)
    body = {"messages": [{"role": "user", "content": "who am I?"}], "stream": True}
    await person.client.post(CHAT, json=body, headers=headers)
    said = provider.bodies[1]["messages"]
    assert [each["content"] for each in said] == ["I am Ada", "hello Ada", "who am I?"]
    body = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "sure?"}]}
    await person.client.post(MESSAGES, json=body, headers=headers)
    assert "you are Ada" in json.dumps(provider.bodies[2]["messages"])
    assert [request.problem for request in provider.requests] == ["", "", ""]


async def test_what_a_client_tries_again_stands_in_the_session_once(stage, provider):
    person = await stage.person()
    provider.play({"status": 400}, {"status": 400}, {"text": "hello"}, {"text": "hello again"})
    headers = {"X-Nova-Session": "talk"}
    body = {"messages": [{"role": "user", "content": "hi"}]}
    answers = [await person.client.post(CHAT, json=body, headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers[2:]] == [200, 200]
    said = [[each["content"] for each in sent["messages"]] for sent in provider.bodies]
    assert said == [["hi"], ["hi"], ["hi"], ["hi", "hello", "hi"]]


async def test_sessions_of_others_and_of_the_bookkeeping_can_not_be_named(stage, provider):
    ada, bob = await stage.person(), await stage.person()
    provider.play({"text": "noted", "repeat": True})
    headers = {"X-Nova-Session": "secret"}
    await ada.client.post(CHAT, json={"messages": HI}, headers=headers)
    await bob.client.post(CHAT, json={"messages": HI}, headers=headers)
    assert len(provider.bodies[1]["messages"]) == 1
    (day,) = {row.day for row in await rows_of(stage, ada)}
    answer = await ada.client.post(
        CHAT, json={"messages": HI}, headers={"X-Nova-Session": f"usage/{day}"}
    )
    assert answer.status_code in (200, 404)
    assert all("usage" not in str(body["messages"]) for body in provider.bodies)


async def test_memory_reminds_the_model_of_other_sessions_where_it_is_asked_to(stage, provider):
    person = await stage.person()
    provider.play({"text": "what a name for a tortoise", "repeat": True})
    told = [{"role": "user", "content": "my tortoise is called Esmeralda"}]
    await person.client.post(CHAT, json={"messages": told}, headers={"X-Nova-Session": "pets"})
    asked = {"messages": [{"role": "user", "content": "what is my tortoise called?"}]}
    await person.client.post(CHAT, json=asked)
    await person.client.post(CHAT, json=asked, headers={"X-Nova-Memory": "on"})
    assert "Esmeralda" not in str(provider.bodies[1])
    assert "Esmeralda" in str(provider.bodies[2]["messages"][0])
    refused = await person.client.post(CHAT, json=asked, headers={"X-Nova-Memory": "maybe"})
    assert refused.status_code == 400


async def test_the_granted_cap_is_sent_upstream_and_a_spent_limit_asks_nobody(stage, provider):
    person = await stage.person()
    provider.play({"text": "ok", "usage": {"input": 20, "output": 280}})
    key = await stage.key_of(person, limits=_limits(300))
    client = stage.visitor(headers={"Authorization": f"Bearer {key}"})
    answer = await client.post(CHAT, json={"messages": HI, "max_tokens": 5_000})
    assert answer.status_code == 200
    assert 0 < provider.bodies[0]["max_tokens"] < 300
    await stage.platform.metering.flush()
    for path, told in ((CHAT, "insufficient_quota"), (MESSAGES, "rate_limit_error")):
        refused = await client.post(path, json={"messages": HI, "max_tokens": 5})
        assert refused.status_code == 429
        assert refused.headers["x-should-retry"] == "false"
        error = refused.json()["error"]
        assert error["type"] == told
        assert (error["limit"], error["used"]) == (300, 300)
    assert len(provider.requests) == 1


def _limits(tokens_per_day: int) -> Any:
    return identity.KeyLimits(tokens_per_day=tokens_per_day)


async def test_several_answers_at_once_share_the_granted_cap(stage, provider):
    person = await stage.person()
    key = await stage.key_of(person, limits=_limits(1_000))
    provider.play({"text": "ok"})
    client = stage.visitor(headers={"Authorization": f"Bearer {key}"})
    await client.post(CHAT, json={"messages": HI, "max_tokens": 900, "n": 4})
    assert provider.bodies[0]["max_tokens"] * 4 < 1_000


async def test_errors_are_told_in_the_words_of_each_vendor(stage, provider):
    person = await stage.person()
    unknown = {"model": "nope", "messages": HI, "max_tokens": 5}
    openai, anthropic = [await person.client.post(p, json=unknown) for p in (CHAT, MESSAGES)]
    assert (openai.status_code, anthropic.status_code) == (404, 404)
    assert openai.json()["error"]["code"] == "model_not_found"
    assert anthropic.json()["type"] == "error"
    assert anthropic.json()["error"]["type"] == "not_found_error"
    broken = await person.client.post(
        CHAT, content=b"{", headers={"content-type": "application/json"}
    )
    assert broken.status_code == 400
    assert broken.json()["error"]["type"] == "invalid_request_error"
    visitor = stage.visitor()
    assert (await visitor.post(CHAT, json=unknown)).json()["error"]["code"] == "invalid_api_key"
    lost = await visitor.post(MESSAGES, json=unknown, headers={"x-api-key": "nova_wrong"})
    assert (lost.status_code, lost.json()["error"]["type"]) == (401, "authentication_error")
    assert (await person.client.get(CHAT)).status_code == 405
    assert (await person.client.post("/v1/nothing", json={})).status_code == 404


async def test_a_model_of_another_plan_is_refused_and_nothing_is_held(stage, provider):
    person = await stage.person()
    answer = await person.client.post(CHAT, json={"model": "rich", "messages": HI})
    assert answer.status_code in (403, 404)
    assert provider.requests == []
    quota = await stage.app.services.run(stage.platform.billing.quota, person.account_id)
    assert quota.of("tokens").held == 0


async def test_a_refusal_of_the_provider_is_passed_on_and_costs_nothing(stage, provider):
    person = await stage.person()
    error = {"type": "invalid_request_error", "message": "logit_bias: too odd", "code": "odd"}
    provider.play({"status": 400, "error": error})
    answer = await person.client.post(CHAT, json={"messages": HI})
    assert answer.status_code == 400
    assert "logit_bias: too odd" in answer.json()["error"]["message"]
    assert await rows_of(stage, person) == []
    provider.play({"status": 401, "error": {"message": "bad key provider-key"}, "repeat": True})
    answer = await person.client.post(CHAT, json={"messages": HI})
    assert answer.status_code == 502
    assert "provider-key" not in answer.text


async def test_a_stream_that_breaks_ends_with_an_error_and_is_counted_by_estimate(stage, provider):
    person = await stage.person()
    provider.play({"text": "one two three", "break_after": 3}, {"text": "x", "break_after": 3})
    answer = await person.client.post(CHAT, json={"messages": HI, "stream": True})
    assert answer.status_code == 200
    assert "error" in events_of(answer.text)[-1]
    assert answer.text.endswith("data: [DONE]\n\n")
    body = {"model": "claude", "messages": HI, "max_tokens": 9, "stream": True}
    answer = await person.client.post(MESSAGES, json=body)
    assert "event: error\n" in answer.text
    rows = await rows_of(stage, person)
    assert sum(row.calls for row in rows) == 2
    assert all(row.input_tokens and row.output_tokens for row in rows)


async def test_a_client_that_leaves_ends_the_call_and_pays_for_what_came(stage, provider):
    person = await stage.person()
    provider.play({"text": "one two three", "hang_after": 3})
    sent, scope = await _began(stage, person, {"messages": HI, "stream": True})
    left = asyncio.Event()
    body = json.dumps({"messages": HI, "stream": True}).encode()
    messages = iter([{"type": "http.request", "body": body}])

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if b"two" in message.get("body", b"") or len(sent) > 3:
            left.set()

    await asyncio.wait_for(stage.app(scope, receive, send), LEAVE_TIMEOUT_S)
    assert await asyncio.to_thread(provider.requests[0].was_dropped.wait, LEAVE_TIMEOUT_S)
    (row,) = await rows_of(stage, person)
    assert row.calls == 1
    assert 0 < row.output_tokens < 10


async def test_a_client_that_leaves_before_the_answer_is_counted_once_too(stage, provider):
    person = await stage.person()
    provider.play({"text": "late", "delay_ms": 60_000})
    sent, scope = await _began(stage, person, {"messages": HI})
    body = json.dumps({"messages": HI}).encode()
    messages = iter([{"type": "http.request", "body": body}])

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await asyncio.to_thread(provider.has_request.wait, LEAVE_TIMEOUT_S)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await asyncio.wait_for(stage.app(scope, receive, send), LEAVE_TIMEOUT_S)
    (row,) = await rows_of(stage, person)
    assert (row.calls, row.output_tokens, row.input_tokens > 0) == (1, 0, True)
    assert sent == []


async def _began(stage: Stage, person: Person, body: Any) -> tuple[list[Any], dict[str, Any]]:
    headers = [
        (b"host", b"localhost:8080"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(json.dumps(body))).encode()),
        (b"authorization", f"Bearer {person.access_token}".encode()),
    ]
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": CHAT,
        "raw_path": CHAT.encode(), "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 40_001), "server": ("127.0.0.1", 8080),
    }  # fmt: skip
    return [], scope


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_retry_under_the_same_key_gets_the_same_reply_and_one_charge(
    stage, provider, is_stream
):
    person = await stage.person()
    provider.play({"text": "only once"})
    body = {"messages": HI, "stream": is_stream}
    headers = {"Idempotency-Key": "k1"}
    first = await person.client.post(CHAT, json=body, headers=headers)
    await stage.platform.metering.flush()
    again = await person.client.post(CHAT, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotency-replayed"] == "true"
    other = await person.client.post(CHAT, json={**body, "n": 1}, headers=headers)
    assert other.status_code == 422
    assert len(provider.requests) == 1
    (row,) = await rows_of(stage, person)
    assert row.calls == 1


async def test_a_second_request_under_a_key_in_flight_is_refused(stage, provider):
    person = await stage.person()
    provider.play({"text": "slow", "delay_ms": 400})
    headers = {"Idempotency-Key": "k1"}
    first = asyncio.create_task(person.client.post(CHAT, json={"messages": HI}, headers=headers))
    assert await asyncio.to_thread(provider.has_request.wait, LEAVE_TIMEOUT_S)
    second = await person.client.post(CHAT, json={"messages": HI}, headers=headers)
    assert second.status_code == 409
    assert (await first).status_code == 200


async def test_an_agents_calls_are_paid_by_its_owner_and_named(stage, provider):
    person = await stage.person()
    made = await stage.app.services.run(
        stage.platform.identity.agents.create, person.account_id, name="crawler"
    )
    provider.play({"text": "ok", "repeat": True})
    client = stage.visitor(headers={"Authorization": f"Bearer {made.secret}"})
    answer = await client.post(CHAT, json={"messages": HI}, headers={"X-Nova-Session": "own diary"})
    assert answer.status_code == 200, answer.text
    (row,) = await rows_of(stage, person)
    assert row.agent_id == made.agent.id


async def test_a_key_without_the_scope_may_not_call_a_model(stage):
    person = await stage.person()
    key = await stage.key_of(person, scopes=frozenset({"usage"}))
    client = stage.visitor(headers={"Authorization": f"Bearer {key}"})
    assert (await client.post(CHAT, json={"messages": HI})).status_code == 403


class _NoSecrets:
    """A policy with one rule."""

    name = "no secrets"
    reads_output = True

    async def review_input(self, messages: Any) -> chat.Verdict:
        return chat.Verdict(is_allowed="secret" not in str(messages), reason="No secrets.")

    async def review_output(self, text: str) -> chat.Verdict:
        return chat.Verdict(is_allowed="secret" not in text, reason="No secrets.")


@contextlib.contextmanager
def _under(stage: Stage, policy: Any):
    calls = stage.platform.calls
    before, calls._policy = calls._policy, policy
    yield
    calls._policy = before


async def test_the_policy_is_asked_about_what_goes_in_and_what_comes_out(stage, provider):
    person = await stage.person()
    with _under(stage, _NoSecrets()):
        secret = [{"role": "user", "content": "a secret"}]
        refused = await person.client.post(CHAT, json={"messages": secret})
        assert refused.status_code in (400, 403)
        assert provider.requests == []
        paced = {"text": "fine words and a secret here", "chunk_delay_ms": 30}
        provider.play(paced, {"text": "a secret"})
        answer = await person.client.post(CHAT, json={"messages": HI, "stream": True})
        assert "fine" in answer.text
        assert "secret here" not in answer.text
        refused = await person.client.post(CHAT, json={"messages": HI})
        assert "a secret" not in refused.text
    rows = await rows_of(stage, person)
    assert sum(row.calls for row in rows) == 2
