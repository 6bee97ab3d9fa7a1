"""What can go wrong on the way to a server.

NovaError
├── journal.StorageFailed
│   ├── ServerAway      UNAVAILABLE  no connection, or it was lost
│   └── ServerBusy      UNAVAILABLE  it answers, but not now
└── RemoteError
    ├── AddressInvalid  REFUSED      that is no address of a server
    ├── KeyRefused      REFUSED      the server does not take the key
    ├── AccessRefused   REFUSED      the key may not do this
    └── ServerStrange   REFUSED      something else answers at that address
"""

from novacore import journal, kit


class ServerAway(journal.StorageFailed):
    """The server can't be reached."""

    def __init__(self, url: str, *, why: str) -> None:
        super().__init__(
            f"The server {url} can't be reached: {why}.",
            hint="Is it running, and the address right? What was sent is stored once, or not at "
            "all; the same entries with the same ids may be sent again.",
        )
        self.url = url
        self.why = why


class ServerBusy(journal.StorageFailed):
    """The server can't do it now."""

    def __init__(self, message: str = "", *, hint: str = "", retry_after_s: int = 1) -> None:
        super().__init__(message, hint=hint or f"Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class RemoteError(kit.NovaError):
    """A server did not do what was asked."""


class AddressInvalid(RemoteError):
    """That is no address of a server."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url!r} is no address of a server.", hint="Write it as https://nova.example.org."
        )
        self.url = url


class KeyRefused(RemoteError):
    """The server does not take this key."""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(
            message,
            hint=hint
            or "Make a key in the browser under API keys, or on the server with "
            "`nova users create EMAIL --api-key`.",
        )


class AccessRefused(RemoteError):
    """This key may not do that."""


class ServerStrange(RemoteError):
    """Something else than a NovaCore server of a like version answers at that address."""
