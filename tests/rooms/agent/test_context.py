"""Everything is sent while it fits; beyond that a view says what is left out, and why."""

import dataclasses
import functools
import json

import pytest
from tests.rooms.agent.conftest import kinds, run
from tests.rooms.agent.scripted_model import Reply, ScriptedModel

from novacore import agent, kit, llm


def filled(session, *, tokens, each=500):
    """Appends rounds of exactly `tokens` estimated tokens in all, each message with its number."""
    count = tokens // each
    sizes = [each] * count
    sizes[-1] += tokens - each * count
    messages = []
    for number, size in enumerate(sizes):
        role = "assistant" if number % 2 else "user"
        messages.append({"role": role, "content": f"#{number:04d}#{_text(role, size)}"})
    session.append(*messages)
    assert sum(_count(message) for message in messages) == tokens
    return len(messages)


@functools.cache
def _text(role, size):
    """What follows the number in a message that counts `size` tokens."""
    low, high = 0, size * 8
    while low < high:
        middle = (low + high + 1) // 2
        fits = _count({"role": role, "content": "#0000#" + (" lorem" * middle)[:middle]}) <= size
        low, high = (middle, high) if fits else (low, middle - 1)
    text = (" lorem" * low)[:low]
    while _count({"role": role, "content": "#0000#" + text + "7"}) <= size:
        text += "7"
    return text


_COUNTING = ScriptedModel().conversation(system="")


def _count(message):
    _COUNTING.truncate(0)
    _COUNTING.extend([message])
    return _COUNTING.message_tokens(0)


def numbers_sent(model):
    """The numbers of the messages in the last request."""
    raw = json.dumps(model.requests[-1]["messages"])
    return [int(piece) for piece in raw.split("#")[1::2]]


@pytest.mark.parametrize(("tokens", "views"), [(80_001, 0), (194_000, 0), (195_000, 0)])
async def test_a_transcript_up_to_the_limit_goes_whole(make_agent, session, tokens, views):
    question = "#9999#"
    count = filled(session, tokens=tokens - _count({"role": "user", "content": question}))
    model = ScriptedModel(Reply(text="ok"))
    events = await run(make_agent(model), question)
    assert events[-1].reason == "end"
    assert numbers_sent(model) == [*range(count), 9999]
    assert kinds(session).count("view") == views
    assert not any(isinstance(event, agent.ViewMade) for event in events)


async def test_one_token_more_makes_exactly_one_view_that_lasts(make_agent, session):
    question = "#9999#"
    count = filled(session, tokens=195_001 - _count({"role": "user", "content": question}))
    model = ScriptedModel(
        Reply(calls=[("bash", {"command": "echo hi"})]), Reply(text="ok"), Reply(text="ok")
    )
    one = make_agent(model)
    events = await run(one, question)
    (made,) = [event.view for event in events if isinstance(event, agent.ViewMade)]
    assert kinds(session).count("view") == 1
    assert made.left_out == ((0, made.messages - 1),)
    sent = numbers_sent(model)
    assert sent == [0, *range(made.messages, count), 9999]  # 0 is quoted in the note
    assert made.kept_tokens <= 0.75 * 195_000
    await run(one, "again")
    assert kinds(session).count("view") == 1
    assert len(session.messages) == count + 6
    heads = [request["messages"][0] for request in model.requests]
    assert json.dumps(heads[0]).split("lorem")[0] == json.dumps(heads[2]).split("lorem")[0]


async def test_the_note_in_front_says_what_is_missing_and_how_to_read_it(make_agent, session):
    filled(session, tokens=3_000, each=100)
    model = ScriptedModel(Reply(text="ok"))
    await run(make_agent(model, config={"context_tokens_max": 2_000}), "now")
    note = model.requests[-1]["messages"][0]["content"][0]["text"]
    assert note.startswith("[A note from NovaCore, not from the user:")
    assert 'read_output reads each, from ref "message:0" to "message:' in note
    assert "The conversation began with: «#0000#" in note


async def test_a_left_out_message_can_be_read_by_the_model(make_agent, session):
    filled(session, tokens=3_000, each=100)
    model = ScriptedModel(Reply(calls=[("read_output", {"ref": "message:3"})]), Reply(text="ok"))
    await run(make_agent(model, config={"context_tokens_max": 2_000}), "now")
    assert "[assistant]" in session.messages[-2]["content"]
    assert "#0003#" in session.messages[-2]["content"]


