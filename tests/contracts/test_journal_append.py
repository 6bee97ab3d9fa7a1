"""What `append` promises: durable, all or nothing, once, in order; on every engine."""

import asyncio
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from novacore import journal
from novacore.journal import ANY, Appended, NewEntry
from novacore.kit import ErrorKind, FixedClock


def user(text):
    return {"role": "user", "content": text}


def with_id(text, entry_id=None, **fields):
    return NewEntry(body=user(text), id=entry_id or str(uuid.uuid4()), **fields)


def texts(session):
    return [message["content"] for message in session.open()]


def test_an_append_gives_positions_from_zero_and_sequences_from_one(session):
    assert session.append(user("a")) == Appended(positions=(0,), sequences=(1,))
    assert session.append(user("b"), user("c")) == Appended(positions=(1, 2), sequences=(2, 3))


def test_what_was_appended_is_there_after_a_restart(place):
    store = place.open()
    for text in "abcde":
        store.session("talk").append(user(text))
    assert texts(place.reopen(store).session("talk")) == [*"abcde"]


def test_an_append_of_nothing_writes_nothing(session):
    assert session.append() == Appended(positions=(), sequences=())
    assert session.submit().result() == Appended(positions=(), sequences=())
    assert session.open().position == 0


def test_sequences_rise_over_all_sessions_and_owners(store):
    other = store.for_owner(journal.Scope(owner="other"))
    handles = [store.session("a"), other.session("a"), store.session("b")]
    sequences = [handles[i % 3].append(user(str(i))).sequences[0] for i in range(9)]
    assert sequences == list(range(1, 10))


def test_a_plain_mapping_is_a_message_entry(session):
    session.append(user("a"))
    entry = session.open().entries[0]
    assert (entry.kind, entry.actor, entry.version, entry.is_erased) == ("message", "", 1, False)
    assert entry.session_id == session.id
    assert dict(entry.body) == user("a")


def test_every_field_of_an_entry_comes_back(session):
    entry_id = str(uuid.uuid4())
    session.append(
        NewEntry(
            body={"x": 1}, kind="made-up", actor="Zoë", said_at_us=12, id=entry_id, version=65535
        )
    )
    entry = session.open().entries[0]
    assert (entry.kind, entry.actor, entry.said_at_us) == ("made-up", "Zoë", 12)
    assert (entry.id, entry.version, dict(entry.body)) == (entry_id, 65535, {"x": 1})


def test_fresh_ids_are_version_seven_and_differ(session):
    session.append(*[user("same") for _ in range(20)])
    ids = [uuid.UUID(entry.id) for entry in session.open().entries]
    assert len(set(ids)) == 20
    assert {each.version for each in ids} == {7}


# Retries


def test_a_retry_with_the_same_id_and_content_writes_nothing(session):
    entry = with_id("a")
    first = session.append(entry)
    session.append(user("b"))
    again = session.append(entry)
    assert again == Appended(positions=(0,), sequences=(1,), is_retry=True)
    assert not first.is_retry
    assert texts(session) == ["a", "b"]


def test_a_retry_is_known_after_a_restart_and_after_sealing(place):
    store = place.open()
    entries = [with_id(str(i)) for i in range(9)]
    for entry in entries:
        store.session("talk").append(entry)
    store = place.reopen(store)
    for position, entry in enumerate(entries):
        assert store.session("talk").append(entry).positions == (position,)
    assert texts(store.session("talk")) == [str(i) for i in range(9)]


def test_ids_are_looked_up_before_expected(session):
    entry = with_id("a")
    session.append(entry, expected=0)
    session.append(user("b"))
    assert session.append(entry, expected=0).is_retry
    assert session.append(entry, expected=77).is_retry


def test_a_known_id_with_other_content_is_a_conflict(session):
    entry_id = str(uuid.uuid4())
    session.append(with_id("a", entry_id))
    with pytest.raises(journal.IdConflict) as caught:
        session.append(with_id("b", entry_id))
    assert caught.value.entry_id == entry_id
    assert texts(session) == ["a"]


