"""What engines and projections are made from: settings, a folder, the clock, an embedder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from novacore.kit import Clock
from novacore.tiers.config import Config


class Embedder(Protocol):
    """Turns texts into vectors; equal texts always give equal vectors under one identity."""

    @property
    def identity(self) -> str:
        """The model and everything that changes what it gives."""
        ...

    @property
    def dimensions(self) -> int:
        """Numbers in one vector."""
        ...

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One vector per text, as float32 in little-endian order.

        Raises:
            NovaError: of kind UNAVAILABLE where the model does not answer.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """What one tier's engine and projection are made from. Making either connects to nothing."""

    config: Config
    """The limits and the servers' addresses."""
    folder: Path
    """A folder of this tier's own within the data directory; it may not exist yet."""
    clock: Clock
    """The time, for what a projection forgets."""
    embedder: Embedder | None = None
    """None: there is none, and the vector tier can't project."""
