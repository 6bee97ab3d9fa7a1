"""The gateway: HTTP as a way in. One app: the API, the model routes, the web app, and their edge.

It decides nothing that a room decides; it checks what comes from outside, asks the rooms, and tells
what they say. Start with `create_app`; `edge` shows what happens to each request.
"""

from novacore.gateway.app import Gateway, create_app
from novacore.gateway.components import Look
from novacore.gateway.errors import GatewayError
from novacore.gateway.logs import logging_to_stderr
from novacore.gateway.server import Listening, listen, run_server

__all__ = [
    "Gateway",
    "GatewayError",
    "Listening",
    "Look",
    "create_app",
    "listen",
    "logging_to_stderr",
    "run_server",
]
