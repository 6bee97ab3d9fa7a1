"""Work behind the request: letters, exports, deletions and schedules, durable and done once.

A room that causes something puts a row into the outbox in its own transaction; here it becomes a
workflow under the row's id, which a crash interrupts and does not lose. It knows the rooms by the
platform alone. Start with `start`; read carrying.py for what "once" means.
"""

from typing import TYPE_CHECKING

from novacore import kit
from novacore.workers.errors import (
    ExportMissing,
    WorkError,
    WorkFailed,
    WorkRunning,
    WorkUnknown,
    WorkUnsound,
)
from novacore.workers.exporting import ask_for_export, find_export, list_exports
from novacore.workers.model import DeadLetter, Executor, Export, Run, WorkStatus

if TYPE_CHECKING:
    from novacore.workers.starting import Workers, get_status, retry_dead, start

__all__ = [
    "DeadLetter",
    "Executor",
    "Export",
    "ExportMissing",
    "Run",
    "WorkError",
    "WorkFailed",
    "WorkRunning",
    "WorkStatus",
    "WorkUnknown",
    "WorkUnsound",
    "Workers",
    "ask_for_export",
    "find_export",
    "get_status",
    "list_exports",
    "retry_dead",
    "start",
]

# What runs workflows is heavy: whoever only asks for an export does without.
__getattr__ = kit.late_names(
    __name__, {"starting": ["Workers", "get_status", "retry_dead", "start"]}
)
