"""One connection of a process writes at a time; the others come in the order they asked in."""

import threading
import time

import pytest

from novacore import database


@pytest.fixture
def opened(tmp_path):
    made = database.Database(tmp_path / "b.db", config=database.Config(wait_ms=200))
    yield made
    made.close()


def _writes(opened, done, name):
    with opened.begin():
        done.append(name)


def test_whoever_asked_first_writes_first(opened):
    done: list[int] = []
    threads = [threading.Thread(target=_writes, args=(opened, done, name)) for name in range(8)]
    with opened.begin():
        for number, thread in enumerate(threads):
            thread.start()
            while len(opened._turns._waiting) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert done == list(range(8))


def test_a_turn_that_does_not_come_in_time_is_refused_and_the_next_one_comes(opened):
    with opened.begin():
        refused: list[BaseException] = []

        def write() -> None:
            try:
                _writes(opened, [], "late")
            except database.DatabaseUnavailable as error:
                refused.append(error)

        late = threading.Thread(target=write)
        late.start()
        late.join()
        assert "others write" in str(refused[0])
    done: list[str] = []
    _writes(opened, done, "next")
    assert done == ["next"]


def test_a_transaction_that_fails_gives_its_turn_back(opened):
    with pytest.raises(RuntimeError), opened.begin():
        raise RuntimeError
    done: list[str] = []
    _writes(opened, done, "next")
    assert done == ["next"]
