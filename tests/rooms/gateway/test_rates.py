"""How often somebody may ask, and how they are told."""

import dataclasses

from tests.rooms.gateway.gate import ADA, KEY, make_gate

BEARER = {"Authorization": f"Bearer {KEY}"}


async def test_answers_say_how_much_is_left():
    gate = make_gate(requests_per_minute=60, requests_burst=5)
    answer = await gate.ask("GET", "/api/v1/x", headers=BEARER)
    assert answer.headers["ratelimit-policy"] == '"account";q=5;w=5'
    assert answer.headers["ratelimit"] == '"account";r=4;t=1'
    assert answer.headers["x-ratelimit-limit-requests"] == "5"
    assert answer.headers["x-ratelimit-remaining-requests"] == "4"
    assert answer.headers["x-ratelimit-reset-requests"] == "1000ms"


async def test_the_request_after_the_burst_is_refused_until_one_came_back():
    gate = make_gate(requests_per_minute=60, requests_burst=2)
    for _ in range(2):
        assert (await gate.ask("GET", "/api/v1/x", headers=BEARER)).status_code == 200
    refused = await gate.ask("GET", "/api/v1/x", headers=BEARER)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert 'rate="account"' in gate.metrics.render().decode()
    gate.clock.advance_ms(1_000)
    assert (await gate.ask("GET", "/api/v1/x", headers=BEARER)).status_code == 200


async def test_a_key_has_its_own_limit_within_its_account():
    gate = make_gate()
    limits = type(ADA.limits)(requests_per_minute=1)
    gate.doorkeeper.known["slow"] = dataclasses.replace(ADA, key_id="key-2", limits=limits)
    slow = {"Authorization": "Bearer slow"}
    assert (await gate.ask("GET", "/api/v1/x", headers=slow)).status_code == 200
    refused = await gate.ask("GET", "/api/v1/x", headers=slow)
    assert refused.json()["error"]["what"] == "key"
    assert (await gate.ask("GET", "/api/v1/x", headers=BEARER)).status_code == 200


async def test_an_agent_counts_under_its_owner_too():
    gate = make_gate(requests_per_minute=60, requests_burst=2)
    for number in range(3):
        agent = dataclasses.replace(
            ADA, account_id=f"agent-{number}", role="agent", owner_id="ada", key_id=f"k{number}"
        )
        gate.doorkeeper.known[f"agent{number}"] = agent
    statuses = [
        (await gate.ask("GET", "/x", headers={"x-api-key": f"agent{number}"})).status_code
        for number in range(3)
    ]
    assert statuses == [200, 200, 200]  # No API path: nobody is asked who it is.
    statuses = [
        (await gate.ask("GET", "/api/v1/x", headers={"x-api-key": f"agent{n}"})).status_code
        for n in range(3)
    ]
    assert statuses == [200, 200, 429]


async def test_calls_of_a_model_have_a_rate_of_their_own():
    gate = make_gate(model_requests_per_minute=60, model_requests_burst=1)
    options = {"headers": BEARER, "json": {}}
    assert (await gate.ask("POST", "/v1/chat/completions", **options)).status_code == 200
    refused = await gate.ask("POST", "/v1/embeddings", **options)
    assert refused.json()["error"]["what"] == "model"
    turn = await gate.ask("POST", "/api/v1/sessions/1/turns", **options)
    assert turn.status_code == 429
    assert (await gate.ask("GET", "/v1/models", headers=BEARER)).status_code == 200


async def test_signing_in_is_slower_than_the_rest_and_a_reload_is_not():
    gate = make_gate(auth_requests_per_minute=60, auth_requests_burst=2)
    statuses = [
        (await gate.ask("POST", "/api/v1/auth/login", json={})).status_code for _ in range(3)
    ]
    assert statuses == [200, 200, 429]
    assert (await gate.ask("POST", "/api/v1/auth/refresh", json={})).status_code == 200


async def test_neighbours_in_one_ipv6_network_count_together():
    gate = make_gate(ip_requests_per_minute=60, ip_requests_burst=2)
    places = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]
    statuses = [(await gate.ask("GET", "/api/v1/x", ip=ip)).status_code for ip in places]
    assert statuses == [200, 200, 429, 200]


async def test_what_watches_is_never_limited():
    gate = make_gate(ip_requests_per_minute=1, ip_requests_burst=1)
    for _ in range(5):
        assert (await gate.ask("GET", "/readyz")).status_code == 200
