"""The account, its keys, its agents, and the accounts of others, over HTTP."""

import pytest
from tests.api.stage import PASSWORD, Stage
from tests.api.test_auth import token_of


async def test_an_account_shows_its_plan_and_takes_a_name_and_preferences(stage: Stage):
    person = await stage.person()
    found = (await person.client.get("/api/v1/account")).json()
    assert found["email"] == person.email
    assert isinstance(found["plan"], str)
    changed = await person.client.patch(
        "/api/v1/account", json={"name": "Ada", "preferences": {"theme": "dark"}}
    )
    assert changed.status_code == 200
    assert changed.json()["name"] == "Ada"
    assert changed.json()["preferences"] == {"theme": "dark"}


async def test_a_password_is_changed_only_by_who_knows_it(stage: Stage):
    person = await stage.person()
    path = "/api/v1/account/password"
    wrong = await person.client.post(
        path, json={"current_password": "not this", "password": "another long phrase"}
    )
    assert wrong.status_code == 403
    assert wrong.json()["error"]["code"] == "password_wrong"
    done = await person.client.post(
        path, json={"current_password": PASSWORD, "password": "another long phrase"}
    )
    assert done.status_code == 200
    assert (await person.client.get("/api/v1/account")).status_code == 200


async def test_an_address_moves_once_the_letter_is_confirmed(stage: Stage):
    person = await stage.person()
    answer = await person.client.post(
        "/api/v1/account/email", json={"password": PASSWORD, "email": "new@example.org"}
    )
    assert answer.status_code == 202
    token = await token_of(stage, "verify")
    await person.client.post("/api/v1/auth/verify-email", json={"token": token})
    assert (await person.client.get("/api/v1/account")).json()["email"] == "new@example.org"


async def test_a_closed_account_is_gone_at_once(stage: Stage):
    await stage.person(admin=True)
    person = await stage.person()
    key = await stage.key_of(person)
    answer = await person.client.request("DELETE", "/api/v1/account", json={"password": PASSWORD})
    assert answer.status_code == 202
    for bearer in (person.access_token, key):
        refused = await stage.visitor().get(
            "/api/v1/account", headers={"Authorization": f"Bearer {bearer}"}
        )
        assert refused.status_code == 401


async def test_a_key_is_shown_once_used_and_revoked(stage: Stage):
    person = await stage.person()
    made = await person.client.post("/api/v1/api-keys", json={"name": "laptop"})
    assert made.status_code == 201
    secret = made.json()["key"]
    assert secret.startswith(made.json()["prefix"])
    listed = await person.client.get("/api/v1/api-keys")
    assert secret not in listed.text
    assert [each["id"] for each in listed.json()["api_keys"]] == [made.json()["id"]]
    bearer = {"Authorization": f"Bearer {secret}"}
    program = stage.visitor(headers=bearer)
    assert (await program.get("/api/v1/account")).status_code == 200
    gone = await person.client.delete(f"/api/v1/api-keys/{made.json()['id']}")
    assert gone.status_code == 204
    assert (await program.get("/api/v1/account")).status_code == 401


async def test_a_key_makes_no_keys_and_changes_no_account(stage: Stage):
    person = await stage.person()
    program = stage.visitor(headers={"Authorization": f"Bearer {await stage.key_of(person)}"})
    for method, path, body in (
        ("POST", "/api/v1/api-keys", {"name": "more"}),
        ("POST", "/api/v1/agents", {"name": "more"}),
        ("GET", "/api/v1/auth/sessions", None),
        ("PATCH", "/api/v1/account", {"name": "Eve"}),
        ("DELETE", "/api/v1/account", {"password": PASSWORD}),
    ):
        answer = await program.request(method, path, json=body)
        assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize(
    ("scopes", "status"), [(["account"], 400), (["admin"], 403), (["everything"], 400), ([], 400)]
)
async def test_a_key_gets_no_scope_that_a_key_can_not_have(stage: Stage, scopes, status):
    await stage.person(admin=True)
    person = await stage.person()
    answer = await person.client.post("/api/v1/api-keys", json={"name": "k", "scopes": scopes})
    assert answer.status_code == status


