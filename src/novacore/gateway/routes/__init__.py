"""The routes, one module for each noun; a module that is not in this table serves nothing."""

import fastapi

from novacore.gateway.routes import (
    account,
    admin_users,
    agents,
    api_keys,
    auth,
    exports,
    health,
    models,
    openapi,
    outbox,
    sessions,
    status,
    store,
    streams,
    turns,
    usage,
    web,
)

ROUTERS: tuple[fastapi.APIRouter, ...] = (
    account.router,
    admin_users.router,
    agents.router,
    api_keys.router,
    auth.router,
    exports.router,
    health.router,
    models.router,
    openapi.router,
    outbox.router,
    sessions.router,
    status.router,
    store.router,
    streams.router,
    turns.router,
    usage.router,
    # Takes every path that is left.
    web.router,
)