@pytest.mark.parametrize(
    "change", [{"kind": "note"}, {"actor": "someone"}, {"version": 2}], ids=str
)
def test_kind_actor_and_version_are_part_of_the_content(session, change):
    entry_id = str(uuid.uuid4())
    session.append(with_id("a", entry_id))
    with pytest.raises(journal.IdConflict):
        session.append(with_id("a", entry_id, **change))


def test_a_retry_may_say_another_time(session):
    entry_id = str(uuid.uuid4())
    session.append(with_id("a", entry_id, said_at_us=5))
    assert session.append(with_id("a", entry_id, said_at_us=6)).is_retry
    assert session.open().entries[0].said_at_us == 5


def test_equal_values_of_another_kind_are_other_content(session):
    entry_id = str(uuid.uuid4())
    session.append(NewEntry(body={"n": 1}, id=entry_id))
    for other in ({"n": 1.0}, {"n": True}):
        with pytest.raises(journal.IdConflict):
            session.append(NewEntry(body=other, id=entry_id))


def test_a_batch_of_which_only_a_part_is_known_is_a_conflict_that_writes_nothing(session):
    known, new = with_id("a"), with_id("b")
    session.append(known)
    for batch in ([known, new], [new, known], [known, user("fresh")]):
        with pytest.raises(journal.IdConflict):
            session.append(*batch)
    assert texts(session) == ["a"]


def test_a_whole_batch_can_be_retried(session):
    batch = [with_id(text) for text in "abc"]
    session.append(user("before"))
    assert session.append(*batch).positions == (1, 2, 3)
    again = session.append(*batch)
    assert (again.positions, again.is_retry) == ((1, 2, 3), True)


def test_an_id_that_stands_twice_in_one_batch_is_refused(session):
    entry = with_id("a")
    with pytest.raises(journal.EntryRefused):
        session.append(entry, entry)
    assert session.open().position == 0


def test_an_id_of_another_session_of_the_owner_is_a_conflict(store):
    entry = with_id("a")
    store.session("one").append(entry)
    with pytest.raises(journal.IdConflict):
        store.session("two").append(entry)
    assert store.session("two").open().position == 0


def test_an_id_of_another_owner_or_tenant_is_free(store):
    entry = with_id("a")
    store.session("one").append(entry)
    for scope in (journal.Scope(owner="other"), journal.Scope(tenant="other")):
        done = store.for_owner(scope).session("one").append(entry)
        assert (done.positions, done.is_retry) == ((0,), False)


def test_an_id_may_be_written_in_capitals_or_without_hyphens(session):
    entry_id = uuid.uuid4()
    session.append(with_id("a", str(entry_id)))
    assert session.append(with_id("a", entry_id.hex.upper())).is_retry


# Expected positions


def test_an_append_at_the_expected_position_goes_through(session):
    for position in range(5):
        session.append(user("x"), expected=position)
    assert session.open().position == 5


@pytest.mark.parametrize("expected", [0, 1, 3, 99])
def test_an_append_at_another_position_is_refused_and_says_where_the_session_is(session, expected):
    session.append(user("a"), user("b"))
    with pytest.raises(journal.PositionConflict) as caught:
        session.append(user("c"), expected=expected)
    assert (caught.value.expected, caught.value.actual) == (expected, 2)
    assert caught.value.kind is ErrorKind.REFUSED
    assert texts(session) == ["a", "b"]


def test_any_goes_wherever_the_session_ends(session):
    session.append(user("a"), expected=ANY)
    session.append(user("b"), expected=ANY)
    assert texts(session) == ["a", "b"]


def test_of_many_that_expect_the_same_position_one_wins(store):
    session = store.session("talk")
    futures = [session.submit(user(str(i)), expected=0) for i in range(20)]
    outcomes = [future.exception() for future in futures]
    assert outcomes.count(None) == 1
    assert all(isinstance(each, journal.PositionConflict | None) for each in outcomes)
    assert session.open().position == 1


def test_appends_that_share_a_commit_see_each_other(store):
    entry = with_id("a")
    session, other = store.session("talk"), store.session("other")
    futures = [session.submit(entry) for _ in range(10)]
    stranger = other.submit(entry)
    assert {future.result().positions for future in futures} == {(0,)}
    assert sum(future.result().is_retry for future in futures) == 9
    assert isinstance(stranger.exception(), journal.IdConflict)
    assert texts(session) == ["a"]


