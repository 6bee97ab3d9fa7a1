"""Work behind the request: letters, exports, deletions and schedules, durable and done once.

A room that causes something puts a row into the outbox in its own transaction; here it becomes a
workflow under the row's id, which a crash interrupts and does not lose. It knows the rooms by the
platform alone. Start with `start`; read carrying.py for what "once" means.
"""

from novacore.workers.errors import WorkError, WorkFailed, WorkRunning, WorkUnknown, WorkUnsound
from novacore.workers.model import DeadLetter, Executor, Run, WorkStatus
from novacore.workers.starting import Workers, get_status, retry_dead, start

__all__ = [
    "DeadLetter",
    "Executor",
    "Run",
    "WorkError",
    "WorkFailed",
    "WorkRunning",
    "WorkStatus",
    "WorkUnknown",
    "WorkUnsound",
    "Workers",
    "get_status",
    "retry_dead",
    "start",
]
