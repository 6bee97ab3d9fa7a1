"""The loop: what is said is journaled at once, and every request is one a provider takes."""

import pytest
from tests.rooms.agent.conftest import kinds, run, texts
from tests.rooms.agent.scripted_model import BREAK, Reply, ScriptedModel

from novacore import agent, journal, llm


async def test_an_answer_without_calls_ends_the_turn_and_is_in_the_journal(make_agent, session):
    model = ScriptedModel(Reply(text=["Good ", "day"], thinking="hm"))
    events = await run(make_agent(model), "Hi")
    assert texts(session) == [("user", "Hi"), ("assistant", "Good day")]
    assert session.messages[1]["content"][0]["signature"] == "c2ln"
    assert kinds(session) == ["message", "state", "message", "usage"]
    assert [event.text for event in events if isinstance(event, agent.TextDelta)] == [
        "Good ",
        "day",
    ]
    assert events[-1] == agent.TurnFinished(reason="end", steps=1)


async def test_the_usage_entry_says_who_counted_what_for_which_purpose(make_agent, session):
    usage = llm.Usage(input_tokens=7, output_tokens=3, cache_read_tokens=2)
    await run(make_agent(ScriptedModel(Reply(text="x", usage=usage))), "Hi")
    body = dict(session.open().entries[-1].body)
    assert body.pop("ms") >= 0
    assert body == {
        "model": "scripted",
        "provider": "anthropic",
        "input_tokens": 7,
        "output_tokens": 3,
        "cache_read_tokens": 2,
        "cache_write_tokens": 0,
        "source": "provider",
        "purpose": "answer",
        "stop_reason": "end",
    }


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
async def test_calls_are_run_and_answered_until_there_are_none(make_agent, workspace, wire):
    (workspace / "a.txt").write_text("one\ntwo\n")
    model = ScriptedModel(
        Reply(text="Looking.", calls=[("read_file", {"path": "a.txt"}), ("list_files", {})]),
        Reply(calls=[("bash", {"command": "cat a.txt; false"})]),
        Reply(text="Done."),
        wire=wire,
    )
    events = await run(make_agent(model), "Read a.txt")
    assert events[-1] == agent.TurnFinished(reason="end", steps=3)
    results = [event.outcome for event in events if isinstance(event, agent.ToolFinished)]
    assert "     2\ttwo" in "".join(result.text for result in results)
    assert results[-1] == agent.ToolOutcome(text="one\ntwo\n[exit code 1]", is_error=True)
    assert len(model.requests) == 3


async def test_each_result_is_journaled_the_moment_it_is_there(make_agent, session):
    model = ScriptedModel(
        Reply(calls=[("bash", {"command": "sleep 0.3"}), ("bash", {"command": "echo quick"})])
    )
    seen = [
        (event.call.arguments["command"], len(session.messages))
        async for event in make_agent(model).run("go")
        if isinstance(event, agent.ToolFinished)
    ]
    assert seen == [("echo quick", 3), ("sleep 0.3", 4)]


async def test_the_step_limit_ends_the_turn_with_a_history_that_can_go_on(make_agent, session):
    calls = [Reply(calls=[("bash", {"command": "true"})]) for _ in range(2)]
    model = ScriptedModel(*calls, Reply(text="On I go."))
    one = make_agent(model, config={"steps_max": 2})
    assert (await run(one, "a"))[-1] == agent.TurnFinished(reason="step_limit", steps=2)
    assert (await run(one, "go on"))[-1].reason == "end"
    assert [role for role, _ in texts(session)][-3:] == ["tool", "user", "assistant"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("nope", {}), "There is no tool named 'nope'. The tools are: bash,"),
        (("read_file", {"offset": 0}), '"path" is missing'),
        (("read_file", '{"path": "a'), "not a valid JSON object"),
        (("read_file", {"path": "a", "colour": 1}), '"colour" is unknown'),
        (("read_file", {"path": 3}), '"path" must be string, not 3'),
        (("read_file", {"path": "missing.txt"}), "missing.txt does not exist."),
        (("read_file", {"path": "/etc/passwd"}), "is outside the workspace"),
        (("write_file", {"path": "x/\0y", "content": ""}), "zero byte"),
        (("write_file", {"path": "x", "content": "\ud800"}), "half of a pair"),
        (("bash", {"command": "a\0b"}), "zero byte"),
    ],
)
async def test_a_call_that_can_not_be_run_is_told_to_the_model_and_the_turn_goes_on(
    make_agent, session, call, told
):
    events = await run(make_agent(ScriptedModel(Reply(calls=[call]), Reply(text="ok"))), "go")
    result = session.messages[2]
    assert told in result["content"]
    assert result["is_error"] is True
    assert events[-1].reason == "end"


