"""What others' servers got wrong at their edge, each as a case.

The numbers are those of the lists that the cases come from: CSRF, hosts, forwarding, ids, limits.
"""

import dataclasses

import pytest
from tests.rooms.gateway.gate import ADA, KEY, make_gate

EVIL = "https://evil.example"
COOKIE = {"Cookie": "nova_refresh=abc"}
JSON = {"Content-Type": "application/json"}


async def post(gate, **headers: str):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await gate.ask("POST", "/api/v1/auth/refresh", headers=JSON | names, content=b"{}")


async def test_another_websites_page_can_not_use_somebodys_cookie():
    answer = await post(make_gate(), origin=EVIL, cookie="nova_refresh=abc")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "origin_refused"


async def test_another_websites_page_can_not_sign_somebody_in_as_somebody_else():
    """No cookie is there yet: this is what sets one."""
    assert (await post(make_gate(), origin=EVIL)).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_browser_that_says_it_comes_from_elsewhere_is_believed(site):
    assert (await post(make_gate(), sec_fetch_site=site, **COOKIE)).status_code == 403


async def test_a_sandboxed_page_has_no_origin_and_no_right():
    assert (await post(make_gate(), origin="null", **COOKIE)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:8080"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"origin": "null", "sec_fetch_site": "same-origin"},
        {},
    ],
)
async def test_our_own_page_and_programs_may(headers):
    assert (await post(make_gate(), **headers, **COOKIE)).status_code == 200


async def test_our_own_page_may_where_a_proxy_speaks_tls_for_us():
    gate = make_gate(public_url="https://nova.example.org")
    options = {
        "headers": JSON | COOKIE | {"Origin": "https://nova.example.org"},
        "content": b"{}",
        "base_url": "http://nova.example.org",
    }
    assert (await gate.ask("POST", "/api/v1/auth/refresh", **options)).status_code == 200


async def test_a_port_makes_another_website():
    assert (await post(make_gate(), origin="http://127.0.0.1:3000", **COOKIE)).status_code == 403


async def test_a_key_in_a_header_needs_no_check_of_the_page():
    """No page can make a browser send it elsewhere without asking first."""
    gate = make_gate()
    headers = JSON | {"Authorization": f"Bearer {KEY}", "Origin": "vscode-webview://x"}
    answer = await gate.ask("POST", "/v1/chat/completions", headers=headers, content=b"{}")
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_no_website_may_call_the_api_by_default():
    gate = make_gate()
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
    preflight = await gate.ask("OPTIONS", "/api/v1/account", headers=asked)
    assert preflight.status_code == 403
    answer = await gate.ask("GET", "/api/v1/config", headers={"Origin": EVIL})
    assert "access-control-allow-origin" not in answer.headers


