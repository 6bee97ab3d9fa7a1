"""The gateway: HTTP as a way in. One app: the API, the model routes, the web app, and their edge.

It decides nothing that a room decides; it checks what comes from outside, asks the rooms, and tells
what they say. Start with `create_app`; `edge` shows what happens to each request.
"""

from novacore.gateway.app import Gateway, create_app
from novacore.gateway.errors import GatewayError

__all__ = ["Gateway", "GatewayError", "create_app"]
