"""Titles: the first words of a conversation at once, then better ones from the model."""

import contextlib
import re
from collections.abc import Sequence
from typing import Final

from novacore import billing, kit, llm
from novacore.chat.calls_model import Caller
from novacore.chat.metering import Metering

PURPOSE: Final = "title"
_WORDS_MAX: Final = 8
_CHARS_MAX: Final = 60
_QUOTED_CHARS: Final = 600
_TOKENS_WANTED: Final = 24
_MARKS: Final = re.compile(r"(\*\*|\*|`)(\S(?:.*?\S)?)\1")
"""Markdown's bold, italic and code: a title is shown as it is, so its marks would be too."""
_AROUND: Final = "\"'«»“”*# "
_TOLD: Final = (
    "Name the conversation that the user quotes in at most six words, in its own language. Answer "
    "with the name only, without quotation marks."
)


def words_of(text: str) -> str:
    """A title from the first words of what was said."""
    words = text.split()
    title = " ".join(words[:_WORDS_MAX])
    if len(title) > _CHARS_MAX:
        title = title[:_CHARS_MAX].rsplit(" ", 1)[0]
    is_cut = len(title) < len(" ".join(words))
    return f"{title} …" if is_cut else title


def cleaned(answer: str) -> str:
    """A model's answer as a title; empty where it gave none."""
    line = next((each.strip() for each in answer.splitlines() if each.strip()), "")
    plain = _MARKS.sub(r"\2", line)
    return plain.strip(_AROUND).removesuffix(".").strip(_AROUND)[:_CHARS_MAX].strip()


async def title_by_model(
    said: Sequence[str], *, model: llm.Model, name: str, metering: Metering, caller: Caller
) -> str:
    """A title from the model, under a hold of its own; empty where there is no room, or no answer.

    Args:
        said: what was said first, the question and its answer.
        model: who answers.
        name: what the catalog calls it.
        metering: counts the call.
        caller: who pays.
    """
    quoted = "\n\n".join(each[:_QUOTED_CHARS] for each in said)
    talk = model.conversation(system=_TOLD)
    talk.extend([{"role": "user", "content": f"<conversation>\n{quoted}\n</conversation>"}])
    admission = billing.Admission(
        account_id=caller.account_id,
        purpose=PURPOSE,
        model=name,
        input_tokens=talk.tokens,
        output_tokens_max=model.info.output_tokens_max,
        output_tokens_wanted=_TOKENS_WANTED,
        agent_id=caller.agent_id,
        agent_tokens_per_day=caller.agent_tokens_per_day,
        key_id=caller.key_id,
        key_tokens_per_day=caller.key_tokens_per_day,
    )
    # No room for it, or a model that fails: the first words do.
    with contextlib.suppress(kit.NovaError):
        async with metering.call(admission) as call:
            call.sent()
            finished = await _answer(
                model, talk.body(output_tokens_max=call.hold.output_tokens_max)
            )
            outcome = "broken" if finished.is_partial else "done"
            await call.finish(finished.usage, outcome=outcome, provider=model.info.provider)
            return cleaned(llm.read_message(finished.message).text)
    return ""


async def _answer(model: llm.Model, body: bytes) -> llm.Finished:
    stream = model.stream(body)
    async with contextlib.aclosing(stream):
        async for event in stream:
            if isinstance(event, llm.Finished):
                return event
    return stream.partial()
