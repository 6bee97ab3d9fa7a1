"""What the chat room needs of billing: holds before a call, settlement after it.

`billing.Billing` is one. The room is written against this protocol, so that a billing role in
another process needs no more than it says.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from novacore import billing


class Ledger(Protocol):
    """Holds and the ledger. Fails closed: without a hold there is no call."""

    def admit(self, admission: billing.Admission, /) -> Future[billing.Hold]:
        """Reserve a hold, durably; the future raises where there is no room.

        An account whose expired holds are in the way is refused with `HoldsExpired`.
        """
        ...

    def renew(self, hold_id: str, output_tokens: int, /) -> Future[Any]:
        """Prolong the lease, and note how much has come."""
        ...

    def release(self, hold_id: str, /) -> Future[Any]:
        """There was no call: open → released; nothing where it is closed."""
        ...

    def expired_holds(self, account_id: str | None, /) -> Sequence[billing.ExpiredHold]:
        """Open holds whose lease has run out, of one account or of all."""
        ...

    def settle(
        self,
        usages: Sequence[billing.Usage],
        /,
        *,
        watermark: billing.Watermark | None,
        is_urgent: bool,
    ) -> object:
        """Write ledger rows, counters and the watermark in one transaction; idempotent."""
        ...

    def watermark(self) -> billing.Watermark | None:
        """Up to where the journal is settled; None: nothing is."""
        ...
