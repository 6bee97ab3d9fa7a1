"""Calls of one answer: what runs side by side, who is asked, what is remembered."""

import asyncio
import time

import pytest
from tests.rooms.agent.conftest import kinds, run
from tests.rooms.agent.scripted_model import Reply, ScriptedModel

from novacore import agent, journal, llm

LIMIT_S = 10.0
ASKING = {"permissions_default": "ask"}


class Probe:
    """Tools that note when they begin and end.

    Args:
        order: what is expected to be noted; a tool ends when what should come before it has.
    """

    def __init__(self, order=""):
        self.log = []
        self.order = order.split()

    def _is_early(self, what):
        """Whether something else is expected first; where the order is broken nothing is early."""
        rest = self.order[len(self.log) :]
        return [*self.log, *rest] == self.order and what in rest and rest[0] != what

    def tool(self, name, access, pause=0):
        async def function(arguments):
            self.log.append(f"+{name}{arguments.get('path', '')}")
            for _turn in range(pause + 5):
                await asyncio.sleep(0)
            end = f"-{name}{arguments.get('path', '')}"
            # A busy machine begins what runs beside this one later; what never comes ends it too.
            ends_s = time.monotonic() + LIMIT_S
            while self._is_early(end) and time.monotonic() < ends_s:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            self.log.append(end)
            return agent.ToolOutcome(text="ok")

        spec = llm.ToolSpec(
            name=name,
            description="",
            parameters=agent.arguments_schema({"path": {"type": "string"}}),
        )

        def subject(arguments):
            if "path" in arguments:
                return agent.Subject(kind="path", text=arguments["path"])
            return agent.Subject(kind="none")

        return agent.FunctionTool(spec=spec, function=function, access=access, subject_of=subject)


@pytest.mark.parametrize(
    ("calls", "order"),
    [
        ([("r", "a"), ("r", "b")], "+ra +rb -ra -rb"),
        ([("c", None), ("c", None)], "+c +c -c -c"),
        ([("w", "a"), ("w", "b")], "+wa +wb -wa -wb"),
        ([("w", "a"), ("w", "a")], "+wa -wa +wa -wa"),
        ([("w", "a"), ("r", "a")], "+wa -wa +ra -ra"),
        ([("w", "a"), ("r", "b")], "+wa +rb -wa -rb"),
        ([("w", "a/b"), ("r", "a")], "+wa/b -wa/b +ra -ra"),
        ([("w", "a/b"), ("r", ".")], "+wa/b -wa/b +r. -r."),
        ([("r", "a"), ("w", "a")], "+ra -ra +wa -wa"),
        ([("w", "a"), ("c", None)], "+wa -wa +c -c"),
        ([("c", None), ("w", "a")], "+c -c +wa -wa"),
        ([("r", "a"), ("c", None)], "+ra +c -ra -c"),
        ([("w", "a"), ("n", None)], "+wa +n -wa -n"),
    ],
)
async def test_independent_calls_run_side_by_side_and_others_in_order(make_agent, calls, order):
    probe = Probe(order)
    toolbox = agent.Toolbox(
        [
            probe.tool("r", agent.Access.READ),
            probe.tool("w", agent.Access.WRITE),
            probe.tool("c", agent.Access.COMMAND),
            probe.tool("n", agent.Access.NOTHING),
        ]
    )
    asked = [(name, {} if path is None else {"path": path}) for name, path in calls]
    model = ScriptedModel(Reply(calls=asked), Reply(text="ok"))
    await run(make_agent(model, toolbox=toolbox), "go")
    assert " ".join(probe.log) == order


async def test_no_more_calls_run_at_a_time_than_may(make_agent):
    probe = Probe()
    toolbox = agent.Toolbox([probe.tool("r", agent.Access.READ)])
    model = ScriptedModel(Reply(calls=[("r", {})] * 4), Reply(text="ok"))
    await run(make_agent(model, toolbox=toolbox, config={"tools_parallel_max": 2}), "go")
    running = high = 0
    for line in probe.log:
        running += 1 if line[0] == "+" else -1
        high = max(high, running)
    assert high == 2


async def test_where_nobody_can_be_asked_a_call_is_refused_with_the_setting_that_allows_it(
    make_agent, session, workspace
):
    calls = [("bash", {"command": "touch made"}), ("write_file", {"path": "a", "content": ""})]
    model = ScriptedModel(Reply(calls=calls), Reply(text="ok"))
    events = await run(make_agent(model, config=ASKING), "go")
    assert events[-1].reason == "end"
    told = " ".join(message["content"] for message in session.messages[2:4])
    assert "agent.permissions_allow = ['bash(touch made *)']" in told
    assert list(workspace.iterdir()) == []
    assert not any(isinstance(event, agent.ToolStarted) for event in events)


def answering(*answers):
    asked = []
    left = list(answers)

    async def ask(question):
        asked.append(question)
        return left.pop(0)

    return ask, asked


