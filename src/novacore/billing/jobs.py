"""What the writer's thread does: each kind of job, and the order of kinds within a transaction."""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, ClassVar

from novacore.billing.model import Admission, StoredReply
from novacore.billing.usage import Usage, Watermark


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class _Job:
    rank: ClassVar[int]
    is_patient: bool = False
    future: Future[Any] = dataclasses.field(default_factory=Future)


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Settle(_Job):
    """Write usage entries into the ledger: first, for it frees what was set aside."""

    rank = 0
    usages: Sequence[Usage]
    watermark: Watermark | None


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Release(_Job):
    """Close a hold whose call was never made."""

    rank = 1
    hold_id: str


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Renew(_Job):
    """Say that a call is still running."""

    rank = 2
    hold_id: str
    output_tokens_seen: int


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Keep(_Job):
    """Keep the reply of a finished request."""

    rank = 3
    hold_id: str
    reply: StoredReply


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Admit(_Job):
    """Grant a hold, or refuse."""

    rank = 4
    admission: Admission


def account_ids(jobs: Sequence[Any]) -> tuple[set[str], set[str]]:
    """The accounts that are admitted, and those that are settled."""
    admitted: set[str] = set()
    settled: set[str] = set()
    for job in jobs:
        if isinstance(job, Admit):
            admitted.add(job.admission.account_id)
        elif isinstance(job, Settle):
            settled |= {usage.account_id for usage in job.usages}
    return admitted, settled
