"""Registering, confirming, signing in and out over HTTP, by the whole app."""

import json
from base64 import urlsafe_b64decode

import sqlalchemy
from tests.api.stage import PASSWORD, Stage

from novacore import database

REGISTER = "/api/v1/auth/register"
LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"


def _letters(stage: Stage):
    """What waits to be mailed, once everything that was asked for is written."""
    platform = stage.platform

    def read(kind):
        with platform.database.read() as connection:
            return connection.execute(
                sqlalchemy.select(database.OUTBOX)
                .where(database.OUTBOX.c.kind == kind)
                .order_by(database.OUTBOX.c.id)
            ).all()

    for row in read("identity.letter"):
        platform.identity.write_letter(row.id, json.loads(row.payload))
    return [platform.identity.unseal_mail(json.loads(row.payload)) for row in read("mail")]


async def token_of(stage: Stage, template: str, *, name: str = "link") -> str:
    """The secret in the newest letter of a sort."""
    letters = await stage.app.services.run(_letters, stage)
    found = [each for each in letters if each.template == template]
    return str(found[-1].params[name]).partition("=")[2]


async def _register(stage: Stage, email="ada@example.org"):
    client = stage.visitor()
    answer = await client.post(REGISTER, json={"email": email, "password": PASSWORD})
    assert answer.status_code == 202, answer.text
    return client, answer


async def _login(client, email="ada@example.org", password=PASSWORD):
    return await client.post(LOGIN, json={"email": email, "password": password})


async def test_a_person_registers_confirms_and_signs_in(stage: Stage):
    client, _ = await _register(stage)
    signed_in = await _login(client)
    assert signed_in.status_code == 200
    body = signed_in.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in_s"] == 900
    assert (body["account"]["email"], body["account"]["is_verified"]) == ("ada@example.org", False)
    assert body["refresh_token"] is None
    token = await token_of(stage, "verify")
    page = await client.get("/api/v1/auth/verify-email", params={"token": token})
    assert page.status_code == 200
    assert f'value="{token}"' in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    for status in (200, 404):
        answer = await client.post("/api/v1/auth/verify-email", json={"token": token})
        assert answer.status_code == status
    assert answer.json()["error"]["code"] == "link_invalid"


async def test_looking_at_the_page_confirms_nothing(stage: Stage):
    """Mail scanners open every link; the link must still work after them."""
    client, _ = await _register(stage)
    token = await token_of(stage, "verify")
    for _ in range(3):
        await client.get("/api/v1/auth/verify-email", params={"token": token})
    answer = await client.post("/api/v1/auth/verify-email", json={"token": token})
    assert answer.json()["is_verified"] is True


async def test_the_button_of_the_page_confirms_without_a_script(stage: Stage):
    client, _ = await _register(stage)
    token = await token_of(stage, "verify")
    for status, said in ((200, "Your address is confirmed"), (404, "This link does not work")):
        answer = await client.post("/api/v1/auth/verify-email", data={"token": token})
        assert answer.status_code == status
        assert said in answer.text
        assert answer.headers["content-type"].startswith("text/html")


async def test_what_a_link_carries_is_shown_as_text(stage: Stage):
    page = await stage.visitor().get(
        "/api/v1/auth/verify-email", params={"token": '"><script>alert(1)</script>'}
    )
    assert "<script>" not in page.text


async def test_registering_says_the_same_for_known_and_unknown_addresses(stage: Stage):
    """predecessor 7.3: enumeration through a 409 of register."""
    _, first = await _register(stage)
    _, second = await _register(stage)
    _, third = await _register(stage, "bob@example.org")
    assert first.content == second.content == third.content
    assert first.status_code == second.status_code == third.status_code


async def test_asking_for_letters_says_the_same_for_any_address(stage: Stage):
    client, _ = await _register(stage)
    for path in ("request-password-reset", "resend-verification"):
        answers = [
            await client.post(f"/api/v1/auth/{path}", json={"email": email})
            for email in ("ada@example.org", "nobody@example.org")
        ]
        assert {each.status_code for each in answers} == {202}
        assert answers[0].content == answers[1].content


async def test_a_wrong_password_and_an_unknown_address_say_the_same(stage: Stage):
    client, _ = await _register(stage)
    answers = [
        await _login(client, email, "not the password")
        for email in ("ada@example.org", "nobody@example.org")
    ]
    bodies = [each.json()["error"] for each in answers]
    for body in bodies:
        assert body.pop("correlation_id")
    assert bodies[0] == bodies[1]
    assert {each.status_code for each in answers} == {401}


async def test_the_sixth_wrong_password_waits_and_says_how_long(stage: Stage):
    await _register(stage)
    stranger = stage.visitor(ip="203.0.113.9")
    for _ in range(5):
        assert (await _login(stranger, password="wrong one")).status_code == 401
    refused = await _login(stranger)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "too_many_attempts"
    assert 800 < int(refused.headers["retry-after"]) <= 900


async def test_nobody_is_locked_out_of_a_browser_that_signed_in_before(stage: Stage):
    """predecessor 7.3: lockout of anybody by their e-mail address."""
    client, _ = await _register(stage)
    assert (await _login(client)).status_code == 200
    stranger = stage.visitor(ip="203.0.113.9")
    for _ in range(6):
        await _login(stranger, password="wrong one")
    assert (await _login(stranger)).status_code == 429
    assert (await _login(client)).status_code == 200


async def test_a_sign_in_is_renewed_by_its_cookie(stage: Stage):
    client, _ = await _register(stage)
    first = await _login(client)
    cookie = first.headers["set-cookie"].lower()
    assert "nova_refresh=" in cookie
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie
    before = client.cookies["nova_refresh"]
    renewed = await client.post(REFRESH)
    assert renewed.status_code == 200
    assert client.cookies["nova_refresh"] != before
    assert renewed.json()["refresh_token"] is None


