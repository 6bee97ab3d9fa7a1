"""The routes, one module for each noun; a module that is not in this table serves nothing."""

import fastapi

from novacore.gateway.routes import health, store, usage

ROUTERS: tuple[fastapi.APIRouter, ...] = (health.router, store.router, usage.router)
