"""Processes and threads that share a journal on PostgreSQL all get on, whatever they do at once."""

import contextlib
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.rooms.journal.children import Child

from novacore import journal
from novacore.journal import Config, NewEntry

CONFIG = Config(seal_entries=4, segment_bytes_max=64 * 1024)


def user(text):
    return {"role": "user", "content": text}


@pytest.fixture
def url(postgres_server):
    return postgres_server.new_schema()


BUSY = """
store = journal.open_postgres({url!r})
stop = threading.Event()
counts = [0] * 12
def talk(number):
    session = store.session(f"{{os.getpid()}} {{number}}")
    while not stop.is_set():
        session.append(user("x" * 200))
        counts[number] += 1
threads = [threading.Thread(target=talk, args=(number,)) for number in range(len(counts))]
say("ready")
wait()
for thread in threads:
    thread.start()
wait()
stop.set()
for thread in threads:
    thread.join()
say(min(counts), sum(counts))
store.close()
"""


@pytest.mark.heavy
def test_no_process_and_no_caller_starves_beside_busy_ones(url):
    """Only that all get on; how evenly is measured by `python -m benchmarks.fairness --url`."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(Child(BUSY.format(url=url), "x")) for _ in range(4)]
        for child in children:
            child.hear()
        for child in children:
            child.tell()
        time.sleep(1.5)
        for child in children:
            child.tell()
        said = [[int(word) for word in child.hear().split()] for child in children]
        for child in children:
            child.end()
    assert min(least for least, _ in said) > 0
    assert min(total for _, total in said) * 10 > max(total for _, total in said)


def test_threads_that_create_append_read_and_erase_at_once_never_get_in_each_others_way(url):
    store = journal.open_postgres(url, config=CONFIG)

    def talk(name):
        for number in range(10):
            session = store.session(f"{name} {number % 4}")
            session.append(user(f"{name} {number}"), NewEntry(body={}, kind="note"))
            if number % 5 == 4:
                store.erase(session.id, positions=[0])
            if number % 4 == 3:
                session.fork()
            session.open().decode_all()
            store.read(limit=20)
            store.list_sessions()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(talk, "abcde"))
    assert store.verify().problems == []
    assert len(store.read(limit=1_000)) == 5 * 10 * 2
    store.close()


def test_a_store_closes_while_other_threads_still_call_it(url):
    store = journal.open_postgres(url, config=CONFIG)
    session = store.session("talk")
    session.append(user("a"))
    outcomes = []

    def call(work):
        try:
            while True:
                work()
        except journal.StoreClosed:
            outcomes.append("closed")

    works = (
        lambda: session.append(user("b")),
        lambda: session.open().decode_all(),
        lambda: store.read(limit=5),
        store.list_sessions,
    )
    with ThreadPoolExecutor(len(works)) as pool:
        running = [pool.submit(call, work) for work in works]
        while store.feed().state().sequence < 10:
            time.sleep(0.01)
        store.close()
        for each in running:
            each.result(60)
    assert outcomes == ["closed"] * len(works)
    with journal.open_postgres(url) as again:
        assert again.verify().is_sound


def test_a_fork_beside_an_erase_counts_what_is_left(url):
    with (
        journal.open_postgres(url, config=CONFIG) as store,
        journal.open_postgres(url, config=CONFIG) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        session = store.session("talk")
        session.append(*[user(str(number)) for number in range(30)])
        erasing = pool.submit(
            lambda: [other.erase(session.id, positions=[at]) for at in range(0, 30, 3)]
        )
        forks = []
        while not erasing.done() or not forks:
            forks.append(session.fork(at=20))
        erasing.result()
        for fork in forks:
            assert fork.info.messages == len(fork.open()) == 13
        assert store.verify().problems == []


def test_a_closed_store_leaves_no_thread_and_no_connection(url):
    name = f"nova-{uuid.uuid4()}"
    threads = threading.active_count()
    for _ in range(3):
        store = journal.open_postgres(f"{url}&application_name={name}", config=CONFIG)
        session = store.session("talk")
        for future in [session.submit(user("x")) for _ in range(50)]:
            future.result()
        session.open()
        store.close()
        store.close()
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(url) as connection:
        while connection.execute(count, (name,)).fetchone() != (0,):
            connection.rollback()
            time.sleep(0.01)
    while threading.active_count() > threads:
        time.sleep(0.01)
    with pytest.raises(journal.StoreClosed):
        session.append(user("late"))
    with pytest.raises(journal.StoreClosed):
        session.open()
