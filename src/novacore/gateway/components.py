"""How each part of the server stands: looked at rarely, told often, honest where nothing is known.

A part is looked at when somebody asks and the last look is old; many who ask at once wait for one
look. A look that takes too long is itself the answer.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

from novacore import kit

State = Literal["operational", "degraded", "down", "off", "permissive", "no data"]
NO_DATA: Final = "no data"
_FRESH_S = 5.0
_LOOK_S = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What was seen of a part."""

    state: State
    text: str = ""
    """In words, for people; names no secret and nobody."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """A part and how it stood when it was last looked at."""

    name: str
    state: State
    text: str
    looked_at_us: int | None
    """None: nobody looked yet."""


Probe = Callable[[], Awaitable[Look]]
"""Looks at one part; may fail, may take long."""


class Watch:
    """Looks at the parts of the server.

    Args:
        probes: what looks at each, in the order in which they are told.
        vital: those without which no request can be answered.
        clock: the time.
    """

    def __init__(
        self, probes: Mapping[str, Probe], *, vital: frozenset[str], clock: kit.Clock
    ) -> None:
        self._probes = dict(probes)
        self._vital = vital
        self._clock = clock
        self._known: dict[str, tuple[Look, int, float]] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}

    async def components(self) -> list[Component]:
        """How all parts stand, none older than a few seconds."""
        await asyncio.gather(*(self._fresh(name) for name in self._probes))
        return [self._told(name) for name in self._probes]

    def known(self) -> list[Component]:
        """How all parts stood when they were last looked at."""
        return [self._told(name) for name in self._probes]

    async def failing(self) -> list[str]:
        """The parts that requests need and that are down."""
        names = [name for name in self._probes if name in self._vital]
        await asyncio.gather(*(self._fresh(name) for name in names))
        return [name for name in names if self._told(name).state == "down"]

    def _told(self, name: str) -> Component:
        look, at_us, _ = self._known.get(name, (Look(state=NO_DATA), None, 0.0))
        return Component(name=name, state=look.state, text=look.text, looked_at_us=at_us)

    async def _fresh(self, name: str) -> None:
        known = self._known.get(name)
        if known is not None and self._clock.monotonic_s() < known[2]:
            return
        task = self._looking.get(name)
        if task is None:
            task = self._looking[name] = asyncio.create_task(self._look(name))
            task.add_done_callback(lambda _: self._looking.pop(name, None))
        await asyncio.shield(task)

    async def _look(self, name: str) -> None:
        try:
            async with asyncio.timeout(_LOOK_S):
                look = await self._probes[name]()
        except TimeoutError:
            look = Look(state="down", text=f"did not answer within {_LOOK_S:g} s")
        except kit.NovaError as error:
            is_ours = error.kind is kit.ErrorKind.REFUSED
            look = Look(state="degraded" if is_ours else "down", text=kit.redacted(error.message))
        until_s = self._clock.monotonic_s() + _FRESH_S
        self._known[name] = (look, self._clock.now_us(), until_s)


def overall(components: list[Component]) -> State:
    """How the server stands as a whole: as its worst part that is known."""
    states = {each.state for each in components}
    if "down" in states:
        return "down"
    return "degraded" if "degraded" in states else "operational"
