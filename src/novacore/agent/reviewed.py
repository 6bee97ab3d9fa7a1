"""One answer as far as a gate let it pass: what of it may be shown, and what may be journaled."""

import dataclasses

from novacore import journal, kit, llm
from novacore.agent.errors import GateRefused
from novacore.agent.gate import Gate
from novacore.agent.history import DECISION

_NOT_ASKED = "The rules for answers could not be asked."


class Reviewed:
    """Shows an answer to a gate, piece by piece, each before anybody sees it.

    Args:
        gate: asked where it reads answers.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._passed = ""
        self._is_whole = not gate.reads_answers
        self._seen = ""

    async def take(self, event: llm.Event) -> None:
        """Let an event pass.

        Raises:
            GateRefused: it may not be shown, and the answer ends here.
        """
        if not self._gate.reads_answers:
            return
        if isinstance(event, llm.TextDelta):
            await self._review(self._passed + event.text)
        elif isinstance(event, llm.Finished):
            text = llm.read_message(event.message).text
            if text != self._passed:
                # It came in one piece, or in blocks.
                await self._review(text)
            self._is_whole = True

    async def _review(self, text: str) -> None:
        self._seen = text
        try:
            verdict = await self._gate.review_answer(text)
        except kit.NovaError as error:
            raise GateRefused(_NOT_ASKED) from error
        if not verdict.is_allowed:
            raise GateRefused(verdict.reason, version=verdict.version)
        self._passed = text

    def kept(self, finished: llm.Finished) -> llm.Finished:
        """What of the answer may be journaled: no more of its text than passed."""
        if self._is_whole:
            return finished
        return dataclasses.replace(
            finished, message={"role": "assistant", "content": self._passed}, is_partial=True
        )

    def refused(self, finished: llm.Finished) -> llm.Finished:
        """The same, where the gate ended the answer."""
        return dataclasses.replace(self.kept(finished), stop_reason="refusal")

    def decision(self, error: GateRefused) -> journal.NewEntry:
        """The entry that tells of the refusal."""
        return refusal_entry(error.message, version=error.version, characters=len(self._seen))


def refusal_entry(reason: str, *, version: str, characters: int) -> journal.NewEntry:
    """The entry that tells why an answer was refused, and nothing of what was refused.

    Args:
        reason: in words for the person.
        version: of the rules that decided.
        characters: how much had come.
    """
    body = {
        "type": "policy",
        "about": "answer",
        "effect": "deny",
        "reason": reason,
        "rules": version,
        "characters": characters,
    }
    return journal.NewEntry(kind=DECISION, body=body)