async def test_a_view_is_used_again_when_the_session_is_resumed(make_agent, session):
    filled(session, tokens=3_000, each=100)
    config = {"context_tokens_max": 2_000}
    await run(make_agent(ScriptedModel(Reply(text="ok")), config=config), "now")
    later = ScriptedModel(Reply(text="ok"))
    one = make_agent(later, config=config)
    await run(one, "later")
    assert kinds(session).count("view") == 1
    assert one.view is not None
    assert one.view.line().endswith("to fit 2,000 tokens; the journal keeps everything.") is False
    assert "older messages (about" in one.view.line()


async def test_a_new_view_is_made_when_the_limit_is_met_again(make_agent, session):
    filled(session, tokens=3_000, each=100)
    model = ScriptedModel(*[Reply(text="lorem ipsum " * 60) for _ in range(12)])
    one = make_agent(model, config={"context_tokens_max": 2_000})
    for number in range(12):
        await run(one, f"question {number}")
    views = [entry.body for entry in session.open().entries if entry.kind == "view"]
    assert 2 <= len(views) <= 6
    assert [body["messages"] for body in views] == sorted(body["messages"] for body in views)
    assert all(len(body["left_out"]) == 1 for body in views)


async def test_views_off_sends_everything_that_the_window_holds(make_agent, session):
    count = filled(session, tokens=3_000, each=100)
    model = ScriptedModel(Reply(text="ok"), Reply(text="ok"), Reply(text="ok"))
    one = make_agent(model, config={"context_tokens_max": 2_000})
    await run(one, "now")
    await one.set_view_mode("off")
    assert (one.view, one.view_mode) == (None, "off")
    await run(one, "now")
    assert numbers_sent(model) == list(range(count))
    await one.set_view_mode("auto")
    await run(one, "now")
    assert len(numbers_sent(model)) < count


async def test_the_narrow_mode_leaves_out_as_little_as_it_must(make_agent, session):
    filled(session, tokens=3_000, each=100)
    model = ScriptedModel(Reply(text="ok"), Reply(text="ok"))
    one = make_agent(model, config={"context_tokens_max": 2_000})
    await run(one, "now")
    wide = one.view
    await one.set_view_mode("narrow")
    await run(one, "now")
    assert one.view.messages < wide.messages
    with pytest.raises(kit.SettingInvalid):
        await one.set_view_mode("sideways")


async def test_views_off_still_keeps_to_the_window(make_agent, session):
    filled(session, tokens=9_000, each=100)
    model = ScriptedModel(Reply(text="ok"), window_tokens=8_000)
    one = make_agent(model)
    await one.set_view_mode("off")
    assert (await run(one, "now"))[-1].reason == "end"
    assert one.view is not None


async def test_a_larger_model_gets_the_whole_conversation_again(make_agent, session):
    count = filled(session, tokens=6_000, each=100)
    small = ScriptedModel(Reply(text="ok"), window_tokens=5_000)
    one = make_agent(small)
    await run(one, "now")
    assert one.view is not None
    large = ScriptedModel(Reply(text="ok"))
    one.use_model(large)
    await run(one, "now")
    assert numbers_sent(large) == list(range(count))


async def test_738_messages_on_a_window_of_4096_show_a_view_and_get_an_answer(make_agent, session):
    filled(session, tokens=738 * 260, each=260)
    model = ScriptedModel(
        Reply(text="ok"), wire="openai", window_tokens=4_096, output_tokens_max=512,
        tool_mode="none",
    )  # fmt: skip
    events = await run(make_agent(model), "Hello again")
    (made,) = [event.view for event in events if isinstance(event, agent.ViewMade)]
    assert events[-1].reason == "end"
    assert made.messages > 700
    request = model.requests[-1]
    assert "tools" not in request
    step = next(event for event in events if isinstance(event, agent.StepStarted))
    assert step.context_tokens + request.get("max_tokens", 512) <= 4_096


async def test_tools_that_do_not_fit_a_small_window_are_left_out_and_it_is_said(make_agent):
    model = ScriptedModel(Reply(text="ok"), window_tokens=2_000)
    events = await run(make_agent(model), "Hi")
    assert "tools" not in model.requests[-1]
    assert any("tools don't fit" in e.text for e in events if isinstance(e, agent.Notice))


def big(number, tool="bash"):
    return Reply(calls=[(tool, {"command": f"echo '#{number}#'; seq 500"})])


