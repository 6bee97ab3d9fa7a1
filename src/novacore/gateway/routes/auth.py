"""Registering, confirming an address, signing in and out, and a lost password."""

from typing import Annotated

import fastapi
import pydantic
from starlette.responses import HTMLResponse, Response

from novacore import identity
from novacore.gateway import errors, form_pages
from novacore.gateway.dependencies import Answer, Body, Client, ClientFacts, Serving
from novacore.gateway.facts import DEVICE_COOKIE, edge_of
from novacore.gateway.problem_schema import documented
from novacore.gateway.routes.people import (
    AccountAnswer,
    Email,
    Id,
    Notice,
    Password,
    PasswordNow,
    SignedInHere,
    account_answer,
    client_of,
)
from novacore.gateway.services import Services

router = fastapi.APIRouter(prefix="/api/v1/auth", tags=["auth"])

REFRESH_COOKIE = "nova_refresh"
"""The cookie of a sign-in; `__Host-` stands before it where TLS is used."""
_DEVICE_S = 400 * 86_400

Secret = Annotated[str, pydantic.Field(min_length=1, max_length=200)]


class Registration(Body):
    """Who wants an account."""

    email: Email
    password: Password
    name: str = pydantic.Field(default="", max_length=200)
    invitation: str = pydantic.Field(
        default="", max_length=200, description="From the link of a letter"
    )


class Credentials(Body):
    """Address and password."""

    email: Email
    password: PasswordNow


class TokenGiven(Body):
    """The secret of a mailed link."""

    token: Secret = pydantic.Field(examples=["the secret of the link"])


class AddressGiven(Body):
    """An address."""

    email: Email


class AddressWanted(Body):
    """An address; none: that of who is signed in."""

    email: Email | None = None


class NewPassword(Body):
    """A new password with the secret of a mailed link."""

    token: Secret
    password: Password


class RefreshGiven(Body):
    """A refresh token; none: that of the cookie."""

    refresh_token: Secret | None = pydantic.Field(None, examples=["what signing in returned"])


class AccessGranted(Answer):
    """A sign-in, or its renewal. The refresh token is in a cookie."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a kind
    expires_in_s: int
    account: AccountAnswer
    refresh_token: str | None = pydantic.Field(
        default=None, description="Only where the old one was given in the body"
    )


class SignInAnswer(Answer):
    """A sign-in that is good now."""

    id: str
    is_current: bool = pydantic.Field(description="It is the one that asks")
    created_at_us: int
    last_used_at_us: int
    expires_at_us: int
    ip: str
    user_agent: str


class SignInList(Answer):
    """Sign-ins, the last used first."""

    sessions: list[SignInAnswer]


class KeySet(Answer):
    """A JSON Web Key Set."""

    keys: list[dict[str, str]]


@router.post(
    "/register",
    status_code=202,
    operation_id="register",
    responses=documented(400, 403, 409, 429),
)
async def register(body: Registration, client: Client, serving: Serving) -> Notice:
    """Make an account. The answer is the same whether the address had one or not."""
    await serving.run(
        serving.platform.identity.accounts.register,
        body.email,
        password=body.password,
        name=body.name,
        invitation=body.invitation,
        client=client_of(client),
    )
    return Notice(message="Look into your mail: a letter is on its way to you.")


@router.get("/verify-email", operation_id="verify_email_page", response_class=HTMLResponse)
async def verify_email_page(token: Annotated[str, fastapi.Query(max_length=200)] = "") -> Response:
    """A page with a button that confirms the address; looking at it confirms nothing."""
    return form_pages.verify_form(token)


@router.post(
    "/verify-email",
    operation_id="verify_email",
    response_model=AccountAnswer,
    responses=form_pages.also_html(documented(400, 404), 200, 404),
    openapi_extra=form_pages.described(TokenGiven),
)
async def verify_email(request: fastapi.Request, serving: Serving) -> Response | AccountAnswer:
    """Confirm an address with the token of a letter. It works once."""
    body, is_form = await form_pages.read(request, TokenGiven)
    try:
        account = await serving.run(serving.platform.identity.accounts.verify, body.token)
    except identity.LinkInvalid as error:
        if is_form:
            return form_pages.failed(error)
        raise
    if is_form:
        return form_pages.verified(account.email)
    return await account_answer(serving, account)


@router.post(
    "/resend-verification",
    status_code=202,
    operation_id="resend_verification",
    responses=documented(400, 401, 429),
)
async def resend_verification(
    request: fastapi.Request, client: Client, serving: Serving, body: AddressWanted | None = None
) -> Notice:
    """Have the letter with the link sent again, to an address or to who is signed in."""
    email = body.email if body is not None else None
    if email is None:
        email = edge_of(request.scope).require(may_be_unverified=True).email
    await serving.run(
        serving.platform.identity.accounts.ask_verification, email, client=client_of(client)
    )
    return Notice(message="If this address waits to be confirmed, a letter is on its way.")


@router.post(
    "/login",
    operation_id="login",
    responses=documented(400, 401, 403, 429, 503),
)
async def login(
    body: Credentials, client: Client, serving: Serving, response: Response
) -> AccessGranted:
    """Sign in. The refresh token is set as a cookie that scripts can't read."""
    signed_in = await serving.run(
        serving.platform.identity.sessions.sign_in,
        body.email,
        password=body.password,
        client=client_of(client),
    )
    _set_cookies(response, signed_in, client=client)
    return await _granted(serving, signed_in)


