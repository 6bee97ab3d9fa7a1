"""Facts from a session's messages by rules alone: no model, the same answer every time.

What the owner states is read from user messages; what assistants and tools say is not, except how
commands ended. Marked recalled text is never read.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, cast

from novacore import journal, llm
from novacore.memory.facts import guards, outcomes, patterns, sentences
from novacore.memory.facts.finding import Finding

RULES = "rules-1"
"""Names these rules in the journal; another name reads every session again."""
TEXT_CHARS_MAX = 10_000
"""Of a longer message only the beginning is read: what follows is mostly pasted."""


class Reader:
    """Reads entries in order and gives what they state.

    It remembers commands that wait for their result, so that a result in a later batch still
    counts while the same reader goes on.
    """

    def __init__(self) -> None:
        self._waiting: list[outcomes.Command] = []

    def read(self, entries: Iterable[journal.Entry]) -> list[Finding]:
        """What these entries state, in their order."""
        found: list[Finding] = []
        for entry in entries:
            if entry.kind == journal.MESSAGE and not entry.is_erased:
                found += self._read(entry)
        return found

    def _read(self, entry: journal.Entry) -> list[Finding]:
        fields = entry.body.fields
        if not isinstance(fields, dict):
            return []
        reading = llm.read_message(cast("dict[str, Any]", fields))
        found: list[Finding] = []
        if reading.role == "user":
            found += stated_in(reading.text)
        if reading.tool_results:
            found += outcomes.outcomes_of(reading, self._waiting)
        if reading.role == "assistant":
            self._waiting = outcomes.commands_of(reading)
        return [
            dataclasses.replace(
                each,
                position=entry.position,
                entry_id=entry.id,
                said_at_us=entry.said_at_us,
            )
            for each in found
        ]


def stated_in(text: str) -> list[Finding]:
    """What a person's message states, with the place of each sentence in it."""
    text = text[:TEXT_CHARS_MAX]
    if guards.is_others_text(text):
        return []
    return [
        dataclasses.replace(finding, start=sentence.start, end=sentence.end)
        for sentence in sentences.split(text)
        if guards.is_statement(sentence)
        for finding in patterns.find(sentence.text)
    ]
