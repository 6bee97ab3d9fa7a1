"""What must hold after the storm: all that was acknowledged, once, in order, and nothing erased."""

import hashlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

from tests.storm.places import Place
from tests.storm.writer import config_of, message_of

from novacore import journal


class Ledger:
    """What the writers said they would do, and what was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, tuple[str, int, int]] = {}
        """Entry id → (session, position, size)."""
        self.tried: set[str] = set()
        self.maybe_erased: set[str] = set()
        self.erased: set[str] = set()
        self.forks: dict[str, tuple[str, int]] = {}
        self.exports: set[str] = set()
        self.faults: list[str] = []

    def note(self, line: dict[str, Any]) -> None:
        """Take in one line of a writer."""
        if "failed" in line:
            self.faults.append(f"a writer failed: {line['failed']}")
            return
        step = line.get("try") or line["done"]
        kind = step["kind"]
        if "try" in line:
            if kind == "append":
                self.tried.update(step["ids"])
            elif kind == "erase":
                self.maybe_erased.update(step["ids"])
        elif kind == "append":
            self._note_append(step, line["at"])
        elif kind == "erase":
            self.erased.update(step["ids"])
        elif kind == "fork":
            self.forks[step["name"]] = (step["of"], step["at"])
        else:
            self.exports.add(step["file"])

    def _note_append(self, step: dict[str, Any], positions: list[int]) -> None:
        for each, position, size in zip(step["ids"], positions, step["sizes"], strict=True):
            place = (step["session"], position, size)
            if self.acknowledged.setdefault(each, place) != place:
                self.faults.append(f"{each} was acknowledged at two places")


def reckon(folder: Path, place: Place, ledger: Ledger) -> list[str]:
    """Reopen the store and compare; returns what is wrong, empty where all is well."""
    faults = list(ledger.faults)
    with place.open(config_of(random.Random(0))) as store:
        report = store.verify()
        faults += [f"verify: {problem.what}" for problem in report.problems]
        found: dict[str, list[tuple[str, journal.Entry]]] = {}
        lengths: dict[str, list[str]] = {}
        for info in store.list_sessions(limit=100_000):
            entries = store.get_session(info.id).open().entries
            lengths[info.name] = [entry.id for entry in entries]
            for entry in entries:
                if entry.session_id == info.id:
                    found.setdefault(entry.id, []).append((info.name, entry))
        sequences = Counter(entry.sequence for places in found.values() for _, entry in places)
        faults += [f"sequence {n} was given twice" for n, times in sequences.items() if times > 1]
    faults += _compare(found, ledger)
    faults += _compare_forks(lengths, ledger)
    faults += _search_erased(place, ledger)
    faults += _search_leftovers(place, found)
    faults += _read_exports(folder, ledger)
    return faults


def _compare(found: dict[str, list[tuple[str, journal.Entry]]], ledger: Ledger) -> list[str]:
    faults: list[str] = []
    for each, places in found.items():
        if len(places) > 1:
            faults.append(f"{each} is stored {len(places)} times")
        if each not in ledger.tried:
            faults.append(f"{each} was never appended")
    for each, (session, position, size) in ledger.acknowledged.items():
        if each not in found:
            faults.append(f"{each} was acknowledged and is gone")
            continue
        name, entry = found[each][0]
        if (name, entry.position) != (session, position):
            faults.append(f"{each} is at {name}/{entry.position}, not {session}/{position}")
        if each in ledger.erased and not entry.is_erased:
            faults.append(f"{each} was erased and is back")
        if entry.is_erased and each not in ledger.maybe_erased:
            faults.append(f"{each} was erased by nobody")
        if not entry.is_erased and entry.body != message_of(each, size):
            faults.append(f"{each} says something else")
    return faults


def _compare_forks(lengths: dict[str, list[str]], ledger: Ledger) -> list[str]:
    faults: list[str] = []
    for name, (origin, at) in ledger.forks.items():
        if name not in lengths:
            faults.append(f"{name} was acknowledged and is gone")
        elif lengths[name][:at] != lengths[origin][:at]:
            faults.append(f"{name} does not share the first {at} entries of {origin}")
    return faults


def _search_erased(place: Place, ledger: Ledger) -> list[str]:
    """The bytes of what was erased, anywhere in the store."""
    if not ledger.erased:
        return []
    content = place.bytes_of()
    return [
        f"{each} was erased, and its text is still in {name}"
        for each in ledger.erased
        for name, raw in content.items()
        if f"secret-{each}".encode() in raw
    ]


def _search_leftovers(place: Place, found: dict[str, list[tuple[str, journal.Entry]]]) -> list[str]:
    """Blobs that no entry names any more, or that one names and are not there."""
    named = {
        hashlib.sha256(text.encode()).hexdigest()
        for places in found.values()
        for _, entry in places
        if len((text := str(entry.body.get("content", ""))).encode()) >= 4_096
    }
    stored = place.blobs()
    faults = [f"blob {name} is named by no entry" for name in stored - named]
    return faults + [f"blob {name} is missing" for name in named - stored]


def _read_exports(folder: Path, ledger: Ledger) -> list[str]:
    """Every export that bears its name is whole, acknowledged or not."""
    faults: list[str] = []
    files = {path.name: path for path in (folder / "exports").glob("*.jsonl")}
    faults += [f"export {name} is gone" for name in ledger.exports - files.keys()]
    for path in files.values():
        with journal.open_memory() as store:
            try:
                journal.import_lines(store, path)
            except journal.JournalError as error:
                faults.append(f"export {path.name} can't be read: {error}")
        path.unlink()
        ledger.exports.discard(path.name)
    return faults
