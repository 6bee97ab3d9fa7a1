"""Facts that a language model finds, where there is one. It is never needed, and never believed.

Each answer must quote a sentence that stands in a message, word for word, and say nothing that the
sentence doesn't; whatever else it says is dropped and counted.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from novacore import journal, llm
from novacore.memory.facts import guards, sentences
from novacore.memory.facts.facts import Extracted, Facts, readable
from novacore.memory.facts.finding import USER, Finding
from novacore.memory.facts.predicates import topic_of

MODEL: Final = "model-1"
"""Names this way of reading in the journal."""
PASSAGES_MAX: Final = 200
"""So many sentences are shown to the model at once."""

Ask = Callable[[str], Awaitable[str]]
"""Sends a prompt to a model and gives its answer's text."""

_TASK: Final = (
    "Below are numbered sentences that a user wrote. List the lasting facts that the user states "
    "about themselves, people close to them, or the work: names, places, dates, preferences, "
    "decisions. Leave out questions, wishes, guesses, what others said, and what holds only for a "
    "moment. Answer with a JSON array and nothing else; each item is "
    '{"sentence": NUMBER, "subject": "user" or words of the sentence, "predicate": "a few words", '
    '"object": "words of the sentence"}. Answer [] where there are none.\n\n'
)
_WORD: Final = re.compile(r"\w+")
_PART_CHARS_MAX: Final = 200
_CONFIDENCE: Final = 0.75


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence that a model may find facts in."""

    sentence: sentences.Sentence
    entry: journal.Entry


async def extract_by_model(facts: Facts, session: journal.Session, *, ask: Ask) -> Extracted:
    """Read what a session says since the model last read it, and record what holds up.

    Args:
        facts: where they go.
        session: what is read.
        ask: the model.

    Raises:
        SessionUnknown: the session was erased.
        NovaError: what `ask` raises; what was read until then is recorded.
    """
    transcript = session.open()
    start = facts.read_until(session.id, by=MODEL)
    passages = passages_of(readable(transcript, start, transcript.position))
    added: list[str] = []
    closed: list[str] = []
    refused = 0
    for first in range(0, len(passages), PASSAGES_MAX):
        part = passages[first : first + PASSAGES_MAX]
        found, bad = read_answer(await ask(prompt_for(part)), part)
        is_last = first + PASSAGES_MAX >= len(passages)
        until = transcript.position if is_last else passages[first + PASSAGES_MAX].entry.position
        done = facts.add(found, session=session, by=MODEL, until=until)
        added += done.added
        closed += done.closed
        refused += bad
    return Extracted(
        added=tuple(added),
        closed=tuple(closed),
        entries=transcript.position - start,
        refused=refused,
    )


def passages_of(entries: Sequence[journal.Entry]) -> list[Passage]:
    """The sentences of users' messages that state something in their own words."""
    found: list[Passage] = []
    for entry in entries:
        fields = entry.body.fields
        if entry.kind != journal.MESSAGE or entry.is_erased or not isinstance(fields, dict):
            continue
        reading = llm.read_message(cast("dict[str, Any]", fields))
        if reading.role != "user" or guards.is_others_text(reading.text):
            continue
        found += [
            Passage(sentence, entry)
            for sentence in sentences.split(reading.text)
            if guards.is_statement(sentence)
        ]
    return found


def prompt_for(passages: Sequence[Passage]) -> str:
    """What the model is asked."""
    lines = (f"{number}. {each.sentence.text}" for number, each in enumerate(passages, 1))
    return _TASK + "\n".join(lines)


def read_answer(answer: str, passages: Sequence[Passage]) -> tuple[list[Finding], int]:
    """What a model's answer holds up to: the findings, and how many items were dropped."""
    begin, end = answer.find("["), answer.rfind("]")
    if begin < 0 or end < begin:
        return [], 1
    try:
        items = json.loads(answer[begin : end + 1])
    except (ValueError, RecursionError):
        return [], 1
    found = [_finding(item, passages) for item in items]
    good = [each for each in found if each is not None]
    good.sort(key=lambda each: (each.position, each.start))
    return good, len(found) - len(good)


def _finding(item: Any, passages: Sequence[Passage]) -> Finding | None:
    if not isinstance(item, dict):
        return None
    fields = cast("Mapping[str, Any]", item)
    number = fields.get("sentence")
    if not isinstance(number, int) or not 1 <= number <= len(passages):
        return None
    passage = passages[number - 1]
    subject, predicate, said = (_part(fields, name) for name in ("subject", "predicate", "object"))
    quote = passage.sentence.text
    if not (subject and predicate and said) or not _stands_in(said, quote):
        return None
    if subject != USER and not _stands_in(subject.removeprefix("user's "), quote):
        return None
    if guards.is_denial(quote) and not guards.is_denial(predicate) and predicate != "dislikes":
        return None
    return Finding(
        subject=subject,
        predicate=predicate,
        object=said,
        text=f"{subject} {predicate} {said}.",
        topic=topic_of(predicate, said),
        confidence=_CONFIDENCE,
        tags=("model",),
        position=passage.entry.position,
        entry_id=passage.entry.id,
        said_at_us=passage.entry.said_at_us,
        start=passage.sentence.start,
        end=passage.sentence.end,
    )


def _part(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > _PART_CHARS_MAX:
        return ""
    return " ".join(value.split())


def _stands_in(text: str, quote: str) -> bool:
    """Whether every word of a text is a word of the quotation."""
    words = set(_WORD.findall(text.casefold()))
    return bool(words) and words <= set(_WORD.findall(quote.casefold()))
