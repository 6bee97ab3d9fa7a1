"""How a turn looks while it happens."""

import io

import pytest

from novacore import agent, kit, llm, settings
from novacore.cli.console import Console
from novacore.cli.terminal.folds import Folds
from novacore.cli.terminal.turn_view import TurnView

CALL = llm.ToolCall(id="c1", name="bash", arguments={"command": "ls"}, raw='{"command":"ls"}')
OTHER = llm.ToolCall(id="c2", name="read_file", arguments={"path": "a"}, raw='{"path":"a"}')
USAGE = llm.Usage(input_tokens=1_200, output_tokens=30, cache_read_tokens=1_000)


class Screen:
    """A view over a terminal of a given width, with a clock that a test moves."""

    def __init__(self, *, columns: int = 60, is_plain: bool = False, **config) -> None:
        self.out = io.StringIO()
        self.err = io.StringIO()
        self.now_s = 50.0
        console = Console(
            self.out,
            self.err,
            is_terminal=not is_plain,
            has_color=not is_plain,
            is_plain=is_plain,
            columns=columns,
        )
        self.kept = Folds()
        self.view = TurnView(
            console,
            config=settings.CLIConfig(**config),
            kept=self.kept,
            now_s=lambda: self.now_s,
        )

    def show(self, *events: agent.AgentEvent) -> str:
        before = len(self.out.getvalue())
        for event in events:
            self.view.show(event)
        return self.out.getvalue()[before:]


def finished(call: llm.ToolCall, text: str, **outcome) -> agent.ToolFinished:
    return agent.ToolFinished(
        call=call, outcome=agent.ToolOutcome(text=text, **outcome), elapsed_ms=1
    )


def test_text_is_written_as_it_streams_and_wrapped() -> None:
    screen = Screen(columns=20)

    assert screen.show(llm.TextDelta(text="one two three ")) == "one two three"
    assert screen.show(llm.TextDelta(text="four five six ")) == " four\nfive six"


def test_thinking_is_dimmed_and_ends_before_the_text() -> None:
    screen = Screen()
    screen.show(llm.ThinkingDelta(text="hm "), llm.TextDelta(text="yes"))
    screen.view.end_line()

    assert screen.out.getvalue() == "\x1b[2mhm\x1b[0m\nyes\n"


def test_thinking_without_colour_is_named() -> None:
    assert "Thinking: hm" in Screen(is_plain=True).show(llm.ThinkingDelta(text="hm "))


def test_thinking_can_be_left_out() -> None:
    assert Screen(thinking=False).show(llm.ThinkingDelta(text="hm ")) == ""


def test_what_a_model_or_a_tool_says_can_not_drive_the_terminal() -> None:
    screen = Screen()
    screen.show(llm.TextDelta(text="\x1b[2Jx "), agent.ToolStarted(call=CALL))
    screen.show(finished(CALL, "\x1b]0;title\x07y"))

    assert "\x1b[2J" not in screen.out.getvalue()
    assert "\x1b]0" not in screen.out.getvalue()
    assert "^[[2Jx" in screen.out.getvalue()


def test_a_call_is_shown_with_its_argument_and_its_result_is_folded() -> None:
    screen = Screen(is_plain=True, result_lines_max=2)
    shown = screen.show(
        agent.ToolStarted(call=CALL), finished(CALL, "\n".join(f"line {i}" for i in range(9)))
    )

    assert shown == "[1] bash ls\n  line 0\n  line 1\n  … 7 more lines: /expand 1\n"
    fold = screen.kept.get(0)
    assert fold is not None
    assert fold.result.endswith("line 8")


def test_a_result_that_is_one_line_longer_is_not_folded() -> None:
    screen = Screen(is_plain=True, result_lines_max=2)

    assert "more lines" not in screen.show(agent.ToolStarted(call=CALL), finished(CALL, "a\nb\nc"))


def test_results_of_calls_side_by_side_name_their_call_again() -> None:
    screen = Screen(is_plain=True)
    screen.show(agent.ToolStarted(call=CALL), agent.ToolStarted(call=OTHER))

    assert screen.show(finished(CALL, "x")) == "[1] bash ls\n  x\n"


