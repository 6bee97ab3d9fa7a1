"""A store on a NovaCore server, as if it were here: the same interface over HTTP.

It keeps nothing of its own but what waits for a server that is away. Start with `connect`.
"""

from novacore.remote.answers import decode_context, decode_hits, encode_context, encode_hits
from novacore.remote.errors import (
    AccessRefused,
    AddressInvalid,
    KeyRefused,
    RemoteError,
    ServerAway,
    ServerBusy,
    ServerStrange,
)
from novacore.remote.models import ServedModel, find_model
from novacore.remote.store import FORMAT, RemoteStore, connect

__all__ = [
    "FORMAT",
    "AccessRefused",
    "AddressInvalid",
    "KeyRefused",
    "RemoteError",
    "RemoteStore",
    "ServedModel",
    "ServerAway",
    "ServerBusy",
    "ServerStrange",
    "connect",
    "decode_context",
    "decode_hits",
    "encode_context",
    "encode_hits",
    "find_model",
]
