"""Processes say that they live, and one at a time holds a lease, by the database's clock."""

import threading

from novacore.workers.beats import Beats


def _beats(opened, executor, version="1"):
    return Beats(opened, executor=executor, version=version, dead_after_ms=1_000)


def test_a_process_lives_while_it_beats(opened, clock):
    first, second = _beats(opened, "first"), _beats(opened, "second", version="2")
    first.beat()
    second.beat()
    clock.advance_ms(999)
    second.beat()
    clock.advance_ms(1)
    found = second.list_executors()
    assert [(each.id, each.version, each.is_alive) for each in found] == [
        ("second", "2", True), ("first", "1", False),
    ]  # fmt: skip
    first.beat()
    assert all(each.is_alive for each in first.list_executors())


def test_a_process_that_ended_is_not_waited_for(opened):
    first = _beats(opened, "first")
    first.beat()
    assert first.take_lease("keeper", for_ms=60_000)
    first.end()
    assert [each.is_alive for each in first.list_executors()] == [False]
    assert _beats(opened, "second").take_lease("keeper", for_ms=60_000)


def test_a_lease_is_kept_by_its_holder_and_free_when_it_ran_out(opened, clock):
    first, second = _beats(opened, "first"), _beats(opened, "second")
    assert first.take_lease("keeper", for_ms=1_000)
    assert not second.take_lease("keeper", for_ms=1_000)
    clock.advance_ms(900)
    assert first.take_lease("keeper", for_ms=1_000)
    clock.advance_ms(900)
    assert not second.take_lease("keeper", for_ms=1_000)
    clock.advance_ms(101)
    assert second.take_lease("keeper", for_ms=1_000)
    assert not first.take_lease("keeper", for_ms=1_000)


def test_of_many_that_want_a_new_lease_one_gets_it(opened):
    barrier, won = threading.Barrier(4), []

    def take(name: str) -> None:
        barrier.wait()
        if _beats(opened, name).take_lease("keeper", for_ms=60_000):
            won.append(name)

    threads = [threading.Thread(target=take, args=(f"holder-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_process_is_forgotten_an_hour_after_it_fell_silent(opened, clock):
    first, second = _beats(opened, "first"), _beats(opened, "second")
    first.beat()
    clock.advance_ms(3_600_000)
    second.forget(["first"])
    assert len(second.list_executors()) == 1
    clock.advance_ms(1)
    second.forget(["first"])
    assert second.list_executors() == []