async def test_a_tool_that_raises_is_a_failed_result_and_no_crash(make_agent, session):
    async def broken(arguments):
        raise KeyError("surprise")

    spec = llm.ToolSpec(name="odd", description="", parameters=agent.arguments_schema({}))
    toolbox = agent.Toolbox([agent.FunctionTool(spec=spec, function=broken)])
    model = ScriptedModel(Reply(calls=[("odd", {})]), Reply(text="ok"))
    events = await run(make_agent(model, toolbox=toolbox), "go")
    assert events[-1].reason == "end"
    assert "KeyError: 'surprise'" in session.messages[2]["content"]


async def test_a_failing_model_ends_the_turn_with_its_error_and_keeps_the_question(
    make_agent, session
):
    error = llm.AuthRefused("No.", hint="Set llm.api_key.")
    one = make_agent(ScriptedModel(Reply(error=error), Reply(text="Now.")))
    assert (await run(one, "Hi"))[-1] == agent.TurnFinished(reason="failed", steps=1, error=error)
    assert (await run(one, "Again"))[-1].reason == "end"
    assert texts(session) == [("user", "Hi"), ("user", "Again"), ("assistant", "Now.")]


async def test_an_answer_that_breaks_off_is_kept_marked_and_said_to_be_broken(make_agent, session):
    one = make_agent(ScriptedModel(Reply(text="Half of an", then=BREAK), Reply(text="whole")))
    end = (await run(one, "Hi"))[-1]
    assert end.reason == "failed"
    assert isinstance(end.error, llm.StreamBroken)
    kept = session.messages[1]
    assert (kept["is_partial"], kept["stop_reason"]) == (True, "broken")
    assert llm.read_message(kept).text == "Half of an"
    assert (await run(one, "go on"))[-1].reason == "end"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(text="cut", stop="length"), "was cut"),
        (Reply(text="no", stop="refusal"), "refused"),
        (Reply(), "empty answer"),
    ],
)
async def test_an_unusual_end_of_an_answer_is_said(make_agent, reply, said):
    events = await run(make_agent(ScriptedModel(reply)), "Hi")
    assert any(said in event.text for event in events if isinstance(event, agent.Notice))


async def test_ids_that_a_model_uses_again_are_renamed_in_what_is_sent(make_agent, session):
    again = Reply(calls=[("bash", {"command": "echo x"})], ids=["call_0"])
    twice = Reply(calls=[("bash", {"command": "echo y"})] * 2, ids=["call_0", "call_0"])
    one = make_agent(ScriptedModel(again, again, twice, Reply(text="ok")))
    events = await run(one, "go")
    assert events[-1].reason == "end"
    assert "repair" in kinds(session)
    sent = [
        block["id"]
        for message in one.model.requests[-1]["messages"]
        for block in message["content"]
        if block["type"] == "tool_use"
    ]
    assert len(sent) == len(set(sent)) == 4


async def test_a_second_turn_at_the_same_time_is_refused(make_agent):
    one = make_agent(ScriptedModel(Reply(text="x")))
    first = one.run("a")
    await anext(first)
    with pytest.raises(agent.TurnRunning):
        await anext(one.run("b"))
    with pytest.raises(agent.TurnRunning):
        await one.set_view_mode("off")
    with pytest.raises(agent.TurnRunning):
        one.use_model(one.model)
    assert [event async for event in first][-1].reason == "end"


async def test_a_closed_agent_takes_no_message(make_agent):
    one = make_agent(ScriptedModel())
    await one.close()
    with pytest.raises(agent.AgentClosed):
        await run(one, "a")


@pytest.mark.parametrize("message", ["", "  ", {"role": "assistant", "content": "x"}, {}])
async def test_what_is_no_user_message_is_refused(make_agent, session, message):
    with pytest.raises(agent.MessageRefused):
        await run(make_agent(ScriptedModel()), message)
    assert len(session.messages) == 0


async def test_a_user_message_with_an_image_is_kept_as_it_is(make_agent, session):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA"}}
    message = {"role": "user", "content": [image]}
    await run(make_agent(ScriptedModel(Reply(text="A picture."))), message)
    assert session.messages[0] == message


