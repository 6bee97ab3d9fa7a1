"""What a memory's fields may hold."""

import math
import unicodedata
from collections.abc import Iterable, Sequence

from novacore.memory.config import Config
from novacore.memory.errors import MemoryInvalid
from novacore.memory.lifecycle.model import MEMORY_TYPES, TERMS, Memory

_TAG_CHARS_MAX = 100
_NAME_CHARS_MAX = 300
_OUTCOMES = ("", "success", "failure", "neutral")


def check(memory: Memory, config: Config) -> None:
    """Compare every field with what it may hold.

    Raises:
        MemoryInvalid: names the field and what was expected.
    """
    if not memory.text.strip():
        raise MemoryInvalid("A memory's text is empty.", field="text")
    size = len(memory.text.encode("utf-8", "surrogatepass"))
    if size > config.text_bytes_max:
        raise MemoryInvalid(
            f"A memory's text has {size:,} bytes; at most {config.text_bytes_max:,} "
            "(memory.text_bytes_max).",
            field="text",
            hint="Keep the long text in a session and remember what matters of it.",
        )
    _one_of("type", memory.type, MEMORY_TYPES)
    _one_of("term", memory.term, TERMS)
    _one_of("outcome", memory.outcome, _OUTCOMES)
    _between("confidence", memory.confidence, low=0.0)
    _between("emotional_weight", memory.emotional_weight, low=-1.0)
    for field in ("agent", "project"):
        if len(getattr(memory, field)) > _NAME_CHARS_MAX:
            raise MemoryInvalid(f"{field} has over {_NAME_CHARS_MAX} characters.", field=field)
    _at_most("tags", len(memory.tags), config.tags_max)
    _at_most("sources", len(memory.sources), config.sources_max)


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: lower case, without a `#`, each once, sorted.

    Raises:
        MemoryInvalid: one is empty or too long.
    """
    found: set[str] = set()
    for tag in tags:
        clean = " ".join(unicodedata.normalize("NFC", tag).casefold().split()).lstrip("#")
        if not clean or len(clean) > _TAG_CHARS_MAX:
            raise MemoryInvalid(
                f"{tag[:40]!r} is no tag; a tag has 1 to {_TAG_CHARS_MAX} characters.", field="tags"
            )
        found.add(clean)
    return tuple(sorted(found))


def clean_agents(agents: Iterable[str], *, without: str) -> tuple[str, ...]:
    """Names of agents, each once, sorted.

    Raises:
        MemoryInvalid: one is empty or too long.
    """
    found = {agent.strip() for agent in agents} - {without}
    if any(not agent or len(agent) > _NAME_CHARS_MAX for agent in found):
        raise MemoryInvalid("An agent's name is empty or too long.", field="shared_with")
    return tuple(sorted(found))


def _one_of(field: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        names = ", ".join(each for each in allowed if each)
        raise MemoryInvalid(f"There is no {field} {value!r}; it is one of {names}.", field=field)


def _between(field: str, value: float, *, low: float) -> None:
    if not math.isfinite(value) or not low <= value <= 1.0:
        raise MemoryInvalid(f"{field} is {value}; expected {low:g} to 1.", field=field)


def _at_most(field: str, count: int, limit: int) -> None:
    if count > limit:
        raise MemoryInvalid(f"A memory has {count} {field}; at most {limit}.", field=field)