def test_a_refused_append_does_not_hurt_the_others_in_its_group(store):
    sessions = [store.session(f"s{i}") for i in range(10)]
    futures = [
        session.submit(user("x"), expected=0 if i % 2 else 5) for i, session in enumerate(sessions)
    ]
    for i, future in enumerate(futures):
        assert (future.exception() is None) == bool(i % 2)
    assert [session.open().position for session in sessions] == [0, 1] * 5
    assert store.verify().is_sound


# Time


def test_recorded_at_never_goes_back_when_the_clock_does(place):
    store = place.open()
    start = place.clock.now_us()
    store.session("a").append(user("1"))
    place.clock.advance_ms(-3_600_000)
    store.session("b").append(user("2"))
    store = place.reopen(store)
    store.session("b").append(user("3"))
    place.clock.advance_ms(7_200_000)
    store.session("a").append(user("4"))
    recorded = [entry.recorded_at_us for entry in store.read()]
    assert recorded == [start, start, start, start + 3_600_000_000]


def test_said_at_is_kept_as_the_source_gives_it(place):
    session = place.open().session("talk")
    now = place.clock.now_us()
    session.append(NewEntry(body=user("a"), said_at_us=0))
    session.append(NewEntry(body=user("b"), said_at_us=2**63 - 1))
    session.append(user("c"))
    assert [entry.said_at_us for entry in session.open().entries] == [0, 2**63 - 1, now]


# Refusals


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"kind": ""}, "kind"),
        ({"kind": "k" * 65}, "kind"),
        ({"kind": "\ud800"}, "kind"),
        ({"kind": 7}, "kind"),
        ({"actor": "a" * 1_025}, "actor"),
        ({"actor": None}, "actor"),
        ({"version": -1}, "version"),
        ({"version": 65_536}, "version"),
        ({"version": "1"}, "version"),
        ({"said_at_us": -1}, "said_at_us"),
        ({"said_at_us": 2**63}, "said_at_us"),
        ({"said_at_us": 1.5}, "said_at_us"),
        ({"id": "no uuid"}, "id"),
        ({"id": 7}, "id"),
        ({"body": ["a", "list"]}, ""),
        ({"body": "a text"}, ""),
        ({"body": None}, ""),
    ],
    ids=str,
)
def test_a_field_out_of_range_is_refused_and_named(session, fields, path):
    with pytest.raises(journal.EntryRefused) as caught:
        session.append(NewEntry(**({"body": user("x")} | fields)))
    assert caught.value.path == path
    assert session.append(user("next")).positions == (0,)


def test_the_longest_kind_and_actor_are_kept(session):
    session.append(NewEntry(body={}, kind="ü" * 32, actor="é" * 512))
    entry = session.open().entries[0]
    assert (entry.kind, entry.actor) == ("ü" * 32, "é" * 512)


def test_a_batch_over_the_limit_is_refused_whole(place):
    session = place.open(batch_entries_max=5).session("talk")
    session.append(*[user("x")] * 5)
    with pytest.raises(journal.EntryRefused, match=r"journal\.batch_entries_max"):
        session.append(*[user("x")] * 6)
    assert session.open().position == 5


def test_one_bad_entry_refuses_its_whole_batch(session):
    with pytest.raises(journal.EntryRefused):
        session.append(user("a"), user(float("nan")), user("c"))
    assert session.open().position == 0