@router.post("/refresh", operation_id="refresh", responses=documented(400, 401))
async def refresh(
    client: Client, serving: Serving, response: Response, body: RefreshGiven | None = None
) -> AccessGranted:
    """Renew a sign-in: a new access token, and the successor of the refresh token."""
    given = body.refresh_token if body is not None else None
    token = given or client.cookie(REFRESH_COOKIE)
    if not token:
        raise errors.CredentialMissing
    # A failure leaves the cookie alone: another tab may have been given the successor.
    signed_in = await serving.run(serving.platform.identity.sessions.refresh, token)
    if given is None:
        _set_cookies(response, signed_in, client=client)
    answer = await _granted(serving, signed_in)
    if given is not None:
        answer.refresh_token = signed_in.refresh_token
    return answer


@router.post("/logout", status_code=204, operation_id="logout")
async def logout(request: fastapi.Request, client: Client, serving: Serving) -> Response:
    """End this sign-in, here and in the database. Without one nothing happens."""
    principal = edge_of(request.scope).principal
    await serving.run(
        serving.platform.identity.sessions.sign_out,
        refresh_token=client.cookie(REFRESH_COOKIE),
        session_id=(principal and principal.session_id) or "",
    )
    response = Response(status_code=204)
    response.delete_cookie(
        cookie_name(REFRESH_COOKIE, client),
        path="/",
        secure=client.is_https,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/sessions", operation_id="list_sign_ins", responses=documented(401, 403))
async def list_sign_ins(principal: SignedInHere, serving: Serving) -> SignInList:
    """The places where this account is signed in."""
    found = await serving.run(serving.platform.identity.sessions.list, principal.account_id)
    return SignInList(
        sessions=[
            SignInAnswer(
                id=each.id,
                is_current=each.id == principal.session_id,
                created_at_us=each.created_at_us,
                last_used_at_us=each.last_used_at_us,
                expires_at_us=each.expires_at_us,
                ip=each.ip,
                user_agent=each.user_agent,
            )
            for each in found
        ]
    )


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    operation_id="revoke_sign_in",
    responses=documented(401, 403, 404),
)
async def revoke_sign_in(session_id: Id, principal: SignedInHere, serving: Serving) -> Response:
    """End one sign-in; within a second its tokens are refused."""
    await serving.run(serving.platform.identity.sessions.revoke, principal.account_id, session_id)
    return Response(status_code=204)


@router.post(
    "/request-password-reset",
    status_code=202,
    operation_id="request_password_reset",
    responses=documented(400, 429),
)
async def request_password_reset(body: AddressGiven, client: Client, serving: Serving) -> Notice:
    """Have a link mailed that sets a new password. The answer is the same for any address."""
    await serving.run(
        serving.platform.identity.accounts.ask_reset, body.email, client=client_of(client)
    )
    return Notice(message="If this address has an account, a letter is on its way.")


@router.get("/reset-password", operation_id="reset_password_page", response_class=HTMLResponse)
async def reset_password_page(
    token: Annotated[str, fastapi.Query(max_length=200)] = "",
) -> Response:
    """A page that asks for a new password."""
    return form_pages.reset_form(token)


@router.post(
    "/reset-password",
    operation_id="reset_password",
    response_model=Notice,
    responses=form_pages.also_html(documented(400, 404, 409), 200, 404, 409),
    openapi_extra=form_pages.described(NewPassword),
)
async def reset_password(
    request: fastapi.Request, client: Client, serving: Serving
) -> Response | Notice:
    """Set a new password with the token of a letter. It works once; every sign-in ends."""
    body, is_form = await form_pages.read(request, NewPassword)
    try:
        await serving.run(
            serving.platform.identity.accounts.reset_password,
            body.token,
            password=body.password,
            client=client_of(client),
        )
    except identity.PasswordWeak as error:
        if is_form:
            return form_pages.reset_form(body.token, problem=error.message)
        raise
    except identity.LinkInvalid as error:
        if is_form:
            return form_pages.failed(error)
        raise
    if is_form:
        return form_pages.reset_done()
    return Notice(message="The new password holds. Sign in with it.")


@router.get("/keys", operation_id="list_signing_keys")
async def list_signing_keys(serving: Serving) -> KeySet:
    """The public keys by which anybody can check an access token (a JSON Web Key Set)."""
    return KeySet(keys=await serving.run(serving.platform.identity.published_keys))


def cookie_name(name: str, client: ClientFacts) -> str:
    """A cookie's name: where TLS is used one that no other host and no plain page can set."""
    return f"__Host-{name}" if client.is_https else name


async def _granted(serving: Services, signed_in: identity.SignedIn) -> AccessGranted:
    return AccessGranted(
        access_token=signed_in.access_token,
        expires_in_s=signed_in.expires_in_s,
        account=await account_answer(serving, signed_in.account),
    )


def _set_cookies(response: Response, signed_in: identity.SignedIn, *, client: ClientFacts) -> None:
    lives_s = min(signed_in.session_expires_in_s, _DEVICE_S)
    cookies = {REFRESH_COOKIE: (signed_in.refresh_token, lives_s)}
    if signed_in.device_token:
        cookies[DEVICE_COOKIE] = signed_in.device_token, _DEVICE_S
    for name, (value, age_s) in cookies.items():
        response.set_cookie(
            cookie_name(name, client),
            value,
            max_age=age_s,
            path="/",
            secure=client.is_https,
            httponly=True,
            samesite="lax",
        )
