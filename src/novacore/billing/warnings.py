"""Mails at 80 and 100 percent of a day's limit, each once a day, written with what caused them."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy

from novacore import database, kit
from novacore.billing.errors import QuotaSpent
from novacore.billing.model import ResourceUse

KIND: Final = "mail"


class Warnings:
    """Puts mails in the outbox. Their ids are made of account, day and limit: each goes once."""

    def __init__(self, *, percent: int) -> None:
        self._percent = percent

    def counted(
        self,
        connection: sqlalchemy.Connection,
        account_id: str,
        changes: Sequence[tuple[int, ResourceUse]],
        *,
        day: str,
        now_us: int,
    ) -> None:
        """Tell of each limit that what was just counted has crossed.

        Args:
            connection: of the transaction that counted.
            account_id: whose limits.
            changes: what was used before, and what is used now.
                day: the UTC day that was counted on.
            now_us: the database's time.
        """
        for before, use in changes:
            crossed = self._crossed(before, use)
            if crossed:
                self._tell(connection, account_id, use, percent=crossed, day=day, now_us=now_us)

    def refused(
        self,
        connection: sqlalchemy.Connection,
        account_id: str,
        refusal: QuotaSpent,
        *,
        day: str,
        now_us: int,
    ) -> None:
        """Tell that a day's limit leaves too little, where no running call may give some back."""
        is_daily = refusal.resets_at_us is not None
        if refusal.held or not refusal.limit or refusal.scope != "account" or not is_daily:
            return
        use = ResourceUse(
            resource=refusal.resource,
            used=refusal.used,
            held=0,
            limit=refusal.limit,
            resets_at_us=refusal.resets_at_us,
        )
        self._tell(connection, account_id, use, percent=100, day=day, now_us=now_us)

    def _crossed(self, before: int, use: ResourceUse) -> int:
        """The highest mark between what was used before and what is used now; 0: none."""
        if not use.limit:
            return 0
        for percent in (100, self._percent):
            mark = use.limit * percent
            if before * 100 < mark <= use.used * 100:
                return percent
        return 0

    def _tell(
        self,
        connection: sqlalchemy.Connection,
        account_id: str,
        use: ResourceUse,
        *,
        percent: int,
        day: str,
        now_us: int,
    ) -> None:
        key = str(kit.derived_id("usage-mail", account_id, day, use.resource, str(percent)))
        payload = {
            "template": "limit_100" if percent == 100 else "limit_80",
            "account_id": account_id,
            "params": {
                "resource": use.resource,
                "used": use.used,
                "limit": use.limit,
                "resets_at_us": use.resets_at_us,
            },
        }
        database.put(connection, KIND, payload=payload, now_us=now_us, id=key)
