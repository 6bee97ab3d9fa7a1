"""Bars for long work, drawn on a terminal and nowhere else."""

from types import TracebackType
from typing import Any, Self

from novacore.cli.console import Console


class Bars:
    """One bar per name. On what is no terminal, or a plain one, nothing is drawn."""

    def __init__(self, console: Console) -> None:
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}
        if console.is_terminal and not console.is_plain:
            # Loaded only where something is drawn.
            from rich import progress  # noqa: PLC0415 - as above
            from rich.console import Console as Screen  # noqa: PLC0415 - as above

            self._progress = progress.Progress(
                progress.TextColumn("{task.description:<12}"),
                progress.BarColumn(),
                progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
                progress.TimeRemainingColumn(),
                console=Screen(stderr=True, no_color=not console.has_color),
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, name: str, done: int, total: int) -> None:
        """Draw how far the work of that name is. May be called from any thread."""
        if self._progress is None:
            return
        task = self._tasks.get(name)
        if task is None:
            task = self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(task, completed=done, total=total)
