"""The end of a resumed session, so that a person sees where it stopped."""

from novacore import journal, llm
from novacore.cli import reading, text
from novacore.cli.console import Console
from novacore.cli.terminal import folds

_HEADLINE_COLUMNS = 200


def show(
    transcript: journal.Transcript, *, console: Console, kept: folds.Folds, messages_max: int
) -> None:
    """Write the last messages in short, each in a line or two.

    Damaged entries are passed by; `nova verify` names them.
    """
    sound = transcript.without_damage()
    for message in sound[max(0, len(sound) - messages_max) :]:
        _show(reading.read(message), console=console, kept=kept)


def _show(read: llm.Reading, *, console: Console, kept: folds.Folds) -> None:
    headline = reading.headline(read, columns=_HEADLINE_COLUMNS)
    if headline and not read.tool_results:
        mark = "> " if read.role == "user" else ""
        console.line(mark + headline, style="dim")
    for call in read.tool_calls:
        fold = kept.add(call_id=call.id, name=call.name, arguments=call.raw)
        line = text.clean(
            f"[{fold.number}] {reading.call_line(call.name, call.arguments, call.raw)}"
        )
        console.line(text.cut(line, console.columns) if console.columns else line, style="dim")
    for result in read.tool_results:
        fold = kept.find(result.call_id)
        if fold is not None:
            fold.result, fold.is_error = result.text, result.is_error
