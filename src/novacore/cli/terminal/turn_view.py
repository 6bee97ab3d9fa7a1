"""Shows a turn while it happens: text as it streams, thinking dimmed, calls and results folded."""

import contextlib
import time
from collections.abc import Callable, Iterator

from novacore import agent, llm, settings
from novacore.cli import reading, text
from novacore.cli.console import Console
from novacore.cli.terminal import folds

_QUIET_S = 0.4
_INDENT = "  "


class TurnView:
    """Writes the events of one agent to a console, one turn after the other.

    Args:
        console: where the answer goes.
        aside: where everything else goes (thinking, calls, counts); the same or another console.
        config: how much is shown.
        kept: collects the calls, so that they can be shown whole later.
        whole: how a folded result is shown whole.
        now_s: a monotonic clock.
    """

    def __init__(
        self,
        console: Console,
        *,
        config: settings.CLIConfig,
        kept: folds.Folds,
        aside: Console | None = None,
        whole: str = "/expand {number}",
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._aside = aside or console
        self._config = config
        self._kept = kept
        self._whole = whole
        self._now_s = now_s
        self._mode = ""
        self._flow = text.Flow(0)
        self._status_shown = False
        self._is_waiting = False
        self._running: dict[str, str] = {}
        self._last_call = ""
        self.begin()

    def begin(self) -> None:
        """A turn begins: counts and time start at zero."""
        self._started_s = self._written_s = self._now_s()
        self._doing = "thinking"
        self._step: agent.StepStarted | None = None
        self._input_tokens = self._output_tokens = self._cached_tokens = 0
        self._estimated = False
        self._running.clear()

    @property
    def tokens(self) -> tuple[int, int]:
        """Input and output tokens of the turn so far."""
        return self._input_tokens, self._output_tokens

    def show(self, event: agent.AgentEvent) -> None:
        """Write what this event means to a reader."""
        match event:
            case agent.TextDelta():
                self._stream("text", event.text)
            case agent.ThinkingDelta():
                self._show_thinking(event.text)
            case agent.StepStarted():
                self._step, self._doing = event, "thinking"
            case agent.ToolCallDelta():
                self._doing = f"preparing {event.name}"
            case agent.ToolStarted():
                self._show_call(event.call)
                self._running[event.call.id] = event.call.name
                self._doing = "running " + ", ".join(self._running.values())
            case agent.ToolFinished():
                self._show_result(event)
            case agent.UsageNoted():
                self._count(event.usage)
            case agent.TurnFinished():
                self._show_end(event)
            case _:
                self._show_remark(event)

    def remark(self, line: str, *, style: str = "dim") -> None:
        """Write a line of our own between what the model says."""
        self.end_line()
        self._aside.line(line, style=style)
        self._written_s = self._now_s()

    def end_line(self) -> None:
        """Finish what is being streamed, so that the next thing begins on a new line."""
        self._clear_status()
        if not self._mode:
            return
        console = self._console if self._mode == "text" else self._aside
        rest = self._flow.finish()
        console.write(console.styled(rest, self._style()) + "\n")
        self._mode = ""

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """While this is open a person is asked something: nothing else is shown meanwhile."""
        self._is_waiting = True
        try:
            yield
        finally:
            self._is_waiting = False
            self._written_s = self._now_s()

    def tick(self) -> None:
        """Show what is going on where nothing was written lately. Call it a few times a second."""
        console = self._aside
        if console.is_plain or not console.is_terminal or self._mode or self._is_waiting:
            return
        if self._now_s() - self._written_s < _QUIET_S:
            return
        line = text.cut(self._status_line(), max(8, console.columns - 1))
        console.write("\r\x1b[2K" + console.styled(line, "dim"))
        self._status_shown = True

    def _status_line(self) -> str:
        parts = [self._doing]
        if self._step:
            parts.append(f"step {self._step.step} of {self._step.steps_max}")
            parts.append(f"{self._step.context_tokens:,} tokens")
        parts.append(f"{self._now_s() - self._started_s:.0f} s")
        return ", ".join(parts) + " (Esc stops)"

    def _show_thinking(self, piece: str) -> None:
        self._doing = "thinking"
        if self._config.thinking:
            self._stream("thinking", piece)

    def _stream(self, mode: str, piece: str) -> None:
        console = self._console if mode == "text" else self._aside
        if self._mode != mode:
            self.end_line()
            piece = piece.lstrip("\n")
            if not piece:
                return
            self._mode = mode
            self._flow = text.Flow(console.columns)
            if mode == "thinking" and not console.has_color:
                piece = "Thinking: " + piece
        self._clear_status()
        console.write(console.styled(self._flow.feed(text.clean(piece)), self._style()))
        self._written_s = self._now_s()

    def _style(self) -> str:
        return "dim" if self._mode == "thinking" else ""

    def _show_call(self, call: llm.ToolCall) -> None:
        fold = self._kept.add(call_id=call.id, name=call.name, arguments=call.raw)
        self.end_line()
        self._write_call(fold.number, reading.call_line(call.name, call.arguments, call.raw))
        self._last_call = call.id

    def _write_call(self, number: int, line: str) -> None:
        console = self._aside
        written = text.clean(f"[{number}] {line}")
        if console.columns:
            written = text.cut(written, console.columns)
        console.write(console.styled(written, "cyan") + "\n")
        self._written_s = self._now_s()

    def _show_result(self, event: agent.ToolFinished) -> None:
        self._running.pop(event.call.id, None)
        self._doing = (
            "running " + ", ".join(self._running.values()) if self._running else "thinking"
        )
        fold = self._kept.find(event.call.id)
        if fold is None or fold.result:
            self._show_call(event.call)
            fold = self._kept.find(event.call.id)
        assert fold is not None
        fold.result, fold.blob = event.outcome.text, event.outcome.blob
        fold.is_error = event.outcome.is_error
        self.end_line()
        if self._last_call != event.call.id:
            line = reading.call_line(event.call.name, event.call.arguments, event.call.raw)
            self._write_call(fold.number, line)
        self.write_result(fold, elapsed_ms=event.elapsed_ms)
        self._last_call = ""

    def write_result(self, fold: folds.Fold, *, elapsed_ms: int | None = None) -> None:
        """Write the head of a result, and how to see the rest."""
        console = self._aside
        shown, left = folds.head_of(fold.result, lines_max=self._config.result_lines_max)
        style = "red" if fold.is_error else "dim"
        if fold.is_error:
            console.write(_INDENT + console.styled("failed:", style) + "\n")
        for line in shown:
            cut = text.cut(line, console.columns - len(_INDENT)) if console.columns else line
            console.write(_INDENT + console.styled(cut, style) + "\n")
        tail = []
        if left or fold.blob:
            how = self._whole.format(number=fold.number)
            tail.append(f"{left:,} more lines: {how}")
        if elapsed_ms is not None and elapsed_ms >= 1_000:
            tail.append(f"{elapsed_ms / 1_000:.1f} s")
        if tail:
            console.write(_INDENT + console.styled("… " + ", ".join(tail), "dim") + "\n")
        self._written_s = self._now_s()

    def _count(self, usage: llm.Usage) -> None:
        self._input_tokens += usage.input_tokens
        self._output_tokens += usage.output_tokens
        self._cached_tokens += usage.cache_read_tokens
        self._estimated = self._estimated or usage.source == "estimate"

    def _show_remark(self, event: agent.AgentEvent) -> None:
        match event:
            case agent.ViewMade():
                self.remark("View: " + event.view.line(), style="yellow")
            case agent.Repaired():
                self.remark(f"Repaired {event.count} in the history: {event.why}", style="yellow")
            case agent.Retrying():
                wait = f"{event.delay_ms / 1_000:.1f} s"
                self.remark(f"Attempt {event.attempt} in {wait}: {event.reason}", style="yellow")
            case agent.Notice():
                self.remark(event.text, style="yellow")
            case _:
                return

    def _show_end(self, event: agent.TurnFinished) -> None:
        self.end_line()
        if event.reason == "cancelled":
            self.remark("Stopped. What was said is kept.", style="yellow")
        elif event.reason == "step_limit":
            self.remark(
                f"Stopped after {event.steps} steps (agent.steps_max). Say `go on` to continue.",
                style="yellow",
            )
        elif event.error is not None:
            self._aside.error(event.error.message, hint=event.error.hint)
        self.remark(self._count_line(event.steps))

    def _count_line(self, steps: int) -> str:
        about = "about " if self._estimated else ""
        cached = f" ({self._cached_tokens:,} cached)" if self._cached_tokens else ""
        steps_word = "step" if steps == 1 else "steps"
        return (
            f"{steps} {steps_word}, {about}{self._input_tokens:,} tokens in{cached}, "
            f"{self._output_tokens:,} out, {self._now_s() - self._started_s:.1f} s"
        )

    def _clear_status(self) -> None:
        if self._status_shown:
            self._aside.write("\r\x1b[2K")
            self._status_shown = False
