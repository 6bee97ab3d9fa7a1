"""What the edge does to every request and every answer."""

import asyncio
import re

import pytest
from tests.rooms.gateway.gate import KEY, make_gate

BEARER = {"Authorization": f"Bearer {KEY}"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


async def test_every_answer_has_the_security_headers():
    answer = await make_gate().ask("GET", "/api/v1/x")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers
    assert "server" not in answer.headers


async def test_errors_have_them_too():
    answer = await make_gate().ask("POST", "/api/v1/x", content=b"x")
    assert answer.status_code == 415
    assert answer.headers["x-frame-options"] == "DENY"


async def test_an_https_address_makes_browsers_insist_on_tls():
    gate = make_gate(public_url="https://nova.example.org")
    answer = await gate.ask("GET", "/", base_url="https://nova.example.org")
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


async def test_a_fresh_correlation_id_is_given_told_and_current():
    answer = await make_gate().ask("GET", "/api/v1/x")
    given = answer.headers["x-correlation-id"]
    assert UUID.fullmatch(given)
    told = answer.json()["trace"]
    assert told["X-Correlation-ID"] == given
    assert told["traceparent"].startswith(f"00-{given.replace('-', '')}-")


async def test_a_well_formed_correlation_id_and_trace_are_taken_over():
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {"X-Correlation-ID": "order-17.b_3", "traceparent": parent}
    answer = await make_gate().ask("GET", "/api/v1/x", headers=headers)
    assert answer.headers["x-correlation-id"] == "order-17.b_3"
    passed_on = answer.json()["trace"]["traceparent"]
    assert passed_on.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert passed_on.endswith("-01")
    assert "00f067aa0ba902b7" not in passed_on


@pytest.mark.parametrize("wrong", ["x" * 65, "a b", "a\tb", "ä", "<script>", "", "a,b"])
async def test_any_other_correlation_id_is_replaced(wrong):
    headers = {b"X-Correlation-ID": wrong.encode("latin-1")}
    answer = await make_gate().ask("GET", "/api/v1/x", headers=headers)
    assert UUID.fullmatch(answer.headers["x-correlation-id"])


async def test_a_body_over_the_limit_is_refused_by_its_length():
    gate = make_gate(body_bytes_max=2_000)
    options = {"headers": {"Content-Type": "application/json"}, "content": b"1" * 2_001}
    answer = await gate.ask("POST", "/api/v1/x", **options)
    assert answer.status_code == 413
    assert answer.json()["error"]["limit_bytes"] == 2_000
    options["content"] = b"1" * 2_000
    assert (await gate.ask("POST", "/api/v1/x", **options)).json()["bytes"] == 2_000


async def test_a_chunked_body_over_the_limit_is_refused_as_it_comes():
    async def chunks():
        for _ in range(5):
            yield b"1" * 500

    headers = {"Content-Type": "application/json"}
    gate = make_gate(body_bytes_max=2_000)
    answer = await gate.ask("POST", "/api/v1/x", headers=headers, content=chunks())
    assert answer.status_code == 413


async def test_a_body_that_never_ends_is_given_up():
    async def chunks():
        yield b"1"
        await asyncio.Event().wait()

    headers = {"Content-Type": "application/json"}
    gate = make_gate(body_timeout_ms=100)
    answer = await gate.ask("POST", "/api/v1/x", headers=headers, content=chunks())
    assert answer.status_code == 408


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_no_json_is_refused(kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = await make_gate().ask("POST", "/api/v1/x", headers=headers, content=b"{}")
    assert answer.status_code == 415


async def test_json_with_a_charset_is_taken():
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = await make_gate().ask("POST", "/api/v1/x", headers=headers, content=b"{}")
    assert answer.status_code == 200


async def test_somebody_with_a_good_key_is_known():
    gate = make_gate()
    assert (await gate.ask("GET", "/api/v1/mine", headers=BEARER)).json()["account"] == "ada"
    headers = {"x-api-key": KEY}
    assert (await gate.ask("GET", "/v1/models", headers=headers)).json()["account"] == "ada"
    assert gate.doorkeeper.asked == 0


async def test_a_bad_key_is_told_only_where_one_is_needed():
    gate = make_gate()
    headers = {"Authorization": "Bearer nova_wrong_key_here"}
    assert (await gate.ask("GET", "/api/v1/open", headers=headers)).status_code == 200
    refused = await gate.ask("GET", "/api/v1/mine", headers=headers)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "credential_invalid"
    assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_what_breaks_on_our_side_is_told_by_its_correlation_id_alone(caplog):
    answer = await make_gate().ask("GET", "/api/v1/broken")
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["correlation_id"] == answer.headers["x-correlation-id"]
    assert "hunter2" not in answer.text
    assert len(caplog.records) == 1


async def test_an_error_after_the_head_leaves_the_answer_unfinished(caplog):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/half", "raw_path": b"/api/v1/half",
        "query_string": b"", "scheme": "http", "client": ("127.0.0.1", 5),
        "headers": [(b"host", b"127.0.0.1")],
    }  # fmt: skip
    gate = make_gate()
    await gate.edge(scope, receive, send)
    assert [each["type"] for each in sent] == ["http.response.start"]
    assert 'status="499"' in gate.metrics.render().decode()


async def test_anthropics_clients_get_errors_in_their_shape():
    headers = {"Content-Type": "text/plain"}
    answer = await make_gate().ask("POST", "/v1/messages", headers=headers, content=b"{}")
    told = answer.json()
    assert told["type"] == "error"
    assert told["error"]["type"] == "invalid_request_error"
    assert told["request_id"] == answer.headers["x-correlation-id"]


async def test_no_websocket_is_taken():
    sent = []

    async def send(message):
        sent.append(message)

    await make_gate().edge({"type": "websocket"}, None, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_while_it_drains_only_watchers_are_answered():
    gate = make_gate()
    gate.edge.standing.is_draining = True
    assert (await gate.ask("GET", "/healthz")).status_code == 200
    refused = await gate.ask("GET", "/api/v1/x")
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
