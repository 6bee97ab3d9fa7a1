"""Carrying out one row of the outbox, or one run of a schedule, step by step.

A step's effect happens once as far as the world allows: a step that was noted as done is never done
again, and one that a crash interrupted is done again, which each step is made to bear (by ids that
are the same again, by compare-and-set, by looking first). Letters are the one effect outside: their
second copy has the Message-ID of the first.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from novacore import kit
from novacore.workers.durable import run_step
from novacore.workers.model import Claim, Job
from novacore.workers.store import OutboxStore

_log = logging.getLogger(__name__)


class Step(NamedTuple):
    """One step of a kind of work."""

    name: str
    """It is stored: rename it only with a new `VERSION`."""
    do: Callable[[Job], None]


Kinds = Mapping[str, Sequence[Step]]
"""The steps of each kind of work, in order."""


class Carrier:
    """Carries out rows of the outbox.

    Args:
        store: the outbox.
        kinds: what is known to be done.
    """

    def __init__(self, store: OutboxStore, kinds: Kinds) -> None:
        self._store = store
        self._kinds = kinds

    def carry(self, row_id: str, kind: str, attempts: int) -> None:
        """The workflow of a row."""
        claim = Claim(id=row_id, kind=kind, attempts=attempts)
        for step in self._kinds[kind]:
            outcome = run_step(step.name, self._try, row_id, step.do)
            if outcome:
                run_step("fail", self._fail, claim.id, kind, attempts, outcome)
                return
        run_step("finish", self._finish, claim.id, kind, attempts)

    def _try(self, row_id: str, do: Callable[[Job], None]) -> dict[str, Any]:
        job = self._store.find(row_id)
        if job is None:
            return {}
        with kit.tracing(kit.Trace(job.correlation_id or row_id)):
            return attempt(f"{job.kind} {row_id}", lambda: do(job))

    def _fail(self, row_id: str, kind: str, attempts: int, outcome: dict[str, Any]) -> None:
        claim = Claim(id=row_id, kind=kind, attempts=attempts)
        self._store.fail(claim, outcome["problem"], is_final=outcome["is_final"])

    def _finish(self, row_id: str, kind: str, attempts: int) -> None:
        self._store.finish(Claim(id=row_id, kind=kind, attempts=attempts))


def attempt(what: str, do: Callable[[], Any]) -> dict[str, Any]:
    """Do something, and tell what went wrong as plain data; nothing went wrong: an empty dict."""
    try:
        do()
    except kit.NovaError as error:
        is_final = error.kind is not kit.ErrorKind.UNAVAILABLE
        _log.warning("%s: %s", what, error.message)
        return {"problem": f"{type(error).__name__}: {error.message}", "is_final": is_final}
    except Exception as error:  # noqa: BLE001 - the edge of a process: recorded, tried again, shown
        _log.exception("%s failed", what)
        return {"problem": f"{type(error).__name__}: {error}", "is_final": False}
    return {}
