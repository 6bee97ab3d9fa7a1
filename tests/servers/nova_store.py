"""The store's routes on a loopback socket, for contract tests: keys open journals made by the test.

What checks keys, sets limits and counts is the real server's and has its own tests.
"""

import asyncio
import dataclasses
import threading
import types
import uuid
from typing import Any, Self, cast

import fastapi
import uvicorn
from starlette.requests import Request

from novacore import journal
from novacore.gateway.routes import store as routes
from novacore.gateway.services import Services


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opened:
    """What a key opens."""

    store: journal.JournalStore
    scope: journal.Scope


class StoreServer:
    """A server in this process, on a port of its own: `.url`. A context manager."""

    def __init__(self) -> None:
        self._keys: dict[str, Opened] = {}
        app = fastapi.FastAPI()
        app.include_router(routes.router)
        app.state.services = Services(types.SimpleNamespace(), threads_max=4, waiting_max=1_000)
        app.dependency_overrides[routes.owned] = self._owned
        app.dependency_overrides[routes.room_of] = lambda: _any_amount
        self._services = app.state.services
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_up = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            self._is_up.wait(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._services.close()

    def add(self, store: journal.JournalStore, scope: journal.Scope) -> str:
        """A key for one owner of a journal."""
        key = f"key-{uuid.uuid4()}"
        self._keys[key] = Opened(store=store, scope=scope)
        return key

    def _run(self) -> None:
        asyncio.run(self._server.serve())

    async def _owned(self, request: Request) -> Any:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        opened = self._keys.get(key)
        if opened is None:
            raise fastapi.HTTPException(401)
        services = cast("Services", request.app.state.services)
        return await services.run(opened.store.for_owner, opened.scope)


def _any_amount(_account_id: str, _size: int) -> None:
    """Plans have tests of their own."""
