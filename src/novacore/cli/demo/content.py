"""What the people of the demonstration talk about: always the same, from a seed."""

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

TURNS: Final = 369
"""Questions of the long conversation; with their answers 738 messages."""
_FILE: Final = Path(__file__).with_name("talks.toml")
_SEED: Final = 738


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is remembered of the long conversation."""

    text: str
    type: str
    confidence: float


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """A shorter conversation, its title, and how it is kept."""

    title: str
    turns: tuple[tuple[str, str], ...]
    """(question, answer) each."""
    is_pinned: bool = False
    is_archived: bool = False


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is said."""

    title: str
    """Of the long conversation."""
    asked: tuple[str, ...]
    openings: tuple[str, ...]
    bodies: tuple[str, ...]
    endings: tuple[str, ...]
    beds: tuple[str, ...]
    plants: tuple[str, ...]
    parts: tuple[str, ...]
    days: tuple[str, ...]
    vendors: tuple[str, ...]
    memories: tuple[Remembered, ...]
    talks: tuple[Talk, ...]

    def long_talk(self) -> Iterator[tuple[str, str]]:
        """The turns of the long conversation, in order: (question, answer) each."""
        chance = random.Random(_SEED)
        for number in range(TURNS):
            facts = self._facts(chance)
            bodies: Sequence[str] = chance.sample(self.bodies, chance.randint(1, 2))
            parts = [chance.choice(self.openings), *bodies, chance.choice(self.endings)]
            asked = self.asked[number % len(self.asked)]
            yield _told(asked, facts), "\n\n".join(_told(part, facts) for part in parts)

    def _facts(self, chance: random.Random) -> dict[str, Any]:
        litres = round(chance.uniform(0.4, 6.0), 1)
        return {
            "bed": chance.choice(self.beds),
            "plants": chance.choice(self.plants),
            "part": chance.choice(self.parts),
            "day": chance.choice(self.days),
            "vendor": chance.choice(self.vendors),
            "degrees": chance.randint(4, 34),
            "number": chance.randint(12, 480),
            "count": chance.randint(2, 12),
            "minutes": chance.choice((5, 10, 15, 30, 45)),
            "times": chance.randint(2, 5),
            "litres": litres,
            "half": round(litres / 2, 1),
        }


def read() -> Content:
    """What the file beside this module holds."""
    return msgspec.convert(tomllib.loads(_FILE.read_text("utf-8")), Content)


def _told(text: str, facts: Mapping[str, Any]) -> str:
    return text.format(**facts).strip()
