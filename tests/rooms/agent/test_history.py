"""The history is what the journal has, mends laid over it; damage hides nothing else."""

import pytest
from tests.rooms.agent.conftest import run
from tests.rooms.agent.scripted_model import Reply, ScriptedModel

from novacore import agent, journal
from novacore.agent.history import History


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("repair", {"insert": {"after": 0}}),
        ("repair", {"insert": ["x"]}),
        ("repair", {"rename": [{"position": 0}]}),
        ("repair", {"drop": 7}),
        ("view", {"left_out": 3}),
        ("state", {}),
        ("decision", {"type": "permission", "rule": 7}),
        ("unheard of", {"a": 1}),
    ],
)
async def test_an_entry_that_only_looks_like_ours_stops_nothing(make_agent, session, kind, body):
    session.append({"role": "user", "content": "a"}, journal.NewEntry(kind=kind, body=body))
    model = ScriptedModel(Reply(text="ok"))
    assert (await run(make_agent(model), "b"))[-1].reason == "end"
    assert [block["text"] for block in model.requests[0]["messages"][0]["content"]] == ["a", "b"]


class Damaged:
    """A session of which some entries can't be read."""

    def __init__(self, session, *positions):
        self._session = session
        self._positions = positions

    def __getattr__(self, name):
        return getattr(self._session, name)

    def open(self, at=None):
        transcript = self._session.open(at)
        positions = self._positions

        class Entries:
            def __getitem__(self, position):
                if position in positions:
                    raise journal.Corrupt("damaged", position=position)
                return transcript.entries[position]

        class Transcript:
            position = transcript.position
            generation = transcript.generation
            entries = Entries()

        return Transcript()


async def test_damaged_entries_are_named_and_the_rest_goes_on(make_agent, session):
    for text in "abc":
        session.append({"role": "user", "content": text})
    one = make_agent(ScriptedModel(Reply(text="ok")), session=Damaged(session, 1))
    events = await one.open()
    assert events == [
        agent.Notice(
            text="1 entries of this session are damaged and left out (positions 1 …). "
            "'nova verify' says more."
        )
    ]
    assert (await run(one, "d"))[-1].reason == "end"
    sent = one.model.requests[0]["messages"][0]["content"]
    assert [block["text"] for block in sent] == ["a", "c", "d"]
    assert one.stats().damaged == 1


def test_messages_that_were_let_go_of_are_read_again_from_the_journal(session):
    session.append({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})
    history = History()
    history.refresh(session.open())
    before = [(item.message, item.reading) for item in history.items]
    for item in history.items:
        item.release()
    assert [(item.message, item.reading) for item in history.items] == before


async def test_a_session_that_can_not_be_opened_fails_the_turn_with_that_error(
    make_agent, session, store
):
    one = make_agent(ScriptedModel())
    store.close()
    events = await run(one, "a")
    assert events[-1].reason == "failed"
    assert isinstance(events[-1].error, journal.JournalError)
