"""The hold of a turn's first call: as large as what is sent, cut to what the plan leaves."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Final

from novacore import agent, billing, llm
from novacore.chat.calls_model import Caller
from novacore.chat.config import Config
from novacore.chat.desks import Desk
from novacore.chat.lineup import Lineup
from novacore.chat.metering import MeteredCall, Metering
from novacore.chat.model import Asked
from novacore.chat.reminding import NOTHING, Reminder, fitting

PURPOSE: Final = "chat"
_RECALLED_SHARE: Final = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Admitted:
    """A turn that has its hold."""

    call: MeteredCall
    reminder: Reminder
    """What of the reminder there was room for."""
    further: Callable[[str, int, llm.ModelInfo], billing.Admission]
    """Makes the admission of a further call of the turn: told purpose, input tokens and model."""


class Admitting:
    """Sizes requests to plans and limits.

    Args:
        metering: where holds come from.
        config: the shortest answer that is worth asking for.
    """

    def __init__(self, metering: Metering, *, config: Config) -> None:
        self._metering = metering
        self._config = config

    async def admit(
        self,
        caller: Caller,
        *,
        plan: billing.Plan,
        desk: Desk,
        asked: Asked,
        models: Lineup,
        reminder: Reminder,
        claim: billing.Claim | None,
    ) -> Admitted:
        """A hold for what the turn begins with.

        The conversation is cut, by a view, to what the plan lets one turn send. Where the day
        leaves less than that, the view is cut to what is left, and first of all the reminder; where
        not even the message and a short answer fit, the turn is refused.

        Raises:
            QuotaSpent: there is no room.
            ContextTooLarge: the message is larger than the model's window.
        """
        limit = plan.turn_input_tokens_max or 0

        def admission(
            purpose: str, tokens: int, *, model: llm.CatalogModel, is_first: bool
        ) -> billing.Admission:
            return billing.Admission(
                account_id=caller.account_id,
                purpose=purpose,
                model=model.name,
                input_tokens=tokens,
                output_tokens_max=model.output_tokens_max,
                output_tokens_min=min(self._config.output_tokens_min, model.output_tokens_max),
                messages=1 if is_first else 0,
                bytes_stored=len(asked.text) if is_first else 0,
                agent_id=caller.agent_id,
                agent_tokens_per_day=caller.agent_tokens_per_day,
                key_id=caller.key_id,
                key_tokens_per_day=caller.key_tokens_per_day,
                idempotency=claim if is_first else None,
            )

        def first(tokens: int) -> billing.Admission:
            # Whoever answers in the end may count more than the one that was asked.
            tokens = tokens * models.tokens_percent // 100
            return admission(PURPOSE, tokens, model=models.first, is_first=True)

        tokens, kept = await self._prepared(desk, asked, reminder, limit=limit)
        call = self._metering.call(first(tokens))
        try:
            await call.begin()
        except billing.QuotaSpent as spent:
            room = _left(spent) - self._config.output_tokens_min
            if spent.resource != "tokens" or room >= tokens or room <= 0:
                raise
            tokens, kept = await self._smaller(desk, asked, room=room, spent=spent)
            call = self._metering.call(first(tokens))
            await call.begin()

        def further(purpose: str, tokens: int, info: llm.ModelInfo) -> billing.Admission:
            told = PURPOSE if purpose == "answer" else purpose
            return admission(told, tokens, model=models.find(info), is_first=False)

        return Admitted(call=call, reminder=kept, further=further)

    async def _prepared(
        self, desk: Desk, asked: Asked, reminder: Reminder, *, limit: int
    ) -> tuple[int, Reminder]:
        """How many tokens the request has; a message above the plan's share goes alone."""
        if limit:
            reminder = fitting(reminder, tokens_max=limit // _RECALLED_SHARE)
        with contextlib.suppress(agent.ContextTooLarge):
            tokens = await desk.agent.prepare(
                asked.text, reminder=reminder.note, limit_tokens=limit
            )
            return tokens, reminder
        try:
            return await desk.agent.prepare(asked.text, limit_tokens=limit), NOTHING
        except agent.ContextTooLarge as error:
            if not limit:
                raise
            needed = error.needed_tokens
        return await desk.agent.prepare(asked.text, limit_tokens=needed), NOTHING

    async def _smaller(
        self, desk: Desk, asked: Asked, *, room: int, spent: billing.QuotaSpent
    ) -> tuple[int, Reminder]:
        # The margin that `prepare` adds must fit as well.
        try:
            tokens = await desk.agent.prepare(asked.text, limit_tokens=room * 96 // 100)
        except agent.ContextTooLarge:
            raise spent from None
        return tokens, NOTHING


def _left(spent: billing.QuotaSpent) -> int:
    return spent.limit - spent.used - spent.held
