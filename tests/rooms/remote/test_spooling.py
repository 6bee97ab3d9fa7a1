"""What is said while a server is away: kept here, sent later, once and in order."""

import threading
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.servers.wire_proxy import WireProxy

from novacore import journal, remote, settings
from novacore.journal import NewEntry

IMPATIENT = settings.RemoteConfig(retry_ms=0)


def said(text):
    return {"role": "user", "content": text}


def texts(session):
    return [message["content"] for message in session.open()]


@pytest.fixture
def proxy(store_server):
    with WireProxy(urlsplit(store_server.url).port) as made:
        yield made


@pytest.fixture
def there():
    """The journal on the server."""
    with journal.open_memory() as store:
        yield store


class Notices:
    """What is announced; waits for what must come."""

    def __init__(self):
        self._came = threading.Condition()
        self.lines = []

    def __call__(self, line):
        with self._came:
            self.lines.append(line)
            self._came.notify_all()

    def wait_for(self, words):
        with self._came:
            assert self._came.wait_for(lambda: any(words in each for each in self.lines), 30)


@pytest.fixture
def notices():
    return Notices()


@pytest.fixture
def connect(store_server, proxy, there, tmp_path, notices):
    opened = []

    def made(config=IMPATIENT, **options):
        key = store_server.add(there, journal.Scope())
        options = {"spool": tmp_path / "spool", "announce": notices} | options
        opened.append(remote.connect(proxy.url, key, config=config, **options))
        return opened[-1]

    yield made
    for each in opened:
        each.close()


def test_what_is_said_while_the_server_is_away_is_there_when_it_is_back(
    connect, proxy, there, notices
):
    session = connect().session("talk", workspace="/w")
    session.append(said("before"))
    assert texts(session) == ["before"]
    proxy.go_away()
    done = session.append(said("one"), NewEntry(kind="usage", body={"n": 2**70}))
    session.submit(said("two \ud83d")).result()
    assert done.positions == (1, 2)
    assert texts(session) == ["before", "one", "two \ud83d"]
    assert [each.kind for each in session.open().entries] == ["message"] * 2 + ["usage", "message"]
    assert texts(there.session("talk", workspace="/w")) == ["before"]
    proxy.come_back()
    notices.wait_for("is back")
    assert texts(session) == ["before", "one", "two \ud83d"]
    kept = there.session("talk", workspace="/w").open()
    assert [each["content"] for each in kept] == ["before", "one", "two \ud83d"]
    assert kept.entries[2].body == {"n": 2**70}
    assert "can't be reached" in notices.lines[0]
    assert "3 entries" in notices.lines[-1]


def test_without_a_spool_an_append_fails_while_the_server_is_away(connect, proxy):
    session = connect(spool=None).session("talk")
    proxy.go_away()
    with pytest.raises(remote.ServerAway) as caught:
        session.append(said("lost"))
    assert caught.value.url == proxy.url


def test_an_answer_that_is_lost_stores_nothing_twice(connect, proxy, there):
    session = connect(config=settings.RemoteConfig(retry_ms=5_000), spool=None).session("talk")
    for number in range(5):
        proxy.swallow_answers(1 + number % 2)
        done = session.append(said(str(number)))
        assert (done.positions, done.is_retry) == ((number,), False)
    assert texts(there.session("talk")) == [*"01234"]


def test_an_append_that_was_stored_though_its_answer_was_lost_waits_and_is_stored_once(
    connect, proxy, there, notices
):
    session = connect().session("talk")
    proxy.swallow_answers(1)
    session.append(said("once"))
    notices.wait_for("is back")
    session.append(said("again"))
    assert texts(session) == texts(there.session("talk")) == ["once", "again"]


def test_what_a_process_left_is_sent_by_the_next_one(connect, proxy, there, tmp_path, notices):
    store = connect()
    session = store.session("talk")
    proxy.go_away()
    session.append(said("left"))
    store.close()
    assert "wait for the server" in notices.lines[-1]
    assert there.session("talk").open().position == 0
    proxy.come_back()
    assert texts(connect().session("talk")) == ["left"]
    assert "1 entries that waited" in notices.lines[-1]
    connect().close()
    files = [
        each for each in (tmp_path / "spool").rglob("*") if each.is_file() and each.stat().st_size
    ]
    assert files == []


