"""One tier in this process: its projection and its engine, made when first asked for."""

import threading
from collections.abc import Callable

from novacore.kit import NovaError
from novacore.tiers.tier import Engine, Projection


class Slot:
    """A tier's projection and engine. An engine is called by one thread at a time: hold `lock`.

    Args:
        tier: its name.
        engine_name: the engine's name in the settings.
        make_projection: makes the projection.
        make_engine: makes the engine.
    """

    def __init__(
        self,
        tier: str,
        *,
        engine_name: str,
        make_projection: Callable[[], Projection],
        make_engine: Callable[[], Engine],
    ) -> None:
        self.tier = tier
        self.engine_name = engine_name
        self.lock = threading.RLock()
        self._make_projection = make_projection
        self._make_engine = make_engine
        self._projection: Projection | None = None
        self._engine: Engine | None = None

    @property
    def lock_name(self) -> str:
        """The lock over all processes that its projector holds."""
        return f"tier-{self.tier}"

    @property
    def wanted_name(self) -> str:
        """The lock that asks its projector to give way; see `wanted`."""
        return f"tier-{self.tier}-wanted"

    @property
    def projection(self) -> Projection:
        """The tier's projection."""
        with self.lock:
            if self._projection is None:
                self._projection = self._make_projection()
            return self._projection

    @property
    def engine(self) -> Engine:
        """The tier's engine."""
        with self.lock:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine

    @property
    def tested_with(self) -> str:
        """What the engine was tested with; empty also where it can't be made here."""
        try:
            return self.engine.tested_with
        except NovaError:
            return ""

    def close(self) -> None:
        """Close the engine, if it was made. Idempotent."""
        with self.lock:
            if self._engine is not None:
                self._engine.close()
