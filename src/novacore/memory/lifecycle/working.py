"""Working memory: the newest turns of a session, read from its transcript. It is stored nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from novacore import journal, llm
from novacore.memory.config import Config

_MINUTE_US = 60 * 1_000_000


@dataclass(frozen=True, kw_only=True)
class WorkingMemory:
    """What a session's last turns hold."""

    turns: tuple[tuple[journal.Message, ...], ...] = ()
    """Turns, oldest first; each begins with what the user said."""
    expires_at_us: int = 0
    """When it fades unless the session goes on, µs UTC; 0: there is none."""

    @property
    def messages(self) -> Sequence[journal.Message]:
        """All messages of these turns, oldest first."""
        return [message for turn in self.turns for message in turn]


def working_memory(
    transcript: journal.Transcript, *, now_us: int, config: Config | None = None
) -> WorkingMemory:
    """The last `memory.working_turns` turns of a session, unless it has rested too long.

    Each new message lets it live for `memory.short_minutes` more. The transcript keeps everything.

    Args:
        transcript: the session as it is now.
        now_us: the time, µs UTC.
        config: how many turns and minutes; None: the defaults.

    Cost: it reads from the end, no further than these turns.
    """
    config = config or Config()
    if not len(transcript):
        return WorkingMemory()
    last = transcript.entry_at(len(transcript) - 1)
    expires_at_us = last.recorded_at_us + config.short_minutes * _MINUTE_US
    if expires_at_us <= now_us:
        return WorkingMemory()
    turns: list[tuple[journal.Message, ...]] = []
    turn: list[journal.Message] = []
    for index in range(len(transcript) - 1, -1, -1):
        message = transcript[index]
        turn.append(message)
        if llm.read_message(message.fields).role == "user":
            turns.append(tuple(reversed(turn)))
            turn = []
            if len(turns) == config.working_turns:
                break
    if turn:
        turns.append(tuple(reversed(turn)))
    return WorkingMemory(turns=tuple(reversed(turns)), expires_at_us=expires_at_us)