async def test_only_the_named_websites_may_call_the_api_and_without_cookies():
    gate = make_gate(cors_origins=("https://app.example.org",))
    asked = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    preflight = await gate.ask("OPTIONS", "/api/v1/account", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "access-control-allow-credentials" not in preflight.headers
    assert preflight.headers["vary"] == "Origin"
    for other in (EVIL, "https://app.example.org.evil.example", "null"):
        asked["Origin"] = other
        assert (await gate.ask("OPTIONS", "/api/v1/account", headers=asked)).status_code == 403


async def test_json_sent_as_plain_text_is_no_way_around_the_browsers_question():
    headers = {"Content-Type": "text/plain", **COOKIE}
    answer = await make_gate().ask("POST", "/api/v1/auth/refresh", headers=headers, content=b"{}")
    assert answer.status_code == 415


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example"])
async def test_a_name_server_that_lies_gets_nothing(host):
    """DNS rebinding: the browser believes that we are the attacker's own website."""
    answer = await make_gate().ask("GET", "/api/v1/config", headers={"Host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "192.0.2.1"])
async def test_names_that_no_name_server_gives_out_are_ours(host):
    answer = await make_gate().ask("GET", "/api/v1/config", headers={"Host": host})
    assert answer.status_code == 200


async def test_two_hosts_in_one_request_are_none():
    headers = [("Host", "localhost"), ("Host", "evil.example")]
    answer = await make_gate().ask("GET", "/api/v1/config", headers=headers)
    assert answer.status_code == 421


async def test_nobody_says_who_he_is_by_a_header():
    """Inbound X-User-Id and X-Service-Token made anybody into anybody."""
    headers = {
        "X-User-Id": "ada", "X-User-Role": "admin", "X-Service-Token": "x",
        "X-Service-Name": "gateway", "X-Forwarded-User": "ada",
    }  # fmt: skip
    told = (await make_gate().ask("GET", "/api/v1/x", headers=headers)).json()
    assert told["account"] is None
    assert not [name for name in told["headers"] if name.startswith(("x-user", "x-service"))]


async def test_nobody_says_where_he_is_by_a_header():
    headers = {"X-Forwarded-For": "1.2.3.4", "X-Real-IP": "1.2.3.4", "Forwarded": "for=1.2.3.4"}
    told = (await make_gate().ask("GET", "/api/v1/x", ip="203.0.113.9", headers=headers)).json()
    assert told["ip"] == "203.0.113.9"
    assert "x-forwarded-for" not in told["headers"]


async def test_the_limit_of_an_address_can_not_be_left_by_naming_others():
    gate = make_gate(ip_requests_per_minute=1, ip_requests_burst=2)
    statuses = [
        (
            await gate.ask(
                "GET", "/api/v1/x", ip="203.0.113.9", headers={"X-Forwarded-For": f"1.2.3.{n}"}
            )
        ).status_code
        for n in range(3)
    ]
    assert statuses == [200, 200, 429]


async def test_a_token_is_not_taken_from_the_address():
    """Addresses are written into logs and histories."""
    gate = make_gate()
    for name in ("token", "access_token", "api_key", "key"):
        answer = await gate.ask("GET", f"/api/v1/mine?{name}={KEY}")
        assert answer.status_code == 401


async def test_a_fresh_token_for_each_request_does_not_leave_the_limit_of_the_address():
    gate = make_gate(anonymous_requests_per_minute=1, anonymous_requests_burst=3)
    statuses = [
        (
            await gate.ask(
                "GET", "/api/v1/mine", headers={"Authorization": f"Bearer nova_guess_{number}"}
            )
        ).status_code
        for number in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]
    assert gate.doorkeeper.asked == 3


async def test_the_files_of_the_web_app_do_not_use_up_what_an_address_may_ask():
    """An office opens its pages at nine."""
    gate = make_gate(anonymous_requests_per_minute=1, anonymous_requests_burst=3)
    asked = ["/assets/app.js"] * 20 + ["/"] * 4
    statuses = [(await gate.ask("GET", path)).status_code for path in asked]
    assert statuses == [200] * 23 + [429]


async def test_keys_that_are_right_are_no_guesses_however_many_come_from_one_address():
    """After a restart nobody is known yet, and an office has one address."""
    gate = make_gate(anonymous_requests_per_minute=1, anonymous_requests_burst=3)
    gate.doorkeeper.authenticate = lambda bearer: dataclasses.replace(ADA, key_id=bearer)

    async def status(bearer: str) -> int:
        headers = {"Authorization": f"Bearer {bearer}"}
        return (await gate.ask("GET", "/api/v1/mine", headers=headers)).status_code

    assert [await status(f"nova_{number}") for number in range(10)] == [200] * 10


async def test_a_refused_request_does_not_eat_what_others_have_left():
    """Refused by one dimension, it must not count under another."""
    gate = make_gate(
        model_requests_per_minute=1, model_requests_burst=1, requests_per_minute=60,
        requests_burst=5,
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {KEY}"}
    for _ in range(10):
        await gate.ask("POST", "/v1/chat/completions", headers=headers, json={})
    left = (await gate.ask("GET", "/api/v1/x", headers=headers)).headers
    assert left["x-ratelimit-remaining-requests"] == "3"


async def test_a_correlation_id_that_looks_like_a_secret_is_not_repeated():
    secret = "sk-canary0123456789"
    answer = await make_gate().ask("GET", "/api/v1/x", headers={"X-Correlation-ID": secret})
    assert secret not in str(answer.headers)


async def test_a_proxy_that_passes_on_plain_http_sends_browsers_to_tls():
    gate = make_gate(public_url="https://nova.example.org", trusted_proxies=("127.0.0.1/32",))
    base = {"base_url": "http://nova.example.org", "headers": {"X-Forwarded-Proto": "http"}}
    answer = await gate.ask("GET", "/login?next=%2Fchat", **base)
    assert answer.status_code == 308
    assert answer.headers["location"] == "https://nova.example.org/login?next=%2Fchat"
    base["headers"] |= JSON
    told = await gate.ask("POST", "/api/v1/auth/login", content=b"{}", **base)
    assert told.status_code == 403
    base["headers"]["X-Forwarded-Proto"] = "https"
    assert (await gate.ask("GET", "/login", **base)).status_code == 200


async def test_a_very_long_credential_is_none():
    headers = {"Authorization": "Bearer " + "x" * 5_000}
    gate = make_gate()
    assert (await gate.ask("GET", "/api/v1/mine", headers=headers)).status_code == 401
    assert gate.doorkeeper.asked == 0
