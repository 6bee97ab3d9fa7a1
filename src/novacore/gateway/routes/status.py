"""How the server stands, part by part, and what is public about it."""

import datetime as dt
import html
from typing import Literal

import fastapi
import pydantic
from starlette.responses import JSONResponse, Response

from novacore.gateway.components import Component, State, overall
from novacore.gateway.dependencies import Answer
from novacore.gateway.pages import page, table

router = fastapi.APIRouter(tags=["status"])


class ComponentAnswer(Answer):
    """One part of the server."""

    name: str = pydantic.Field(examples=["journal"])
    state: State = pydantic.Field(description="`no data`: nothing is known of it yet")
    text: str = pydantic.Field(examples=["1,204 entries"])
    looked_at_us: int | None = pydantic.Field(description="µs UTC; null: nobody looked yet")


class StatusAnswer(Answer):
    """The server as a whole."""

    name: str = pydantic.Field(examples=["NovaCore"])
    version: str = pydantic.Field(examples=["0.3.0"])
    state: State = pydantic.Field(description="As its worst part that is known")
    components: list[ComponentAnswer]


class ConfigAnswer(Answer):
    """What a client needs to know before anybody signs in."""

    name: str = pydantic.Field(examples=["NovaCore"])
    public_url: str = pydantic.Field(examples=["https://nova.example.org"])
    registration: Literal["open", "invitation", "closed"]
    billing: Literal["on", "off"] = pydantic.Field(
        description="off: usage is counted, and only what an administrator set is limited"
    )


@router.get("/api/v1/status", operation_id="status_get", summary="How each part stands")
async def get_status(request: fastapi.Request) -> StatusAnswer:
    """Every part of the server, looked at within the last few seconds."""
    return await _status(request)


@router.api_route("/status", methods=["GET", "HEAD"], include_in_schema=False)
async def show_status(request: fastapi.Request) -> Response:
    """The same for people; as JSON where that is asked for."""
    status = await _status(request)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(status.model_dump())
    rows = [
        (html.escape(each.name), html.escape(each.state), html.escape(each.text), _seen(each))
        for each in status.components
    ]
    whole = f"<p>Version {html.escape(status.version)}: <strong>{status.state}</strong></p>"
    return page(
        f"{status.name}: status", whole + table(("Part", "State", "Details", "Looked at"), rows)
    )


@router.get("/api/v1/config", operation_id="config_get", summary="What is public")
async def get_config(request: fastapi.Request) -> ConfigAnswer:
    """The installation's name and address, who may register, and whether billing is on."""
    gateway = request.app.state.gateway
    platform = gateway.services.platform
    return ConfigAnswer(
        name=gateway.config.name,
        public_url=gateway.config.base_url,
        registration=platform.identity.registration,
        billing="on" if platform.billing.is_limited else "off",
    )


async def _status(request: fastapi.Request) -> StatusAnswer:
    gateway = request.app.state.gateway
    components: list[Component] = await gateway.watch.components()
    return StatusAnswer(
        name=gateway.config.name,
        version=gateway.version,
        state=overall(components),
        components=[ComponentAnswer.model_validate(each) for each in components],
    )


def _seen(component: ComponentAnswer) -> str:
    if component.looked_at_us is None:
        return "never"
    moment = dt.datetime.fromtimestamp(component.looked_at_us / 1_000_000, dt.UTC)
    return moment.strftime("%H:%M:%S UTC")
