"""DBOS, launched for this process: workflows under ids of ours, taken over when a process dies.

DBOS keeps what it knows in a database of its own (`workflows.db` in the data directory, or a schema
of the PostgreSQL database): which workflows began, where, and which of their steps were done. Only
ids, names and outcomes lie there; what a row says stays in the outbox. DBOS is one per process.
"""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy

from novacore.workers.errors import WorkRunning

VERSION: Final = "1"
"""The version of the workflows, raised by hand when steps are added, removed, renamed or moved.

A process finishes only workflows of its own version. Those of an older one are finished by older
processes while they live; then they are dropped, and their rows begin anew under this version."""

_NAME: Final = "novacore"
_SPARE_THREADS: Final = 4
"""DBOS runs a few duties of its own in the threads of workflows."""
_LISTED_MAX: Final = 1_000
OPEN: Final = ("PENDING", "ENQUEUED", "DELAYED")
"""The states of workflows that are still to come to an end."""

Workflow = Callable[..., None]
_lock = threading.Lock()


def _library() -> Any:
    import dbos  # noqa: PLC0415 - what it stands on starts a program when it is imported

    return dbos


def _plain_json() -> Any:
    """How DBOS stores what it stores: as JSON, so that reading it back can't run anything."""

    class PlainJSON(_library().Serializer):
        def serialize(self, data: Any) -> str:
            return json.dumps(data, default=str)

        def deserialize(self, serialized_data: str) -> Any:
            return json.loads(serialized_data)

        def name(self) -> str:
            return "novacore_json"

    return PlainJSON()


class Durable:
    """DBOS, from launch to stop.

    Args:
        engine: of the database that is DBOS's own.
        schema: the schema that it uses on PostgreSQL.
        executor: this process's id.
        workflows: functions by the name that they are stored under; their arguments are plain.
        concurrency: how many run at once.
    """

    def __init__(
        self,
        engine: sqlalchemy.Engine,
        *,
        schema: str,
        executor: str,
        workflows: dict[str, Workflow],
        concurrency: int,
    ) -> None:
        self._engine = engine
        self._schema = schema
        self._executor = executor
        self._workflows = workflows
        self._concurrency = concurrency
        self._registered: dict[str, Workflow] = {}
        self._dbos: Any = None

    def launch(self) -> None:
        """Begin; from now on workflows of dead processes that were handed back run here too.

        Raises:
            WorkRunning: DBOS runs in this process already.
        """
        if not _lock.acquire(blocking=False):
            raise WorkRunning
        try:
            self._launch()
        except BaseException:
            self._destroy()
            raise

    def _launch(self) -> None:
        # Ours are told by status and logs; DBOS's own lines would go to the console.
        logging.getLogger("dbos").handlers = [logging.NullHandler()]
        self._dbos = _library().DBOS
        self._dbos(
            config={
                "name": _NAME,
                "system_database_engine": self._engine,
                "dbos_system_schema": self._schema,
                "application_version": VERSION,
                "executor_id": self._executor,
                "serializer": _plain_json(),
                "enable_otlp": False,
                "log_level": "ERROR",
                "max_executor_threads": self._concurrency + _SPARE_THREADS,
                "use_listen_notify": False,
                # Nobody waits for DBOS's messages here; this is how long its end takes.
                "notification_listener_polling_interval_sec": 0.2,
            }
        )
        self._registered = {
            # DBOS tries a workflow again after a crash so often, then leaves it to us.
            name: self._dbos.workflow(name=name, max_recovery_attempts=20)(function)
            for name, function in self._workflows.items()
        }
        self._dbos.launch()

    def start(self, workflow_id: str, name: str, *arguments: Any) -> None:
        """Begin a workflow; one of this id that was begun already, anywhere, is left alone."""
        with _library().SetWorkflowID(workflow_id):
            self._dbos.start_workflow(self._registered[name], *arguments)

    def state_of(self, workflow_id: str) -> str | None:
        """How a workflow stands: PENDING, ENQUEUED, SUCCESS, ERROR …; None: it was never begun."""
        found = self._dbos.get_workflow_status(workflow_id)
        return None if found is None else found.status

    def take_over(self, alive: Sequence[str]) -> int:
        """Hand back what processes that are not alive had begun, for whoever is free; how much."""
        waiting = self._dbos.list_workflows(
            status="PENDING", app_version=VERSION, limit=_LISTED_MAX, load_input=False,
            load_output=False,
        )  # fmt: skip
        gone = {each.executor_id for each in waiting if each.executor_id not in alive}
        if not gone:
            return 0
        # Only this way in hands a workflow back if, and only if, the dead process still has it.
        handles = self._dbos._recover_pending_workflows(  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            sorted(each for each in gone if each)
        )
        return len(handles)

    def drop_older(self, versions: Sequence[str]) -> list[tuple[str, list[Any]]]:
        """Give up workflows of versions that no living process runs; their names and arguments."""
        left = [
            each
            for each in self._dbos.list_workflows(
                status=list(OPEN), limit=_LISTED_MAX, load_output=False
            )
            if each.app_version not in versions
        ]
        for each in left:
            self._dbos.cancel_workflow(each.workflow_id)
        return [(each.name, list((each.input or {}).get("args", ()))) for each in left]

    def forget(self, before_iso: str) -> int:
        """Remove what is known about workflows that ended before a time; how many."""
        ended = self._dbos.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
            completed_before=before_iso, limit=_LISTED_MAX, load_input=False, load_output=False,
        )  # fmt: skip
        if ended:
            self._dbos.delete_workflows([each.workflow_id for each in ended])
        return len(ended)

    def stop(self) -> None:
        """End. What still runs goes on elsewhere once this process counts as dead."""
        self._destroy()

    def _destroy(self) -> None:
        try:
            if self._dbos is not None:
                self._dbos.destroy(destroy_registry=True)
        finally:
            self._engine.dispose()
            _lock.release()


def run_step(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Within a workflow: do a step, or, where it was done before a crash, give what it gave."""
    return _library().DBOS.run_step({"name": name}, function, *arguments)