async def test_over_tls_the_cookie_can_be_set_by_nobody_else(stage: Stage):
    await _register(stage)
    client = stage.visitor(base_url="https://localhost")
    answer = await _login(client)
    cookies = answer.headers.get_list("set-cookie")
    assert {each.partition("=")[0] for each in cookies} == {
        "__Host-nova_refresh",
        "__Host-nova_device",
    }
    for each in cookies:
        assert "Secure" in each
        assert "HttpOnly" in each
        assert "Domain" not in each
    assert (await client.post(REFRESH)).status_code == 200


async def test_a_program_renews_by_the_token_itself(stage: Stage):
    client, _ = await _register(stage)
    await _login(client)
    token = client.cookies["nova_refresh"]
    program = stage.visitor()
    answer = await program.post(REFRESH, json={"refresh_token": token})
    assert answer.json()["refresh_token"] not in {None, token}
    assert "set-cookie" not in answer.headers


async def test_tabs_that_renew_at_once_get_the_same_successor_and_keep_their_cookie(stage: Stage):
    client, _ = await _register(stage)
    await _login(client)
    token = client.cookies["nova_refresh"]
    tabs = [stage.visitor(cookies={"nova_refresh": token}) for _ in range(2)]
    answers = [await each.post(REFRESH) for each in tabs]
    assert [each.status_code for each in answers] == [200, 200]
    successors = {each.cookies["nova_refresh"] for each in answers}
    assert len(successors) == 1
    assert token not in successors


async def test_a_failed_renewal_leaves_the_cookie_alone(stage: Stage):
    """peers d5: a tab that lost must not sign the others out."""
    client = stage.visitor(cookies={"nova_refresh": "x" * 43})
    answer = await client.post(REFRESH)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_signing_out_ends_the_sign_in_on_the_server(stage: Stage):
    """predecessor 7.3: no refresh revocation."""
    client, _ = await _register(stage)
    access = (await _login(client)).json()["access_token"]
    token = client.cookies["nova_refresh"]
    answer = await client.post("/api/v1/auth/logout")
    assert answer.status_code == 204
    assert "nova_refresh" not in client.cookies
    program = stage.visitor()
    assert (await program.post(REFRESH, json={"refresh_token": token})).status_code == 401
    assert (await stage.visitor().post("/api/v1/auth/logout")).status_code == 204
    bearer = {"Authorization": f"Bearer {access}"}
    assert (await program.get("/api/v1/account", headers=bearer)).status_code == 401


async def test_sign_ins_are_listed_and_ended_one_by_one(stage: Stage):
    here = await stage.person()
    elsewhere = stage.visitor(headers={"User-Agent": "Elsewhere/1"})
    assert (await _login(elsewhere, here.email)).status_code == 200
    listed = (await here.client.get("/api/v1/auth/sessions")).json()["sessions"]
    assert [each["is_current"] for each in listed].count(True) == 1
    other = next(each for each in listed if each["user_agent"] == "Elsewhere/1")
    ended = await here.client.delete(f"/api/v1/auth/sessions/{other['id']}")
    assert ended.status_code == 204
    assert (await elsewhere.post(REFRESH)).status_code == 401
    again = await here.client.delete(f"/api/v1/auth/sessions/{other['id']}")
    assert again.json()["error"]["code"] == "session_not_found"


async def test_nobody_ends_the_sign_in_of_another(stage: Stage):
    one, two = await stage.person(), await stage.person()
    listed = (await one.client.get("/api/v1/auth/sessions")).json()["sessions"]
    answer = await two.client.delete(f"/api/v1/auth/sessions/{listed[0]['id']}")
    assert answer.status_code == 404
    assert (await one.client.get("/api/v1/account")).status_code == 200


async def test_a_lost_password_is_replaced_by_letter(stage: Stage):
    client, _ = await _register(stage)
    await client.post("/api/v1/auth/request-password-reset", json={"email": "ada@example.org"})
    token = await token_of(stage, "reset")
    page = await client.get("/api/v1/auth/reset-password", params={"token": token})
    assert 'type="password"' in page.text
    weak = await client.post(
        "/api/v1/auth/reset-password", data={"token": token, "password": "password1"}
    )
    assert weak.status_code == 409
    assert "Many people use this password" in weak.text
    done = await client.post(
        "/api/v1/auth/reset-password", json={"token": token, "password": "a new long phrase"}
    )
    assert done.status_code == 200
    assert (await _login(client, password="a new long phrase")).status_code == 200


async def test_a_weak_password_is_refused_with_the_reason(stage: Stage):
    client = stage.visitor()
    body = {"email": "ada@example.org", "password": "short"}
    short = await client.post(REGISTER, json=body)
    assert short.status_code == 400
    assert short.json()["error"]["fields"][0]["path"] == "body.password"
    for password, reason in (("Password1", "common"), ("ada@example.org", "personal")):
        answer = await client.post(REGISTER, json=body | {"password": password})
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "password_weak"
        assert answer.json()["error"]["reason"] == reason


async def test_anybody_can_check_our_tokens_with_the_published_keys(stage: Stage):
    person = await stage.person()
    keys = (await stage.visitor().get("/api/v1/auth/keys")).json()["keys"]
    header = json.loads(urlsafe_b64decode(person.access_token.partition(".")[0] + "=="))
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert [(each["kid"], each["alg"]) for each in keys] == [(header["kid"], "EdDSA")]
    assert all("d" not in each for each in keys)