async def test_a_running_round_that_is_too_long_has_its_oldest_results_shortened(
    make_agent, session
):
    model = ScriptedModel(*[big(n) for n in range(4)], Reply(text="done"))
    one = make_agent(model, config={"context_tokens_max": 6_000})
    events = await run(one, "#task#"[:-1])
    assert events[-1].reason == "end"
    views = [event.view for event in events if isinstance(event, agent.ViewMade)]
    assert views
    assert views[0].messages == 0
    assert views[0].shortened
    raw = json.dumps(model.requests[-1]["messages"])
    assert f'read_output with ref \\"message:{views[0].shortened[0]}\\"' in raw
    assert raw.count("tool_use_id") == 4
    assert "tool results shortened" in views[0].line()


async def test_shortened_results_are_sent_in_full_again_when_there_is_room(make_agent, session):
    model = ScriptedModel(*[big(n) for n in range(4)], Reply(text="done"), Reply(text="done"))
    one = make_agent(model, config={"context_tokens_max": 6_000})
    await run(one, "task")
    assert one.view.shortened
    whole = len(json.dumps([dict(message) for message in session.messages]))
    assert len(json.dumps(model.requests[-1]["messages"])) < whole * 0.8
    await one.set_view_mode("off")
    await run(one, "again")
    sent = json.dumps(model.requests[-1]["messages"])
    assert "left out of this request" not in sent
    for text in (message["content"] for message in session.messages if message["role"] == "tool"):
        assert json.dumps(text) in sent


async def test_a_running_round_of_many_steps_leaves_out_whole_steps(make_agent, session):
    steps = [Reply(text="thinking aloud " * 40, calls=[("recall", {})]) for _ in range(30)]
    model = ScriptedModel(*steps, Reply(text="done"))
    one = make_agent(model, config={"context_tokens_max": 1_500})
    events = await run(one, "The one task.")
    assert events[-1].reason == "end"
    assert len(model.requests) == 31
    for request in model.requests:
        assert "The one task." in json.dumps(request["messages"])
    assert one.view.left_out[0][0] > 0


async def test_the_last_results_are_shortened_where_nothing_else_helps(make_agent, session):
    calls = [("bash", {"command": "seq 3000"})] * 3
    model = ScriptedModel(Reply(calls=calls), Reply(text="done"))
    one = make_agent(model, config={"context_tokens_max": 9_000})
    assert (await run(one, "go"))[-1].reason == "end"
    assert len(one.view.shortened) >= 2


async def test_a_message_larger_than_the_window_is_a_clear_error_and_the_next_one_works(
    make_agent, session
):
    model = ScriptedModel(Reply(text="ok"), window_tokens=6_000)
    one = make_agent(model)
    end = (await run(one, "lorem " * 9_000))[-1]
    assert isinstance(end.error, agent.ContextTooLarge)
    assert "llm.model" in end.error.hint
    assert (await run(one, "short"))[-1].reason == "end"
    assert one.view.messages == 1


async def test_a_provider_that_counts_more_gets_less(make_agent, session):
    filled(session, tokens=6_000, each=100)
    model = ScriptedModel(
        Reply(error=llm.WindowExceeded()), Reply(error=llm.WindowExceeded()), Reply(text="ok"),
        window_tokens=10_500,
    )  # fmt: skip
    events = await run(make_agent(model), "now")
    assert events[-1].reason == "end"
    sizes = [len(json.dumps(request)) for request in model.requests]
    assert sizes[0] > sizes[2]
    assert kinds(session).count("view") >= 1


async def test_a_provider_that_never_has_enough_ends_the_turn(make_agent, session):
    filled(session, tokens=6_000, each=100)
    model = ScriptedModel(*[Reply(error=llm.WindowExceeded("too long")) for _ in range(20)])
    end = (await run(make_agent(model), "now"))[-1]
    assert isinstance(end.error, agent.ContextTooLarge)


async def test_counts_of_the_provider_above_ours_make_later_requests_smaller(make_agent, session):
    filled(session, tokens=6_000, each=100)
    counted = llm.Usage(input_tokens=18_000, output_tokens=5)
    model = ScriptedModel(Reply(text="a", usage=counted), Reply(text="b"), window_tokens=12_000)
    one = make_agent(model)
    await run(one, "now")
    assert one.view is None
    await run(one, "now")
    assert one.view is not None


