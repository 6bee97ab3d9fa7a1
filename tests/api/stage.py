"""The whole app in this process: over a fresh data directory, with people who are signed in."""

import dataclasses
import itertools
from typing import Any

import httpx

from novacore import bootstrap, gateway, settings

PASSWORD = "four plain words here"
BASE_URL = "http://localhost:8080"


@dataclasses.dataclass
class Person:
    """Somebody with a browser: signed in, unless said otherwise."""

    email: str
    account_id: str
    client: httpx.AsyncClient
    access_token: str = ""

    def bearer(self) -> dict[str, str]:
        """The header that says who this is."""
        return {"Authorization": f"Bearer {self.access_token}"}


class Stage:
    """An app, its platform, and people."""

    def __init__(self, platform: Any, app: gateway.Gateway, *, provider: Any) -> None:
        self.platform = platform
        self.app = app
        self.provider = provider
        self._numbers = itertools.count(1)
        self._clients: list[httpx.AsyncClient] = []

    def visitor(self, *, ip: str = "127.0.0.1", **options: Any) -> httpx.AsyncClient:
        """Somebody who is not signed in, on the machine with this address."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(ip, 40_000)),
            base_url=options.pop("base_url", BASE_URL),
            **options,
        )
        self._clients.append(client)
        return client

    async def person(self, *, admin: bool = False, verified: bool = True, **options: Any) -> Person:
        """A fresh account, and somebody who signed in to it."""
        email = f"person-{next(self._numbers)}@example.org"
        run = self.app.services.run
        account = await run(
            self.platform.identity.administration.create,
            email,
            password=PASSWORD,
            is_admin=admin,
        )
        if not verified:
            await run(self.platform.identity.administration.update, account.id, is_verified=False)
        client = self.visitor(**options)
        answer = await client.post(
            "/api/v1/auth/login", json={"email": email, "password": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        return Person(email=email, account_id=account.id, client=client, access_token=token)

    async def key_of(self, person: Person, **options: Any) -> str:
        """A fresh API key of somebody's account."""
        made = await self.app.services.run(
            self.platform.identity.keys.create, person.account_id, name="test", **options
        )
        return made.secret

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients:
            await client.aclose()


def open_stage(chosen: settings.Settings, *, provider: Any) -> Stage:
    """The app over these settings; it does not run yet."""
    platform = bootstrap.open_platform(chosen, announce=lambda _line: None)
    return Stage(platform, gateway.create_app(platform), provider=provider)
