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

# In the order in which a request's path is looked for: what is asked for most comes first.
ROUTERS: tuple[fastapi.APIRouter, ...] = (
    sessions.router,
    turns.router,
    usage.router,
    streams.router,
    store.router,
    auth.router,
    account.router,
    api_keys.router,
    agents.router,
    exports.router,
    models.router,
    health.router,
    status.router,
    openapi.router,
    outbox.router,
    admin_users.router,
    # Takes every path that is left.
    web.router,
)