async def test_the_cap_of_an_answer_is_what_the_window_has_left(make_agent, session):
    filled(session, tokens=6_000, each=100)
    model = ScriptedModel(Reply(text="a"), window_tokens=10_000, output_tokens_max=8_000)
    events = await run(make_agent(model), "now")
    step = next(event for event in events if isinstance(event, agent.StepStarted))
    cap = model.requests[-1]["max_tokens"]
    assert 1_024 <= cap <= 10_000 - step.context_tokens


async def test_a_summary_is_made_of_the_messages_and_sent_in_their_place(make_agent, session):
    filled(session, tokens=3_000, each=100)
    model = ScriptedModel(Reply(text="They spoke of lorem."), Reply(text="ok"))
    config = {"context_tokens_max": 2_000, "view_policy": "summarise"}
    events = await run(make_agent(model, config=config), "now")
    assert "They spoke of lorem." in json.dumps(model.requests[1]["messages"][0])
    assert "user: #0000#" in json.dumps(model.requests[0])
    (made,) = [event.view for event in events if isinstance(event, agent.ViewMade)]
    assert made.policy == "summarise"
    purposes = [event.purpose for event in events if isinstance(event, agent.UsageNoted)]
    assert purposes == ["summary", "answer"]


async def test_a_later_summary_never_feeds_on_an_earlier_one(make_agent, session):
    filled(session, tokens=3_000, each=100)
    model = ScriptedModel(
        Reply(text="FIRST SUMMARY"),
        Reply(text="lorem " * 800),
        Reply(text="SECOND SUMMARY"),
        Reply(text="ok"),
    )
    one = make_agent(model, config={"context_tokens_max": 2_000, "view_policy": "summarise"})
    await run(one, "now")
    await run(one, "lorem " * 100)
    asked = json.dumps(model.requests[2])
    assert "FIRST SUMMARY" not in asked
    assert "user: #0000#" in asked
    last = json.dumps(model.requests[-1])
    assert "SECOND SUMMARY" in last
    assert "FIRST SUMMARY" not in last


@pytest.mark.parametrize(
    "reply", [Reply(error=llm.Overloaded("busy")), Reply(), Reply(text="half", then="break")]
)
async def test_without_a_summary_the_oldest_messages_are_dropped_and_it_is_said(
    make_agent, session, reply
):
    filled(session, tokens=3_000, each=100)
    model = ScriptedModel(reply, Reply(text="ok"))
    config = {"context_tokens_max": 2_000, "view_policy": "summarise"}
    events = await run(make_agent(model, config=config), "now")
    assert events[-1].reason == "end"
    (made,) = [event.view for event in events if isinstance(event, agent.ViewMade)]
    assert made.policy == "drop"
    assert any("No summary" in event.text for event in events if isinstance(event, agent.Notice))


async def test_a_summary_takes_no_more_calls_than_it_may(make_agent, session):
    filled(session, tokens=60_000, each=100)
    model = ScriptedModel(*[Reply(text=f"part {n}") for n in range(9)], window_tokens=5_000)
    config = {"view_policy": "summarise", "summary_calls_max": 3}
    events = await run(make_agent(model, config=config), "now")
    assert events[-1].reason == "end"
    assert len(model.requests) == 4
    assert "oldest part is not summarised" in json.dumps(model.requests[-1]["messages"][0])


def test_a_view_says_which_positions_it_leaves_out():
    view = agent.View(
        left_out=((2, 5), (8, 8)), messages=5, tokens=9, kept_messages=1, kept_tokens=1,
        limit_tokens=1, model="m", policy="drop", lead="",
    )  # fmt: skip
    assert [at for at in range(10) if view.leaves_out(at)] == [2, 3, 4, 5, 8]
    assert not dataclasses.replace(view, left_out=()).leaves_out(0)


async def test_what_was_erased_is_not_sent_again_by_an_agent_that_has_it_open(
    make_agent, session, store
):
    model = ScriptedModel(*(Reply(text=text) for text in ("one", "two", "three")))
    one = make_agent(model)
    await run(one, "my key is hunter2")
    await run(one, "go on")
    assert "hunter2" in json.dumps(model.requests[-1]["messages"])
    store.erase(session.id, positions=[session.open().message_positions[0]])
    await run(one, "and now")
    sent = json.dumps(model.requests[-1]["messages"])
    assert "hunter2" not in sent
    assert all(text in sent for text in ("go on", "one", "two", "and now"))