async def test_another_model_answers_from_the_next_turn_on(make_agent, session):
    one = make_agent(ScriptedModel(Reply(text="first")))
    await run(one, "a")
    other = ScriptedModel(Reply(text="second"), wire="openai")
    one.use_model(other)
    await run(one, "b")
    assert [text for role, text in texts(session) if role == "assistant"] == ["first", "second"]
    assert [message["role"] for message in other.requests[0]["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]


async def test_a_gate_that_refuses_a_message_keeps_it_out_of_the_journal(make_agent, session):
    class Closed(agent.OpenGate):
        async def review_message(self, message):
            return agent.Verdict(is_allowed=False, reason="Not today.")

    end = (await run(make_agent(ScriptedModel(), gate=Closed()), "Hi"))[-1]
    assert isinstance(end.error, agent.GateRefused)
    assert kinds(session) == []


async def test_a_gate_that_refuses_a_call_tells_the_model_why(make_agent, session):
    class NoCalls(agent.OpenGate):
        async def review_call(self, name, arguments):
            return agent.Verdict(is_allowed=False, reason=f"{name} is off.")

    model = ScriptedModel(Reply(calls=[("bash", {"command": "echo x"})]), Reply(text="ok"))
    await run(make_agent(model, gate=NoCalls()), "Hi")
    assert session.messages[2]["content"] == "Not run: bash is off."


class Counting(agent.FreeMeter):
    """A meter that writes down what it is asked."""

    def __init__(self, output_tokens_max=None):
        self.log = []
        self._cap = output_tokens_max

    async def reserve(self, *, model, input_tokens, purpose):
        self.log.append(f"reserve {purpose}")
        return agent.Hold(id=f"h{len(self.log)}", output_tokens_max=self._cap)

    async def settle(self, hold, usage):
        self.log.append(f"settle {hold.id} {usage.total}")

    async def release(self, hold):
        self.log.append(f"release {hold.id}")


async def test_one_hold_one_call_one_usage_entry(make_agent, session):
    meter = Counting(output_tokens_max=99)
    model = ScriptedModel(Reply(calls=[("bash", {"command": "true"})]), Reply(text="ok"))
    await run(make_agent(model, meter=meter), "go")
    assert meter.log == ["reserve answer", "settle h1 15", "reserve answer", "settle h3 15"]
    usages = [entry.body for entry in session.open().entries if entry.kind == "usage"]
    assert [body["hold"] for body in usages] == ["h1", "h3"]
    assert [request["max_tokens"] for request in model.requests] == [99, 99]


async def test_a_call_that_failed_gives_its_hold_back(make_agent):
    meter = Counting()
    model = ScriptedModel(Reply(error=llm.Overloaded()))
    await run(make_agent(model, meter=meter), "go")
    assert meter.log == ["reserve answer", "release h1"]


async def test_a_session_that_can_not_be_written_ends_the_turn_with_that_error(
    make_agent, session, store
):
    one = make_agent(ScriptedModel(Reply(text="x")))
    await one.open()
    store.close()
    end = (await run(one, "Hi"))[-1]
    assert end.reason == "failed"
    assert isinstance(end.error, journal.JournalError)


async def test_two_agents_on_one_session_lose_no_result(make_agent, session, workspace):
    call = Reply(calls=[("bash", {"command": "while [ ! -e go ]; do sleep 0.01; done; echo real"})])
    first = make_agent(ScriptedModel(call, Reply(text="a")))
    second = make_agent(ScriptedModel(Reply(text="b")))
    async for event in first.run("one"):
        if isinstance(event, agent.ToolStarted):
            assert (await run(second, "two"))[-1].reason == "end"
            (workspace / "go").touch()
    assert event == agent.TurnFinished(reason="end", steps=2)
    sent = first.model.requests[-1]["messages"]
    results = [block for message in sent for block in message["content"]]
    results = [block for block in results if block["type"] == "tool_result"]
    assert [block["content"][0]["text"] for block in results] == ["real\n[exit code 0]"]


async def test_what_another_process_appends_is_in_the_next_request(make_agent, session):
    one = make_agent(ScriptedModel(Reply(text="a"), Reply(text="b")))
    await run(one, "first")
    session.append({"role": "user", "content": "from elsewhere"})
    await run(one, "second")
    sent = one.model.requests[-1]["messages"][-1]["content"]
    assert [block["text"] for block in sent] == ["from elsewhere", "second"]


async def test_a_reminder_is_sent_with_the_message_and_never_journaled(make_agent, session):
    model = ScriptedModel(Reply(text="one"), Reply(text="two"))
    one = make_agent(model)
    plain = await one.prepare("And Friday?")
    counted = await one.prepare("And Friday?", reminder="<recalled>it rains</recalled>")
    assert counted > plain
    await run(one, "And Friday?")
    sent = model.requests[0]["messages"][-1]["content"][0]["text"]
    assert sent == "<recalled>it rains</recalled>\n\nAnd Friday?"
    assert session.messages[0]["content"] == "And Friday?"
    await run(one, "Thanks")
    said = [each["content"] for each in model.requests[1]["messages"] if each["role"] == "user"]
    assert "recalled" not in str(said)


async def test_a_limit_on_one_turn_is_kept_by_a_view_and_lifted_after_it(make_agent, session):
    for number in range(30):
        session.append({"role": "user", "content": f"question {number} " + "words " * 50})
        session.append({"role": "assistant", "content": f"answer {number} " + "words " * 50})
    model = ScriptedModel(Reply(text="one"), Reply(text="two"))
    one = make_agent(model)
    whole = await one.prepare("now")
    counted = await one.prepare("now", limit_tokens=whole // 2)
    assert counted <= whole * 52 // 100
    await run(one, "now")
    assert len(model.requests[0]["messages"]) < 40
    await run(one, "and now")
    assert len(model.requests[1]["messages"]) == 63


async def test_a_message_over_the_limit_is_refused_before_anything_is_written(make_agent, session):
    one = make_agent(ScriptedModel())
    limit = await one.prepare("x")
    with pytest.raises(agent.ContextTooLarge):
        await one.prepare("words " * 2_000, limit_tokens=limit + 500)
    assert kinds(session) == []
