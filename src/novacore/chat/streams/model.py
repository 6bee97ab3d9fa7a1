"""What a stream log takes and gives, and where its copies lie."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

TERMINAL: Final = frozenset({"done", "error"})
"""Events that end a stream; it has exactly one of them, as its last."""
STEP: Final = "step"
"""An event of the log itself, that no client is sent: a model call with its hold begins."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StreamEvent:
    """One event of a stream."""

    id: int
    """Its place in the stream, from 1; rises by one."""
    name: str
    """start, recall, view, delta, thinking, notice, done, error …"""
    data: Mapping[str, Any]
    """A JSON object."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StreamHead:
    """What is known of a stream from its start."""

    stream: str
    """Its id: 128 random bits or more, so that it can't be guessed."""
    account: str
    """Whose it is."""
    session: str
    """The session that is answered in."""
    started_at_us: int
    """When, µs UTC."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A look into a stream's log."""

    events: Sequence[StreamEvent]
    """Those behind the place that was asked for, in order."""
    is_alive: bool
    """False: its producer has ended or died, and nothing more will come."""


class Mirror(Protocol):
    """Where the logs of all workers lie, apart from what each holds in memory.

    Nothing is promised to survive the machine; all of it survives the process that wrote it. Ten
    minutes after its last event a log is forgotten. Errors are `StreamsUnavailable`.
    """

    async def create(self, head: StreamHead) -> None:
        """A stream begins; this process is its producer, and alive as long as it says so."""
        ...

    def creating(self, head: StreamHead) -> Callable[[], None] | None:
        """What `create` does, for a thread that is busy with the turn anyway; None: await that."""
        ...

    async def write(
        self, events: Mapping[str, Sequence[StreamEvent]], *, ended: Collection[str] = ()
    ) -> None:
        """Add events to the logs of streams that this process produces.

        Args:
            events: by stream.
            ended: the producer is done with these: from now on nobody is alive.
        """
        ...

    async def beat(self, streams: Sequence[str]) -> frozenset[str]:
        """Say that their producer lives; returns those that were asked to stop."""
        ...

    async def find(self, stream: str) -> StreamHead | None:
        """Its head; None: there is none, or it was forgotten."""
        ...

    async def read(self, stream: str, *, after: int, wait_s: float) -> Read:
        """Its events after `after`; waits up to `wait_s` where there are none yet."""
        ...

    async def ask_stop(self, stream: str) -> None:
        """Ask its producer, whichever process that is, to stop."""
        ...

    async def heads(self) -> list[StreamHead]:
        """Every stream that is not forgotten."""
        ...

    async def erase(self, streams: Sequence[str]) -> None:
        """Forget these now."""
        ...

    async def aclose(self) -> None:
        """Let go of files and connections."""
        ...
