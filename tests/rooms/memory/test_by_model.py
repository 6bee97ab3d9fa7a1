"""Facts that a model finds: asked over a real connection, believed as far as a message goes."""

import json
from pathlib import Path

import pytest
from tests.scripted_provider import ScriptedProvider

from novacore import journal, llm, memory


@pytest.fixture
def store():
    with journal.open_memory() as opened:
        yield opened


@pytest.fixture
def facts(store):
    return memory.Facts(memory.Memories(store))


async def read(facts, session, *answers: str) -> tuple[memory.Extracted, list[str]]:
    """What extraction gave, and the prompts that the provider received."""
    prompts: list[str] = []
    with ScriptedProvider([{"text": answer} for answer in answers]) as provider:
        config = llm.Config(
            provider="openai", base_url=f"{provider.url}/v1", api_key="k", model="m"
        )
        model = llm.open_model(await llm.detect(config, {}), data_dir=Path())

        async def ask(prompt: str) -> str:
            prompts.append(prompt)
            conversation = model.conversation(system="Be brief.")
            conversation.extend([{"role": "user", "content": prompt}])
            heard = [event async for event in model.stream(conversation.body())]
            return llm.read_message(heard[-1].message).text

        try:
            return await memory.extract_by_model(facts, session, ask=ask), prompts
        finally:
            await model.close()


def say(store, *texts: str) -> journal.JournalSession:
    session = store.session("talk")
    session.append(*({"role": "user", "content": text} for text in texts))
    return session


def item(number: int, subject: str, predicate: str, said: str) -> dict[str, object]:
    return {"sentence": number, "subject": subject, "predicate": predicate, "object": said}


def triples(facts) -> list[tuple[str, str, str]]:
    return [(each.subject, each.predicate, each.object) for each in facts.list()]


async def test_what_a_model_finds_is_recorded_with_its_sentence(store, facts):
    text = "Hello there. These days home is Oslo for me, all year."
    session = say(store, text)
    answer = "Sure!\n" + json.dumps([item(2, "user", "lives in", "Oslo")])
    done, prompts = await read(facts, session, answer)
    assert (len(done.added), done.refused) == (1, 0)
    assert "2. These days home is Oslo for me, all year" in prompts[0]
    source = facts.list()[0].sources[0]
    assert text[source.start : source.end] == "These days home is Oslo for me, all year."


@pytest.mark.parametrize(
    "wrong",
    [
        item(1, "user", "lives in", "Berlin"),
        item(7, "user", "lives in", "Oslo"),
        item(1, "Napoleon", "lives in", "Oslo"),
        item(1, "user", "", "Oslo"),
        item(1, "user", "lives in", "Oslo " * 100),
        {"subject": "user"},
        "a text",
        None,
        [1, 2],
    ],
)
async def test_what_stands_in_no_message_is_dropped_and_counted(store, facts, wrong):
    answer = json.dumps([wrong, item(1, "user", "likes", "fjords")])
    done, _ = await read(facts, say(store, "Oslo has fjords and I adore them."), answer)
    assert done.refused == 1
    assert triples(facts) == [("user", "likes", "fjords")]


@pytest.mark.parametrize("answer", ["", "I found nothing.", "[not json]", "{}", "[" * 9_999 + "]"])
async def test_an_answer_that_can_not_be_read_is_no_fact_and_no_error(store, facts, answer):
    done, _ = await read(facts, say(store, "Oslo it is."), answer or " ")
    assert (done.added, done.refused) == ((), 1)


async def test_a_denial_turned_round_is_dropped(store, facts):
    answer = json.dumps([item(1, "user", "lives in", "Oslo")])
    done, _ = await read(facts, say(store, "Oslo was never home for me."), answer)
    assert done.refused == 1


async def test_nothing_is_asked_twice_and_nothing_where_nothing_is_stated(store, facts):
    marked = memory.mark_recalled("Home is Oslo.")
    session = say(store, marked, "Where do I live?", "> quoted: Home is Rome.")
    done, prompts = await read(facts, session)
    assert (done, prompts) == (memory.Extracted(entries=3), [])
    session.append({"role": "user", "content": "Home is Oslo."})
    _, prompts = await read(facts, session, json.dumps([item(1, "user", "lives in", "Oslo")]))
    assert len(prompts) == 1
    _, prompts = await read(facts, session)
    assert prompts == []


async def test_a_model_and_the_rules_agree_on_one_fact(store, facts):
    session = say(store, "I live in Oslo.")
    facts.extract(session)
    await read(facts, session, json.dumps([item(1, "user", "lives in", "Oslo")]))
    assert triples(facts) == [("user", "lives in", "Oslo")]
    assert len(facts.history("user")) == 1