class SlowStart:
    """Keeps the writer busy until released: its clock does not answer."""

    def __init__(self):
        self.is_held = threading.Event()
        self.is_free = threading.Event()
        self._holds = False
        self._inner = FixedClock()

    def hold(self):
        self._holds = True

    def now_us(self):
        if self._holds and threading.current_thread().name == "nova-writer":
            self._holds = False
            self.is_held.set()
            self.is_free.wait(20)
        return self._inner.now_us()

    def monotonic_s(self):
        return self._inner.monotonic_s()


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"queue_entries_max": 3}, "journal.queue_entries_max"),
        ({"queue_bytes_max": 64 * 1024}, "journal.queue_bytes_max"),
    ],
    ids=["entries", "bytes"],
)
def test_a_full_queue_turns_away_and_writes_nothing_of_it(place, limits, named):
    place.clock = clock = SlowStart()
    session = place.open(**limits).session("talk")
    clock.hold()
    first = session.submit(user("first"))
    assert clock.is_held.wait(20)
    size = 30_000 if "queue_bytes_max" in limits else 1
    accepted, refused = [], None
    for i in range(10):
        try:
            accepted.append(session.submit(user(str(i) * size)))
        except journal.QueueFull as error:
            refused = refused or error
    clock.is_free.set()
    assert refused is not None
    assert (refused.limit, refused.kind) == (named, ErrorKind.UNAVAILABLE)
    for future in (first, *accepted):
        assert future.result(20)
    assert session.open().position == 1 + len(accepted)
    assert session.append(user("room again")).positions == (1 + len(accepted),)


# Futures


def threads_of_the_store() -> int:
    """All but the pools of the server that the remote engine talks to: they fill up to their own
    bounds, and only a test has them in the same process."""
    pools = ("gateway_", "AnyIO worker")
    return sum(not each.name.startswith(pools) for each in threading.enumerate())


async def test_a_hundred_and_fifty_tasks_append_without_threads(store):
    before = threads_of_the_store()
    highest = 0

    async def talk(number):
        nonlocal highest
        session = store.session(f"s{number}")
        for step in range(3):
            done = await asyncio.wrap_future(session.submit(user(f"{number}:{step}")))
            highest = max(highest, threads_of_the_store())
            assert done.positions == (step,)

    await asyncio.gather(*(talk(number) for number in range(150)))
    assert highest <= before + 3
    assert len(store.read(limit=1_000)) == 450
    for number in (0, 75, 149):
        assert texts(store.session(f"s{number}")) == [f"{number}:{step}" for step in range(3)]


async def test_a_cancelled_waiter_does_not_cancel_the_append(store):
    session = store.session("talk")

    async def wait():
        await asyncio.wrap_future(session.submit(user("kept")))

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    session.append(user("after"))
    assert texts(session) == ["kept", "after"]


def test_a_future_can_not_be_cancelled(session):
    future = session.submit(user("kept"))
    assert not future.cancel()
    assert future.result().positions == (0,)


def test_submissions_of_one_caller_keep_their_order(session):
    futures = [session.submit(user(str(i))) for i in range(200)]
    assert [future.result().positions[0] for future in futures] == list(range(200))


def test_threads_that_append_to_one_session_lose_nothing_and_keep_their_own_order(store):
    session = store.session("talk")

    def talk(name):
        for i in range(25):
            session.append(user(f"{name}:{i}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk, "abcdefgh"))
    found = texts(session)
    assert len(found) == 200
    for name in "abcdefgh":
        assert [t for t in found if t[0] == name] == [f"{name}:{i}" for i in range(25)]
    assert store.verify().is_sound


# Closing


def test_closing_waits_for_what_is_queued(place):
    store = place.open()
    session = store.session("talk")
    futures = [session.submit(user(str(i))) for i in range(300)]
    store.close()
    assert all(future.done() and future.exception() is None for future in futures)
    if place.is_durable:
        assert place.open().session("talk").open().position == 300


def test_a_closed_store_refuses_everything(place):
    store = place.open()
    session = store.session("talk")
    session.append(user("a"))
    transcript = session.open()
    store.close()
    store.close()
    for call in (
        lambda: session.append(user("b")),
        lambda: session.submit(user("b")),
        session.open,
        session.fork,
        lambda: session.info,
        lambda: store.session("new"),
        lambda: store.get_session("talk"),
        store.list_sessions,
        lambda: store.last_session(""),
        store.read,
        store.verify,
        lambda: store.erase("talk"),
        store.erase_owner,
    ):
        with pytest.raises(journal.StoreClosed):
            call()
    assert transcript[0] == user("a")


def test_a_store_closes_at_the_end_of_its_block(place):
    with place.open() as store:
        session = store.session("talk")
    with pytest.raises(journal.StoreClosed):
        session.append(user("late"))
