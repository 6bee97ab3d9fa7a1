"""Real graphs of LangGraph on the journal: they stop, go on, branch and are pruned."""

from typing import Annotated, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt

from novacore.adapters.langgraph import JournalSaver


class Talk(TypedDict):
    messages: Annotated[list, add_messages]


def joined(state, writes):
    return [*state, *(line for write in writes for line in write)]


class Log(TypedDict):
    lines: Annotated[list, DeltaChannel(joined, list, snapshot_frequency=4)]
    rounds: int


def thread(name):
    return {"configurable": {"thread_id": name}}


def answering_graph(saver):
    def answer(state):
        count = len(state["messages"])
        return {"messages": [AIMessage(f"answer to {count}", id=f"answer-{count}")]}

    builder = StateGraph(Talk)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver)


def asking_graph(saver):
    def ask(state):
        return {"messages": [HumanMessage(interrupt("really?"))]}

    builder = StateGraph(Talk)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    return builder.compile(checkpointer=saver)


def logging_graph(saver):
    def log(state):
        return {"lines": [f"line {state['rounds']}"], "rounds": state["rounds"] + 1}

    builder = StateGraph(Log)
    builder.add_node("log", log)
    builder.add_edge(START, "log")
    return builder.compile(checkpointer=saver)


def test_a_conversation_goes_on_where_it_ended(store):
    for round_ in range(5):
        graph = answering_graph(JournalSaver(store))
        done = graph.invoke({"messages": [HumanMessage(f"question {round_}")]}, thread("ada"))
    texts = [message.content for message in done["messages"]]
    assert texts == [text for r in range(5) for text in (f"question {r}", f"answer to {2 * r + 1}")]
    assert len(list(graph.get_state_history(thread("ada")))) == 15


async def test_it_does_so_asynchronously_too(store):
    graph = answering_graph(JournalSaver(store))
    for round_ in range(3):
        await graph.ainvoke({"messages": [HumanMessage(f"question {round_}")]}, thread("ada"))
    state = await graph.aget_state(thread("ada"))
    assert len(state.values["messages"]) == 6


def test_a_graph_that_waits_for_a_person_goes_on_in_another_saver(store):
    stopped = asking_graph(JournalSaver(store)).invoke({"messages": []}, thread("ada"))
    assert stopped["__interrupt__"][0].value == "really?"
    done = asking_graph(JournalSaver(store)).invoke(Command(resume="yes"), thread("ada"))
    assert done["messages"][-1].content == "yes"


def test_a_branch_from_the_past_leaves_the_trunk_alone(store):
    graph = answering_graph(JournalSaver(store))
    for text in ("first", "second"):
        graph.invoke({"messages": [HumanMessage(text)]}, thread("ada"))
    history = list(graph.get_state_history(thread("ada")))
    early = next(s for s in history if len(s.values.get("messages", ())) == 2)
    branch = graph.invoke({"messages": [HumanMessage("other")]}, early.config)
    assert [m.content for m in branch["messages"]][2] == "other"
    trunk = graph.get_state(history[0].config).values["messages"]
    assert [m.content for m in trunk][2] == "second"


@pytest.mark.parametrize("rounds", [3, 6, 13])
def test_a_delta_channel_is_rebuilt_also_after_a_pruning(store, rounds):
    saver = JournalSaver(store)
    graph = logging_graph(saver)
    for count in range(rounds):
        graph.invoke({"lines": [f"in {count}"], "rounds": count}, thread("ada"))
        if count % 5 == 4:
            saver.prune(["ada"])
            assert len(list(saver.list(thread("ada")))) == 1
    wanted = [text for count in range(rounds) for text in (f"in {count}", f"line {count}")]
    graph = logging_graph(JournalSaver(store))
    assert graph.get_state(thread("ada")).values["lines"] == wanted
    saver.prune(["ada"])
    assert graph.get_state(thread("ada")).values["lines"] == wanted
    saver.copy_thread("ada", "ben")
    assert graph.get_state(thread("ben")).values["lines"] == wanted


def test_deleting_an_older_run_leaves_a_delta_channel_whole(store):
    saver = JournalSaver(store)
    graph = logging_graph(saver)
    for count in range(3):
        config = thread("ada") | {"metadata": {"run_id": f"run-{count}"}}
        graph.invoke({"lines": [], "rounds": count}, config)
    runs = {each.metadata["run_id"] for each in saver.list(thread("ada"))}
    assert runs == {"run-0", "run-1", "run-2"}
    saver.delete_for_runs(["run-0", "run-1"])
    assert graph.get_state(thread("ada")).values["lines"] == ["line 0", "line 1", "line 2"]
    assert {each.metadata["run_id"] for each in saver.list(thread("ada"))} == {"run-2"}