def test_a_call_that_never_ran_is_shown_with_its_refusal() -> None:
    shown = Screen(is_plain=True).show(finished(CALL, "refused", is_error=True))

    assert shown == "[1] bash ls\n  failed:\n  refused\n"


def test_a_call_whose_arguments_can_not_be_read_is_shown_as_written() -> None:
    broken = llm.ToolCall(id="x", name="bash", arguments=None, raw='{"comm', problem="cut off")

    assert Screen(is_plain=True).show(agent.ToolStarted(call=broken)) == '[1] bash {"comm\n'


def test_a_long_call_is_cut_at_the_width_of_the_terminal() -> None:
    call = llm.ToolCall(id="x", name="bash", arguments={"command": "日" * 50, "n": 1}, raw="{}")

    line = Screen(columns=40).show(agent.ToolStarted(call=call))
    assert "…" in line
    assert "日" * 20 not in line


def test_the_end_counts_steps_tokens_and_time() -> None:
    screen = Screen(is_plain=True)
    screen.now_s += 2.5

    shown = screen.show(
        agent.UsageNoted(usage=USAGE, purpose="answer"),
        agent.TurnFinished(reason="end", steps=1),
    )
    assert shown == "1 step, 1,200 tokens in (1,000 cached), 30 out, 2.5 s\n"


def test_estimated_counts_are_called_estimates() -> None:
    guess = llm.Usage(input_tokens=5, output_tokens=1, source="estimate")
    screen = Screen(is_plain=True)

    screen.show(agent.UsageNoted(usage=guess, purpose="answer"))
    assert "about 5 tokens" in screen.show(agent.TurnFinished(reason="end", steps=2))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (agent.TurnFinished(reason="cancelled", steps=1), "What was said is kept"),
        (agent.TurnFinished(reason="step_limit", steps=100), "agent.steps_max"),
        (agent.Repaired(count=2, why="two calls had no result."), "two calls had no result"),
        (agent.Notice(text="Be careful."), "Be careful."),
        (llm.Retrying(attempt=2, delay_ms=1_500, reason="overloaded"), "Attempt 2 in 1.5 s"),
    ],
)
def test_what_matters_is_said_in_a_line(event: agent.AgentEvent, said: str) -> None:
    assert said in Screen(is_plain=True).show(event)


def test_a_failure_says_what_to_do_on_the_error_stream() -> None:
    screen = Screen(is_plain=True)
    screen.show(
        agent.TurnFinished(reason="failed", steps=1, error=kit.NovaError("No.", hint="Do this."))
    )

    assert screen.err.getvalue() == "nova: No.\n  Do this.\n"


def test_silence_is_filled_with_what_is_going_on_and_taken_away_again() -> None:
    screen = Screen(columns=80)
    screen.show(
        agent.StepStarted(step=2, steps_max=100, context_tokens=1_234, window_tokens=200_000)
    )
    screen.view.tick()
    assert screen.out.getvalue() == ""

    screen.now_s += 3
    screen.view.tick()
    assert "thinking, step 2 of 100, 1,234 tokens, 3 s (Esc stops)" in screen.out.getvalue()
    assert screen.show(llm.TextDelta(text="hi ")).startswith("\r\x1b[2K")


def test_the_running_tool_is_named_while_it_runs() -> None:
    screen = Screen(columns=80)
    screen.show(agent.ToolStarted(call=CALL), agent.ToolStarted(call=OTHER))
    screen.now_s += 1
    screen.view.tick()
    assert "running bash, read_file" in screen.out.getvalue()

    screen.show(finished(CALL, "x"))
    screen.now_s += 1
    screen.view.tick()
    assert screen.out.getvalue().endswith("(Esc stops)\x1b[0m")
    assert "running read_file," in screen.out.getvalue()


def test_nothing_moves_the_cursor_in_plain_mode_or_while_a_question_is_open() -> None:
    plain = Screen(is_plain=True)
    plain.now_s += 9
    plain.view.tick()
    assert plain.out.getvalue() == ""

    asking = Screen()
    with asking.view.waiting():
        asking.now_s += 9
        asking.view.tick()
    assert asking.out.getvalue() == ""


def test_very_many_calls_forget_the_oldest() -> None:
    kept = Folds()
    for number in range(10_002):
        kept.add(call_id=str(number), name="n", arguments="")

    assert kept.get(1) is None
    assert kept.get(10_002) is not None
