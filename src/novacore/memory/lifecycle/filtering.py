"""Which memories a listing lets through, and where one page ends and the next begins."""

from collections.abc import Callable

from novacore.memory.config import Config
from novacore.memory.errors import MemoryInvalid
from novacore.memory.lifecycle import checking, rules
from novacore.memory.lifecycle.fold import Record
from novacore.memory.lifecycle.model import Filter


def matcher(wanted: Filter, *, now_us: int, config: Config) -> Callable[[Record], bool]:
    text = wanted.text.casefold()
    tags = set(checking.clean_tags(wanted.tags))

    def matches(record: Record) -> bool:
        memory = record.memory
        return (
            (not wanted.types or memory.type in wanted.types)
            and (not wanted.terms or memory.term in wanted.terms)
            and (wanted.agent is None or memory.agent == wanted.agent)
            and (wanted.project is None or memory.project == wanted.project)
            and (wanted.is_pinned is None or memory.is_pinned == wanted.is_pinned)
            and memory.confidence >= wanted.confidence_min
            and (wanted.since_us is None or record.created_at_us >= wanted.since_us)
            and (wanted.until_us is None or record.created_at_us < wanted.until_us)
            and tags.issubset(memory.tags)
            and (not text or text in memory.text.casefold())
            and (
                not wanted.session_id
                or any(source.session_id == wanted.session_id for source in memory.sources)
            )
            and (
                not wanted.states
                or rules.state_at(record, now_us=now_us, config=config) in wanted.states
            )
        )

    return matches


def place(record: Record) -> tuple[int, int]:
    """Where it stands in a listing: by its time, then by its place in the journal."""
    return record.created_at_us, record.first_position


def read_cursor(after: str) -> tuple[int, int] | None:
    """The place that a text names; None: the beginning."""
    if not after:
        return None
    at, _, position = after.partition(":")
    if not at.isdecimal() or not position.isdecimal():
        raise MemoryInvalid(f"{after!r} is no place in a listing.", field="after")
    return int(at), int(position)


def write_cursor(record: Record) -> str:
    """The place of a memory in a listing, as text."""
    return f"{record.created_at_us}:{record.first_position}"
