"""The models that a server answers with."""

import urllib.parse
from typing import Final

import msgspec

from novacore import settings
from novacore.remote import errors
from novacore.remote.channel import HTTPChannel

_DEFAULT: Final = "default"


class ServedModel(msgspec.Struct, kw_only=True, frozen=True):
    """A model on a server."""

    id: str
    """What requests call it."""
    context_window: int = 0
    """Input and output that fit in one request, in tokens; 0: not told."""
    max_output_tokens: int = 0
    """The most of one answer, in tokens; 0: not told."""


def find_model(
    url: str, key: str, *, name: str = "", config: settings.RemoteConfig | None = None
) -> ServedModel:
    """A model of a server by its name there.

    Args:
        url: the server's address.
        key: an API key with the scope `models`.
        name: what the server calls it; empty: the one that it uses by default.
        config: how patient to be; None: the defaults.

    Raises:
        KeyRefused, AccessRefused: the server does not take the key.
        ServerStrange: there is no such model, or something else answers there.
        ServerAway, ServerBusy: the server can't be reached now.
    """
    channel = HTTPChannel(url, key, config=config or settings.RemoteConfig(), root="v1")
    try:
        path = f"models/{urllib.parse.quote(name or _DEFAULT, safe='')}"
        return msgspec.json.decode(channel.ask("GET", path), type=ServedModel)
    except (msgspec.DecodeError, ValueError) as error:
        raise errors.ServerStrange(f"{channel.url} is no NovaCore server.") from error
    finally:
        channel.close()