async def test_nobody_revokes_the_key_or_agent_of_another(stage: Stage):
    one, two = await stage.person(), await stage.person()
    key = (await one.client.post("/api/v1/api-keys", json={"name": "k"})).json()
    agent = (await one.client.post("/api/v1/agents", json={"name": "a"})).json()
    for method, path in (
        ("DELETE", f"/api/v1/api-keys/{key['id']}"),
        ("DELETE", f"/api/v1/agents/{agent['id']}"),
        ("POST", f"/api/v1/agents/{agent['id']}/rotate"),
    ):
        assert (await two.client.request(method, path)).status_code == 404
    for bearer in (key["key"], agent["key"]):
        found = await stage.visitor().get(
            "/api/v1/account", headers={"Authorization": f"Bearer {bearer}"}
        )
        assert found.status_code == 200


async def test_an_agent_is_made_rotated_and_ended(stage: Stage):
    person = await stage.person()
    made = (
        await person.client.post(
            "/api/v1/agents",
            json={"name": "helper", "scopes": ["models"], "tokens_per_day": 5_000},
        )
    ).json()
    assert made["workspace"] == f"agents/{made['id']}"
    assert made["tokens_per_day"] == 5_000

    async def status(key):
        answer = await stage.visitor().get(
            "/api/v1/account", headers={"Authorization": f"Bearer {key}"}
        )
        return answer.status_code

    assert await status(made["key"]) == 200
    rotated = (await person.client.post(f"/api/v1/agents/{made['id']}/rotate")).json()
    assert (await status(made["key"]), await status(rotated["key"])) == (401, 200)
    assert (await person.client.delete(f"/api/v1/agents/{made['id']}")).status_code == 204
    assert await status(rotated["key"]) == 401
    assert (await person.client.get("/api/v1/agents")).json() == {"agents": []}


async def test_an_administrator_lists_and_changes_accounts(stage: Stage):
    admin, person = await stage.person(admin=True), await stage.person()
    page = (await admin.client.get("/api/v1/admin/users", params={"limit": 1})).json()
    assert [each["email"] for each in page["users"]] == [person.email]
    rest = (
        await admin.client.get("/api/v1/admin/users", params={"cursor": page["next_cursor"]})
    ).json()
    assert [each["email"] for each in rest["users"]] == [admin.email]
    assert rest["next_cursor"] is None
    path = f"/api/v1/admin/users/{person.account_id}"
    changed = await admin.client.patch(path, json={"plan": "pro", "is_disabled": True})
    assert (changed.json()["plan"], changed.json()["is_disabled"]) == ("pro", True)
    assert (await person.client.get("/api/v1/account")).status_code == 401
    refused = await person.client.post(
        "/api/v1/auth/login", json={"email": person.email, "password": PASSWORD}
    )
    assert refused.json()["error"]["code"] == "account_disabled"


async def test_an_administrator_invites_by_mail(stage: Stage):
    admin = await stage.person(admin=True)
    path = "/api/v1/admin/invitations"
    assert (await admin.client.post(path, json={"email": "x@example.org"})).status_code == 202
    assert await token_of(stage, "invitation")
    taken = await admin.client.post(path, json={"email": admin.email})
    assert taken.status_code == 409


async def test_nobody_else_administers(stage: Stage):
    await stage.person(admin=True)
    person = await stage.person()
    for method, path, body in (
        ("GET", "/api/v1/admin/users", None),
        ("POST", "/api/v1/admin/invitations", {"email": "x@example.org"}),
        ("PATCH", f"/api/v1/admin/users/{person.account_id}", {"role": "admin"}),
    ):
        answer = await person.client.request(method, path, json=body)
        assert answer.status_code == 403, path


async def test_who_says_who_he_is_in_a_header_is_not_believed(stage: Stage):
    """predecessor 7.3: a trusted X-User-Id was full impersonation."""
    person = await stage.person()
    answer = await stage.visitor().get(
        "/api/v1/account",
        headers={"X-User-Id": person.account_id, "X-User-Role": "admin", "X-Service-Token": "x"},
    )
    assert answer.status_code == 401


async def test_nobody_mints_a_token_for_a_service(stage: Stage):
    """predecessor 7.3: anyone could mint a gateway-grade token at a public route."""
    answer = await stage.visitor().post(
        "/api/v1/auth/service/token", json={"serviceName": "gateway"}
    )
    assert answer.status_code in {401, 404, 405}


async def test_a_whole_number_may_be_written_as_json_writes_numbers(stage: Stage):
    person = await stage.person()
    for written, status in ((60.0, 201), (60.5, 400), ("60", 400), (True, 400)):
        body = {"name": "k", "requests_per_minute": written}
        answer = await person.client.post("/api/v1/api-keys", json=body)
        assert answer.status_code == status, written
