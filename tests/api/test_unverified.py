"""What an account may do before its address is confirmed: every route of the app, one by one."""

import re
from collections.abc import Iterator

import fastapi.routing
from tests.api.stage import PASSWORD, Stage

OPEN = {
    # Sign in, ask for the letter again, profile, delete: no more than that of one's own.
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/auth/resend-verification"),
    ("GET", "/api/v1/account"),
    ("PATCH", "/api/v1/account"),
    ("DELETE", "/api/v1/account"),
    # What nobody need be signed in for.
    ("POST", "/api/v1/auth/register"),
    ("GET", "/api/v1/auth/verify-email"),
    ("POST", "/api/v1/auth/verify-email"),
    ("POST", "/api/v1/auth/request-password-reset"),
    ("GET", "/api/v1/auth/reset-password"),
    ("POST", "/api/v1/auth/reset-password"),
    ("GET", "/api/v1/auth/keys"),
    ("GET", "/api/v1/config"),
    ("GET", "/api/v1/status"),
    ("GET", "/status"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/outbox"),
    ("GET", "/outbox/{letter}"),
    ("GET", "/{path}"),
}
"""Every other route answers 403 `email_not_verified`."""

MODEL_ROUTES = {
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/messages"),
    ("GET", "/v1/models"),
}
"""Those that FastAPI does not know."""

PARAMETERS = {"position": "0", "digest": "0" * 64, "path": "anything"}
ID = "01a201e3-2405-7833-86f1-cd3790ee7851"


async def _routes(stage: Stage) -> Iterator[tuple[str, str]]:
    """(method, path) of every route, the model routes too."""
    found = {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in stage.app.api.routes
        if isinstance(route, fastapi.routing.APIRoute)
        for method in route.methods
    }
    document = (await stage.visitor().get("/openapi.json")).json()
    methods = {"get", "post", "put", "patch", "delete"}
    found |= MODEL_ROUTES | {
        (method.upper(), path)
        for path, described in document["paths"].items()
        for method in described
        if method in methods
    }
    return iter(sorted((method, path) for method, path in found if method != "HEAD"))


def _filled(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda match: PARAMETERS.get(match[1], ID), path)


async def test_before_the_address_is_confirmed_only_these_routes_are_open(stage: Stage):
    await stage.person(admin=True)
    person = await stage.person(verified=False)
    shut, wrong = [], []
    for method, path in await _routes(stage):
        if path == "/api/v1/account" and method == "DELETE":
            continue
        body = None if method == "GET" else {}
        if (method, path) == ("POST", "/api/v1/auth/logout"):
            continue
        answer = await person.client.request(method, _filled(path), json=body)
        kind = answer.headers.get("content-type", "")
        told = answer.json() if kind.startswith("application/json") else {}
        error = told.get("error", {}) if isinstance(told, dict) else {}
        code, text = error.get("code"), f"{error.get('message')} {error.get('hint')}"
        is_shut = answer.status_code == 403 and "not confirmed yet" in text
        shut += [(method, path)] if is_shut else []
        if is_shut and not path.startswith("/v1/messages") and code != "email_not_verified":
            wrong.append((method, path, code))
        if is_shut == ((method, path) in OPEN):
            wrong.append((method, path, answer.status_code, answer.text[:200]))
        if is_shut and "resend-verification" not in text:
            wrong.append((method, path, "does not say what to do"))
    assert wrong == []
    assert len(shut) > 40
    assert set(shut) >= MODEL_ROUTES


async def test_an_account_can_be_left_and_closed_before_its_address_is_confirmed(stage: Stage):
    await stage.person(admin=True)
    person = await stage.person(verified=False)
    again = await person.client.post("/api/v1/auth/resend-verification")
    assert again.status_code == 202
    assert (await person.client.patch("/api/v1/account", json={"name": "A"})).status_code == 200
    closed = await person.client.request("DELETE", "/api/v1/account", json={"password": PASSWORD})
    assert closed.status_code == 202
    other = await stage.person(verified=False)
    assert (await other.client.post("/api/v1/auth/logout")).status_code == 204


async def test_keys_of_an_account_that_is_not_confirmed_open_nothing(stage: Stage):
    person = await stage.person(verified=False)
    bearer = {"Authorization": f"Bearer {await stage.key_of(person)}"}
    answer = await stage.visitor(headers=bearer).get("/api/v1/usage/quota")
    assert answer.json()["error"]["code"] == "email_not_verified"