def test_a_line_that_a_kill_cut_short_is_left_out_and_what_came_before_it_is_sent(
    connect, proxy, there, tmp_path
):
    store = connect()
    session = store.session("talk")
    proxy.go_away()
    session.append(said("whole"))
    session.append(said("torn"))
    store.close()
    (path,) = (tmp_path / "spool").rglob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-9])
    proxy.come_back()
    assert texts(connect().session("talk")) == ["whole"]


def test_what_another_process_still_keeps_is_left_to_it(connect, proxy, there):
    first = connect()
    session = first.session("talk")
    proxy.go_away()
    session.append(said("mine"))
    proxy.come_back()
    second = connect(announce=lambda _line: None)
    second.session("talk").append(said("theirs"))
    first.close()
    assert sorted(texts(there.session("talk"))) == ["mine", "theirs"]


def test_what_needs_the_servers_word_fails_while_it_is_away(connect, proxy):
    store = connect()
    session = store.session("talk")
    session.append(said("a"))
    session.open()
    proxy.go_away()
    for call in (
        lambda: session.append(said("b"), expected=1),
        lambda: store.session("new"),
        lambda: store.recall("a"),
        lambda: store.erase("talk"),
    ):
        with pytest.raises(journal.StorageFailed):
            call()
    assert texts(store.get_session("talk")) == ["a"]


def test_entries_that_came_to_stand_elsewhere_are_read_anew(connect, proxy, there, notices):
    session = connect().session("talk")
    session.append(said("a"))
    before = session.open()
    proxy.go_away()
    session.append(said("mine"))
    there.session("talk").append(said("theirs"))
    assert [each["content"] for each in session.open()] == ["a", "mine"]
    proxy.come_back()
    notices.wait_for("is back")
    after = session.open()
    assert [each["content"] for each in after] == ["a", "theirs", "mine"]
    assert after.generation != before.generation


def test_what_the_server_refuses_for_good_is_kept_and_said(
    connect, proxy, there, tmp_path, notices
):
    session = connect().session("talk")
    session.open()
    proxy.go_away()
    session.append(said("for nobody"))
    there.erase("talk")
    proxy.come_back()
    notices.wait_for("refused")
    (path,) = (tmp_path / "spool").rglob("refused.txt")
    assert "for nobody" in path.read_text()
    assert any(str(path) in each for each in notices.lines)


def test_more_than_is_kept_at_most_is_refused_and_the_limit_named(connect, proxy):
    config = settings.RemoteConfig(retry_ms=0, spool_bytes_max=64 * 1024)
    session = connect(config=config).session("talk")
    proxy.go_away()
    session.append(said("x" * 60_000))
    with pytest.raises(journal.QueueFull, match="spool_bytes_max"):
        session.append(said("x" * 60_000))


def test_a_long_text_can_be_read_while_it_waits(connect, proxy):
    session = connect().session("talk")
    session.open()
    proxy.go_away()
    session.append(said("long " * 200_000))
    assert session.open()[0] == said("long " * 200_000)


@examples(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.sampled_from(["say", "say", "away", "back", "swallow", "restart"]),
                      min_size=5, max_size=25))  # fmt: skip
def test_whatever_is_cut_everything_said_is_there_once_and_in_order(
    connect, proxy, there, notices, steps
):
    name = f"talk {there.feed().state().sequence} {len(there.all_sessions())}"
    proxy.come_back()
    store = connect()
    session = store.session(name)
    session.open()
    count = 0
    for step in steps:
        if step == "say":
            session.append(said(str(count)))
            count += 1
            assert texts(session) == [str(number) for number in range(count)]
        elif step == "restart":
            store.close()
            proxy.come_back()
            store = connect()
            session = store.session(name)
            session.open()
        else:
            {"away": proxy.go_away, "back": proxy.come_back}.get(
                step, lambda: proxy.swallow_answers(1)
            )()
    proxy.swallow_answers(0)
    proxy.come_back()
    store.close()
    connect().close()
    assert texts(there.session(name)) == [str(number) for number in range(count)]
