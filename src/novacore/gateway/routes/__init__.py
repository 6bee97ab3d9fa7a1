"""The routes, one module for each noun; a module that is not in this table serves nothing."""

import fastapi

from novacore.gateway.routes import (
    account,
    admin_users,
    agents,
    api_keys,
    auth,
    health,
    openapi,
    outbox,
    status,
    store,
    usage,
    web,
)

ROUTERS: tuple[fastapi.APIRouter, ...] = (
    account.router,
    admin_users.router,
    agents.router,
    api_keys.router,
    auth.router,
    health.router,
    openapi.router,
    outbox.router,
    status.router,
    store.router,
    usage.router,
    # Takes every path that is left.
    web.router,
)
