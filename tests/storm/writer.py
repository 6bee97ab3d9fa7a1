"""A writer: appends, retries, forks, erases, exports, and tells its parent what was acknowledged.

Every step is announced before it begins (`try`) and acknowledged after it returned (`done`), as one
JSON line each on a pipe. What a message says follows from its id, so that the parent knows it too.
"""

import contextlib
import json
import os
import random
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.storm.places import Place

from novacore import journal

_Done = TypeVar("_Done")

SESSIONS = ("alpha", "beta", "gamma")
_WORDS = ("journal", "größer", "漢字", "snow ☃", "tab\there", 'quote"d', "back\\slash")


def text_of(entry_id: str, size: int) -> str:
    """What the message of that id says: a mark that can be searched for, then words."""
    words = random.Random(entry_id).choices(_WORDS, k=8)
    text = f"secret-{entry_id} {' '.join(words)} "
    return text + "x" * max(0, size - len(text))


def message_of(entry_id: str, size: int) -> dict[str, Any]:
    """The message of that id."""
    return {"role": "user", "content": text_of(entry_id, size), "number": 2**70}


def config_of(chance: random.Random) -> journal.Config:
    """Small limits, so that sealing, merging, blobs and checkpoints happen all the time."""
    return journal.Config(
        seal_entries=chance.choice((2, 3, 5, 16)),
        blob_text_bytes=4_096,
        checkpoint_bytes=64 * 1024,
        segment_bytes_max=chance.choice((64 * 1024, 256 * 1024)),
    )


class Writer:
    """Runs until it is killed."""

    def __init__(
        self, place: Place, folder: Path, *, seed: str, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self._chance = random.Random(seed)
        self._folder = folder
        self._seed = seed
        self._tell = tell
        self._count = 0
        self._names = list(SESSIONS)
        self._mine: list[dict[str, Any]] = []
        config = config_of(self._chance)
        self._store = _in_time(lambda: place.open(config))

    def send_again(self, steps: list[dict[str, Any]]) -> None:
        """Appends of killed writers, which may or may not have been stored."""
        for step in steps:
            self._put(step)

    def run(self) -> None:
        """One step after the other, for ever."""
        steps = (
            (self._append, 60), (self._append_many, 10), (self._retry, 12), (self._fork, 3),
            (self._erase, 6), (self._export, 2), (self._read, 7),
        )  # fmt: skip
        kinds, weights = zip(*steps, strict=True)
        while True:
            # A server that is killed, or a connection that is cut, costs the step; the next one
            # sends what may have been stored again.
            with contextlib.suppress(journal.StorageFailed):
                self._chance.choices(kinds, weights)[0]()

    def _new_id(self) -> str:
        self._count += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._seed}/{self._count}"))

    def _put(self, step: dict[str, Any]) -> None:
        self._tell({"try": step})
        entries = [
            journal.NewEntry(id=each, body=message_of(each, size))
            for each, size in zip(step["ids"], step["sizes"], strict=True)
        ]
        done = _in_time(lambda: self._store.session(step["session"]).append(*entries))
        self._tell({"done": step, "at": list(done.positions)})
        self._mine.append({**step, "at": list(done.positions)})

    def _append(self, count: int = 1) -> None:
        sizes = [self._chance.choice((120, 400, 1_500, 6_000)) for _ in range(count)]
        self._put(
            {
                "kind": "append",
                "session": self._chance.choice(self._names),
                "ids": [self._new_id() for _ in range(count)],
                "sizes": sizes,
            }
        )

    def _append_many(self) -> None:
        self._append(self._chance.randint(2, 5))

    def _retry(self) -> None:
        if self._mine:
            step = self._chance.choice(self._mine)
            self._put({key: step[key] for key in ("kind", "session", "ids", "sizes")})

    def _fork(self) -> None:
        origin = self._store.session(self._chance.choice(SESSIONS))
        length = origin.open().position
        name = f"fork-{self._new_id()}"
        step = {"kind": "fork", "of": origin.name, "name": name}
        step["at"] = self._chance.randint(0, length)
        self._tell({"try": step})
        origin.fork(at=step["at"], name=name)
        self._tell({"done": step})
        self._names.append(name)

    def _erase(self) -> None:
        if not self._mine:
            return
        step = self._chance.choice(self._mine)
        erased = {"kind": "erase", "session": step["session"], "ids": step["ids"]}
        self._tell({"try": erased})
        session = self._store.session(step["session"])
        self._store.erase(session.id, positions=step["at"])
        self._tell({"done": erased})

    def _export(self) -> None:
        session = self._store.session(self._chance.choice(self._names))
        target = self._folder / "exports" / f"{self._new_id()}.jsonl"
        step = {"kind": "export", "file": target.name}
        self._tell({"try": step})
        try:
            journal.export_session(session, target)
        except journal.EntryErased:
            return
        self._tell({"done": step})

    def _read(self) -> None:
        transcript = self._store.session(self._chance.choice(self._names)).open()
        for index in range(max(0, len(transcript) - 5), len(transcript)):
            with contextlib.suppress(journal.EntryErased):
                assert transcript[index]["number"] == 2**70


def _in_time(work: Callable[[], _Done]) -> _Done:
    """Do what may be done twice, until the server is there again and the connection holds."""
    while True:
        try:
            return work()
        except journal.StorageFailed:
            time.sleep(0.02)


def run_child(
    place: Place, folder: Path, *, seed: str, pipe: int, again: list[dict[str, Any]]
) -> None:
    """The body of a forked child; never returns."""
    code = 1
    try:

        def tell(line: dict[str, Any]) -> None:
            os.write(pipe, json.dumps(line).encode() + b"\n")

        writer = Writer(place, folder, seed=seed, tell=tell)
        writer.send_again(again)
        writer.run()
    except BaseException as error:  # noqa: BLE001 - a forked child must not run its parent's code
        os.write(pipe, json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode() + b"\n")
    finally:
        os._exit(code)