async def test_a_question_says_what_about_and_the_answer_decides(make_agent, session):
    ask, asked = answering(
        agent.Answer(effect="allow"), agent.Answer(effect="deny", message="Use make.")
    )
    model = ScriptedModel(
        Reply(calls=[("bash", {"command": "echo yes"})]),
        Reply(calls=[("bash", {"command": "echo no"})]),
        Reply(text="ok"),
    )
    await run(make_agent(model, ask=ask, config=ASKING), "go")
    assert asked[0].subject.text == "echo yes"
    assert asked[0].rules[0] == "bash(=echo yes)"
    contents = [message["content"] for message in session.messages if message["role"] == "tool"]
    assert contents[0] == "yes\n[exit code 0]"
    assert contents[1] == "Not run: the user does not permit it. They say: Use make."
    assert kinds(session).count("decision") == 2


async def test_an_answer_for_the_session_is_not_asked_again_even_after_a_restart(
    make_agent, session, store, workspace
):
    ask, asked = answering(agent.Answer(effect="allow", scope="session", rule="bash(echo *)"))
    calls = [("bash", {"command": f"echo {n}"}) for n in range(3)]
    model = ScriptedModel(Reply(calls=calls), Reply(text="ok"))
    await run(make_agent(model, ask=ask, config=ASKING), "go")
    assert len(asked) == 1
    model = ScriptedModel(Reply(calls=calls), Reply(text="ok"))
    await run(make_agent(model, config=ASKING), "go")
    assert session.messages[-2]["content"].endswith("[exit code 0]")
    other = store.session("other", workspace=str(workspace))
    model = ScriptedModel(Reply(calls=calls), Reply(text="ok"))
    await run(make_agent(model, session=other, config=ASKING), "go")
    assert "nobody can be asked" in other.messages[2]["content"]


async def test_an_answer_for_always_holds_in_other_sessions_of_the_workspace(
    make_agent, store, workspace
):
    ask, _ = answering(agent.Answer(effect="allow", scope="always", rule="bash(echo *)"))
    calls = [("bash", {"command": "echo x"})]
    await run(
        make_agent(ScriptedModel(Reply(calls=calls), Reply(text="ok")), ask=ask, config=ASKING),
        "go",
    )
    other = store.session("other", workspace=str(workspace))
    model = ScriptedModel(Reply(calls=calls), Reply(text="ok"))
    await run(make_agent(model, session=other, config=ASKING), "go")
    assert other.messages[2]["content"] == "x\n[exit code 0]"


async def test_a_decision_entry_of_another_session_gives_nothing(make_agent, session):
    body = {"type": "permission", "effect": "allow", "scope": "session", "rule": "bash"}
    for given in (
        {"session_id": "elsewhere"},
        {"session_id": "elsewhere", "scope": "always"},
        {"session_id": session.id, "scope": "once"},
        {"session_id": session.id, "type": "other"},
        {"session_id": session.id, "effect": "everything"},
    ):
        session.append(journal.NewEntry(kind="decision", body={**body, **given}))
    one = make_agent(ScriptedModel(), config=ASKING)
    await one.open()
    assert one.permissions.rules() == []


async def test_questions_come_one_at_a_time_in_the_order_of_the_calls(make_agent):
    open_questions = 0
    subjects = []

    async def ask(question):
        nonlocal open_questions
        open_questions += 1
        assert open_questions == 1
        subjects.append(question.subject.text)
        await asyncio.sleep(0)
        open_questions -= 1
        return agent.Answer(effect="deny")

    calls = [("bash", {"command": f"echo {n}"}) for n in range(3)]
    model = ScriptedModel(Reply(calls=calls), Reply(text="ok"))
    await run(make_agent(model, ask=ask, config=ASKING), "go")
    assert subjects == ["echo 0", "echo 1", "echo 2"]


async def test_a_very_long_result_of_any_tool_is_cut_and_can_be_read_on(make_agent, session):
    async def long(arguments):
        return agent.ToolOutcome(text="\n".join(f"line {n}" for n in range(40_000)))

    spec = llm.ToolSpec(name="long", description="", parameters=agent.arguments_schema({}))
    toolbox = agent.Toolbox([agent.FunctionTool(spec=spec, function=long)])
    model = ScriptedModel(Reply(calls=[("long", {})]), Reply(text="ok"))
    events = await run(make_agent(model, toolbox=toolbox), "go")
    (outcome,) = [event.outcome for event in events if isinstance(event, agent.ToolFinished)]
    assert len(outcome.text) < 130_000
    assert session.get_blob(outcome.blob).endswith(b"line 39999")


async def test_a_tool_that_says_nothing_is_said_to_say_nothing(make_agent, session):
    async def silent(arguments):
        return agent.ToolOutcome(text="")

    spec = llm.ToolSpec(name="silent", description="", parameters=agent.arguments_schema({}))
    toolbox = agent.Toolbox([agent.FunctionTool(spec=spec, function=silent)])
    model = ScriptedModel(Reply(calls=[("silent", {})]), Reply(text="ok"))
    await run(make_agent(model, toolbox=toolbox), "go")
    assert session.messages[2]["content"] == "(no output)"
