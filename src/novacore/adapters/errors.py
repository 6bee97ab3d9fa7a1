"""What can go wrong at the border to another framework.

NovaError
└── AdapterError
    ├── ExtraMissing        REFUSED      the framework is not installed
    ├── ConfigIncomplete    REFUSED      a config names no thread, or no checkpoint
    ├── NameTooLong         REFUSED      a thread, a namespace or a session has too long a name
    ├── ThreadTaken         REFUSED      a copy's target holds checkpoints already
    ├── ValueErased         REFUSED      a part of what is asked for was erased
    ├── ArgumentsInvalid    REFUSED      a tool was called with what its schema does not allow
    ├── AddressInvalid      REFUSED      an address that can't be listened on
    ├── TokenExposed        REFUSED      the file with the server's key may be read by others
    └── ThreadBusy          UNAVAILABLE  others kept writing to a thread that was to be rewritten
"""

from pathlib import Path

from novacore.kit import ErrorKind, NovaError


class AdapterError(NovaError):
    """Another framework asked for something that can't be done."""


class ExtraMissing(AdapterError, ImportError):
    """The framework that this adapter serves is not installed."""

    def __init__(self, extra: str, *, module: str | None) -> None:
        super().__init__(
            f"The adapter novacore.adapters.{extra.replace('-', '_')} needs {module or extra}.",
            hint=f"Install it: pip install 'novacore[{extra}]'.",
        )
        self.extra = extra


class ConfigIncomplete(AdapterError):
    """A config lacks what says where to read or write."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The config names no {key}.", hint=f'Pass {{"configurable": {{"{key}": …}}}}.'
        )
        self.key = key


class NameTooLong(AdapterError):
    """A name is longer than a session's name may be."""

    def __init__(self, what: str, *, size_bytes: int, bytes_max: int) -> None:
        super().__init__(
            f"The {what} has {size_bytes} bytes; at most {bytes_max}.",
            hint="Use a shorter name, a hash of it for instance.",
        )
        self.size_bytes = size_bytes
        self.bytes_max = bytes_max


class ThreadTaken(AdapterError):
    """The target of a copy holds checkpoints already; nothing was copied."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(
            f"Thread {thread_id!r} holds checkpoints already; nothing was copied.",
            hint="Copy to a new thread, or delete this one first.",
        )
        self.thread_id = thread_id


class ValueErased(AdapterError):
    """A part of what is asked for was erased from the journal."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was erased from the journal.")


class ThreadBusy(AdapterError):
    """Others kept writing to a thread that was to be rewritten; it is as it was."""

    kind = ErrorKind.UNAVAILABLE

    def __init__(self, thread_id: str) -> None:
        super().__init__(
            f"Others kept writing to thread {thread_id!r} while it was to be rewritten.",
            hint="It is as it was; try again when its run has ended.",
        )
        self.thread_id = thread_id


class ArgumentsInvalid(AdapterError):
    """A tool was called with arguments that its schema does not allow."""

    def __init__(self, tool: str, what: str) -> None:
        super().__init__(f"{tool}: {what.rstrip('.')}.")
        self.tool = tool


class AddressInvalid(AdapterError):
    """An address can't be listened on."""

    def __init__(self, address: str, *, reason: str = "") -> None:
        super().__init__(
            f"{address} can't be listened on: {reason}."
            if reason
            else f"{address!r} is no address.",
            hint="Write it as HOST:PORT, 127.0.0.1:8091 for instance; port 0 is a free one.",
        )
        self.address = address


class TokenExposed(AdapterError):
    """The file with the server's key is of no use, or others may read it."""

    def __init__(self, path: Path, *, is_empty: bool = False) -> None:
        super().__init__(
            f"The token file {path} is empty." if is_empty else f"Others may read {path}.",
            hint="Delete it; a new one is made at the next start.",
        )
        self.path = path
