"""What is known about work behind the request: plain data."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

WAITING: Final = "waiting"
CLAIMED: Final = "claimed"
DONE: Final = "done"
DEAD: Final = "dead"

NONE: Final = "none"
RUNNING: Final = "running"
FAILED: Final = "failed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """A row of the outbox that this process may start."""

    id: str
    kind: str
    attempts: int
    """How often it was tried in vain."""

    @property
    def workflow(self) -> str:
        """The id of the workflow that carries it out: the row's own, then one for each retry."""
        return self.id if not self.attempts else f"{self.id}.{self.attempts}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What a step is told."""

    id: str
    """The outbox row's id, or the run's."""
    kind: str
    payload: Mapping[str, Any]
    correlation_id: str = ""
    """Of the request that caused it; empty: none did."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Executor:
    """A process that carries out work."""

    id: str
    version: str
    """Which version of the workflows it runs."""
    host: str
    pid: int
    started_at_us: int
    beat_at_us: int
    """When it last said that it lives, by the database's clock."""
    is_alive: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """A schedule and its last run."""

    name: str
    state: str
    """none: no data yet; running; done; failed."""
    due_at_us: int
    """The moment of the schedule that the run was for."""
    next_at_us: int
    attempts: int
    began_at_us: int | None
    ended_at_us: int | None
    done_at_us: int | None
    """When a run last came to a good end; None: no data."""
    told: str
    """What it did, or what went wrong."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """Work that was given up; it is kept, and can be tried again."""

    id: str
    kind: str
    attempts: int
    created_at_us: int
    problem: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export:
    """All that is kept of an account, in one file that waits to be fetched."""

    id: str
    made_at_us: int
    expires_at_us: int
    size_bytes: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkStatus:
    """How work behind the request stands."""

    state: str
    """ok, degraded (something failed or is late), down (work waits and nobody does it), no data."""
    waiting: int
    """Rows that wait or are being carried out."""
    oldest_age_us: int | None
    """How long the oldest of them has been due; None: there is none."""
    retrying: int
    """Rows among them that were tried in vain at least once."""
    dead: int
    """Rows that were given up."""
    problem: str
    """What the last of those that were tried in vain said; empty: nothing."""
    executors: tuple[Executor, ...]
    runs: tuple[Run, ...]
