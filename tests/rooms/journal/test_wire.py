"""What client and server say to each other: parcels, lazy pages, errors with their facts."""

import msgspec
import pytest

from novacore import journal, kit
from novacore.journal import NewEntry, wire


def said(text):
    return {"role": "user", "content": text}


class Loop:
    """A channel straight to what a server does, that counts what it was asked."""

    def __init__(self, store):
        self.served = journal.Served(store)
        self.asked = []

    def ask(self, method, path, *, query=None, body=None):
        self.asked.append(path.rpartition("/")[2])
        name = path.split("/")[1] if "/" in path else ""
        if path.endswith("/open"):
            return self.served.open(name, **query)
        if path.endswith("/entries"):
            return self.served.page(name, query["first"], count=query["count"])
        assert path == "sessions/find"
        wanted = msgspec.json.decode(body)
        rows = self.served.rows(
            session_id=wanted["session_id"], workspace=wanted["workspace"], name=wanted["name"]
        )
        return msgspec.json.encode({"sessions": rows, "next": None})

    def close(self):
        """Nothing to let go of."""


@pytest.fixture
def there():
    with journal.open_memory() as store:
        yield store


@pytest.fixture
def loop(there):
    return Loop(there)


@pytest.fixture
def here(loop, there):
    engine = journal.RemoteEngine(loop, scope=there.scope)
    core = journal.Core(engine, config=journal.Config(), clock=kit.SystemClock())
    return journal.JournalStore(core, there.scope)


def test_opening_asks_once_and_reading_what_is_newest_asks_no_more(there, here, loop):
    there.session("talk").append(*[said(str(number)) for number in range(700)])
    session = here.get_session("talk")
    loop.asked.clear()
    transcript = session.open()
    assert [each["content"] for each in transcript] == [str(number) for number in range(700)]
    assert loop.asked == ["open"]


def test_older_entries_come_in_pages_when_they_are_read_and_are_kept(there, here, loop):
    texts = [f"{number} " + "x" * 9_000 for number in range(700)]
    session = there.session("talk")
    for text in texts:
        session.append(said(text))
    transcript = here.get_session("talk").open()
    loop.asked.clear()
    assert transcript[-1]["content"] == texts[-1]
    assert loop.asked == []
    assert transcript[300]["content"] == texts[300]
    assert [each["content"] for each in transcript] == texts
    count = len(loop.asked)
    assert set(loop.asked) == {"entries"}
    assert count < 12
    assert transcript[0]["content"] == texts[0]
    assert len(loop.asked) == count


def test_one_entry_larger_than_a_parcel_comes_alone(there, here):
    long = "x" * (wire.PARCEL_BYTES - 300_000)
    session = there.session("talk")
    for number in range(3):
        # Many texts just short of those that are kept outside of their entries.
        parts = [f"{number}{long[:200_000]}" for _ in range(4)]
        session.append({"role": "user", "content": parts})
    transcript = here.get_session("talk").open()
    assert [each["content"][0][0] for each in transcript] == ["0", "1", "2"]


def test_only_what_is_new_is_asked_for_again(there, here, loop):
    theirs = there.session("talk")
    theirs.append(*[said(str(number)) for number in range(10)])
    session = here.get_session("talk")
    first = session.open()
    assert session.open() is first
    theirs.append(said("10"), NewEntry(kind="usage", body={}), said("11"))
    second = session.open()
    assert [each["content"] for each in second] == [str(number) for number in range(12)]
    assert len(first) == 10
    assert list(second.message_positions) == [*range(11), 12]


def test_what_is_erased_before_it_was_fetched_is_named(there, here):
    session = there.session("talk")
    for number in range(400):
        session.append(said(f"{number} " + "x" * 9_000))
    transcript = here.get_session("talk").open()
    there.erase("talk", positions=[3])
    with pytest.raises(journal.EntryErased) as caught:
        transcript[3]
    assert caught.value.position == 3
    assert here.get_session("talk").open().gaps == [3]


def test_a_fork_is_shown_with_what_it_shares(there, here):
    session = there.session("talk")
    session.append(said("a"), said("b"), said("c"))
    fork = session.fork(at=2)
    fork.append(said("d"))
    transcript = here.get_session("talk-2").open()
    assert [each["content"] for each in transcript] == ["a", "b", "d"]
    assert [each.session_id for each in transcript.entries] == [session.id, session.id, fork.id]
    assert [each["content"] for each in transcript.first(1)] == ["a"]


def test_a_journal_of_another_epoch_is_read_anew(there, here, monkeypatch):
    there.session("talk").append(said("a"))
    session = here.get_session("talk")
    before = session.open()
    engine = there._core.engine
    state = engine.state()
    restored = journal.FeedState(
        journal=state.journal, epoch="another", sequence=state.sequence,
        recorded_at_us=state.recorded_at_us, erasures=state.erasures,
    )  # fmt: skip
    monkeypatch.setattr(engine, "state", lambda: restored)
    after = session.open()
    assert after is not before
    assert [each["content"] for each in after] == ["a"]


def test_a_foreign_id_says_nothing_but_that_it_is_in_use(there):
    other = there.for_owner(journal.Scope(owner="other"))
    session = other.session("secret name", workspace="/secret")
    (row,) = journal.Served(there).rows(session_id=session.id)
    assert row.is_foreign
    assert "secret" not in repr(row)
    with pytest.raises(journal.SessionUnknown):
        journal.Served(there).open(session.id, after=0, generation=0, epoch="")
    with pytest.raises(journal.SessionUnknown):
        journal.Served(there).erase([(session.id, None)])


@pytest.mark.parametrize("cut", [1, 3, 5, 20])
def test_a_parcel_that_was_cut_short_is_not_believed(there, cut):
    session = there.session("talk")
    session.append(said("a"))
    data = journal.Served(there).open(session.id, after=0, generation=0, epoch="")
    with pytest.raises(journal.Corrupt):
        wire.unpack(data[:-cut], wire.Opened)


def test_bits_are_the_numbers_they_were_made_of():
    for numbers in ([], [0], [7, 8], [0, 1, 2, 63, 64, 999]):
        assert wire.from_bits(wire.as_bits(numbers, count=1_000)) == numbers


@pytest.mark.parametrize(
    "error",
    [
        journal.SessionUnknown("talk", workspace="w"),
        journal.PositionConflict(session_id="s", expected=1, actual=2),
        journal.IdConflict("no", entry_id="i"),
        journal.EntryRefused("no \ud800", path="a.b", hint="do"),
        journal.QueueFull(limit="l", size=3, size_max=2),
        journal.Corrupt("broken", session_id="s", position=3, sequence=4),
        journal.StoreUnfinished(),
    ],
)
def test_an_error_comes_back_as_what_it_was(error):
    told = msgspec.json.decode(msgspec.json.encode(journal.tell(error)), type=wire.Told)
    made = journal.error_from(told)
    assert type(made) is type(error)
    assert (made.kind, made.hint) == (error.kind, error.hint)
    assert made.message == error.message.replace("\ud800", "?")
    assert {k: v for k, v in vars(made).items() if k != "message"} == {
        k: v for k, v in vars(error).items() if k != "message"
    }


@pytest.mark.parametrize("body", ["", "[]", "nan", "{", '{"a": NaN}', "1"])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(journal.EntryRefused):
        journal.entry_from(wire.Written(id="01890000-0000-7000-8000-000000000001", body=body))
