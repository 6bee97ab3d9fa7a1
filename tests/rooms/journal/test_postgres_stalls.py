"""Writers on PostgreSQL that stand still between any two packets hold nobody up, nor the feed."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.servers.proxy import Proxy

from novacore import journal
from novacore.journal import Config, NewEntry

WRITERS = 20
STOPS = 6
"""Before each message of a call (Bind, Describe, Execute, Sync), within one, and at the answer."""
CONFIG = Config(lock_timeout_ms=20_000)


def user(text):
    return {"role": "user", "content": text}


def entry(number):
    return NewEntry(body=user(f"entry {number}"), id=f"018f0000-0000-7000-8000-{number:012d}")


def open_at(url):
    return journal.open_postgres(url, config=CONFIG)


def stop(proxy, number, *, is_cut=False):
    """Let the next call stand still, or be cut, at one of its places."""
    if number == STOPS - 1:
        proxy.hold_answers(is_cut=is_cut)
    elif number == STOPS - 2:
        proxy.hold(0, more_bytes=3, is_cut=is_cut)
    else:
        proxy.hold(number, is_cut=is_cut)


class Reader:
    """Follows the feed and takes note of whatever breaks its promise."""

    def __init__(self, store):
        self._store = store
        self._end = threading.Event()
        self.seen = []
        self.faults = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._end.is_set():
            self.look()

    def look(self):
        after = self.seen[-1] if self.seen else 0
        found = [each.sequence for each in self._store.read(after)]
        if found and (found != sorted(set(found)) or found[0] <= after):
            self.faults.append((after, found))
        self.seen += found

    def end(self):
        self._end.set()
        self._thread.join()
        self.look()


@pytest.fixture
def place(postgres_server):
    """(the URL of an empty journal, a function that gives the same URL through a proxy)."""
    url = postgres_server.new_schema()
    proxies = []

    def through():
        proxies.append(Proxy(postgres_server.port))
        return proxies[-1], url.replace(f":{postgres_server.port}/", f":{proxies[-1].port}/")

    yield url, through
    for proxy in proxies:
        proxy.close()


def test_twenty_writers_that_stand_still_anywhere_hold_up_nobody_and_no_sequence(place):
    url, through = place
    with contextlib.ExitStack() as opened:
        free = opened.enter_context(open_at(url))
        reader = Reader(opened.enter_context(open_at(url)))
        proxies, sessions = [], []
        for number in range(WRITERS):
            proxy, there = through()
            store = opened.enter_context(open_at(there))
            proxies.append(proxy)
            sessions.append(store.session(f"s{number % 5}"))
            sessions[-1].append(user("first"))
        pool = opened.enter_context(ThreadPoolExecutor(WRITERS))
        for proxy in proxies:
            opened.callback(proxy.release)
        own = free.session("free")
        for turn in range(STOPS):
            for number, proxy in enumerate(proxies):
                stop(proxy, (number + turn) % STOPS)
            late = [pool.submit(session.append, user("late")) for session in sessions]
            for proxy in proxies:
                proxy.wait_until_held()
            for _ in range(5):
                own.append(user(f"free {turn}"))
            for proxy in proxies:
                proxy.release()
            done = [each.result(60).sequences[0] for each in late]
            assert len(set(done)) == WRITERS
        reader.end()
        assert reader.faults == []
        total = WRITERS + STOPS * (WRITERS + 5)
        assert reader.seen == list(range(1, total + 1))
        assert free.verify().is_sound


@pytest.mark.parametrize("place_of_cut", range(STOPS))
def test_a_connection_cut_anywhere_fails_the_append_and_its_retry_writes_once(place, place_of_cut):
    url, through = place
    proxy, there = through()
    with open_at(there) as store, open_at(url) as other:
        session = store.session("talk")
        session.append(entry(1))
        stop(proxy, place_of_cut, is_cut=True)
        with pytest.raises(journal.StorageFailed):
            session.append(entry(2), entry(3))
        proxy.release()
        done = session.append(entry(2), entry(3))
        assert done.positions == (1, 2)
        assert session.append(entry(2), entry(3)).is_retry
        texts = [message["content"] for message in other.session("talk").open()]
        assert texts == ["entry 1", "entry 2", "entry 3"]
        assert other.verify().is_sound


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again_unnoticed(place):
    _, through = place
    proxy, there = through()
    with open_at(there) as store:
        session = store.session("talk")
        session.append(user("a"))
        assert len(session.open()) == 1
        proxy.cut()
        session.append(user("b"))
        proxy.cut()
        assert [message["content"] for message in session.open()] == ["a", "b"]
        proxy.cut()
        assert len(store.read()) == 2


def test_a_lock_is_lost_with_its_connection_and_says_so(place):
    url, through = place
    proxy, there = through()
    with open_at(there) as store, open_at(url) as other:
        lock = store.feed().try_lock("tier-hot")
        assert lock is not None
        assert lock.is_held
        assert other.feed().try_lock("tier-hot") is None
        proxy.cut()
        taken = None
        while taken is None:
            taken = other.feed().try_lock("tier-hot")
        assert not lock.is_held
        assert taken.is_held
        taken.close()
