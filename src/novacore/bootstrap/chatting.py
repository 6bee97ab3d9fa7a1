"""What chat is handed of memory: how an answer is learnt from, and how words are erased."""

import dataclasses
from collections.abc import Callable, Sequence

from novacore import memory
from novacore.bootstrap import erasing
from novacore.bootstrap.learning import learn
from novacore.bootstrap.library import MemoryStore

_CATCH_UP_MS = 10_000
"""How long a person who deletes waits for the tiers; those that are late follow by themselves."""

StoreOf = Callable[[str], MemoryStore]
"""One account's sessions and memories."""


def learner(store_of: StoreOf, *, config: memory.Config) -> Callable[[str, str], None]:
    """Takes in what an account stated in a session, once the answer is shown."""

    def learn_from(account_id: str, session_id: str) -> None:
        store = store_of(account_id)
        learn(store, store.get_session(session_id), config=config)

    return learn_from


def eraser(store_of: StoreOf) -> Callable[[str, str, Sequence[int]], None]:
    """Destroys entries of a session everywhere, with the notes and memories made from them."""

    def erase(account_id: str, session_id: str, positions: Sequence[int]) -> None:
        if not positions:
            return
        store = store_of(account_id)
        target = erasing.find_session(store, store.get_session(session_id))
        chosen = tuple(positions)
        narrowed = dataclasses.replace(
            target,
            places={**target.places, session_id: chosen},
            memories=tuple(store.memories.derived_from({session_id: chosen})),
            entries=len(chosen),
        )
        erasing.erase(store, narrowed, timeout_ms=_CATCH_UP_MS)

    return erase
