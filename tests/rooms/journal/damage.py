"""A journal with something of everything in it, and ways to damage copies of it."""

import collections
import dataclasses
import random
import shutil
import struct
from pathlib import Path

import apsw

from novacore import journal
from novacore.journal import Config, NewEntry, Scope
from novacore.kit import FixedClock

CONFIG = Config(seal_entries=8, blob_text_bytes=4096)
OTHER = Scope(owner="other")


def user(text):
    return {"role": "user", "content": text}


def fill(folder):
    """A store with segments, a tail, a fork, two owners, a blob, tombstones and holes."""
    store = journal.open_store(folder, config=CONFIG, clock=FixedClock())
    noise = random.Random(5)
    sessions = {name: store.session(name, workspace="w") for name in ("alpha", "beta", "gamma")}
    for name, count in (("alpha", 45), ("beta", 19), ("gamma", 5)):
        for i in range(count):
            body = user(f"{name} {i} {noise.randbytes(noise.choice([5, 40, 200])).hex()}")
            kind = "message" if i % 5 else "usage"
            sessions[name].append(NewEntry(body=body, kind=kind, actor="me"))
    sessions["alpha"].append(user("big " + noise.randbytes(6_000).hex()))
    fork = sessions["alpha"].fork(at=30, name="fork")
    other = store.for_owner(OTHER).session("alpha", workspace="w")
    for i in range(12):
        fork.append(user(f"fork {i}"))
        other.append(user(f"other {i}"))
    store.erase(sessions["beta"].id, positions=[3, 12])
    for i in range(21):
        sessions["alpha"].append(user(f"late {i}"))
    return store


def open_copy(folder):
    return journal.open_store(folder, config=CONFIG, clock=FixedClock())


@dataclasses.dataclass
class Expected:
    """What a session held before anything was damaged."""

    scope: Scope
    info: journal.SessionInfo
    entries: list[journal.Entry]
    messages: list[dict]


def read_all(store):
    """Every session of both owners."""
    found = []
    for scope in (Scope(), OTHER):
        mine = store.for_owner(scope)
        for info in mine.list_sessions():
            transcript = mine.get_session(info.id).open()
            messages = [dict(message) for message in transcript]
            found.append(Expected(scope, info, list(transcript.entries), messages))
    return found


@dataclasses.dataclass
class Place:
    """A filled data directory that tests copy and damage."""

    folder: Path
    expected: list[Expected]

    def copy(self, target):
        """A fresh copy to damage."""
        shutil.rmtree(target, ignore_errors=True)
        return shutil.copytree(self.folder, target)

    def blob(self):
        """The one blob file, relative to the directory."""
        return next((self.folder / "blobs").rglob("?" * 64)).relative_to(self.folder)


def flip(path, offset, mask):
    """Change bits of one byte of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


# Where things lie in the files


def _varint(data, at):
    value = 0
    for size in range(1, 9):
        byte = data[at + size - 1]
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at + size
    return value << 8 | data[at + 8], at + 9


WIDTHS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8}


def _cell_regions(data, page, at, *, name, kind):
    """The parts of one b-tree cell: (begin, end, what)."""
    begin = at
    at += 4 if kind in (2, 5) else 0
    if kind == 5:
        return [(begin, _varint(data, at)[1], f"{name} inner")]
    at = _varint(data, at)[1]
    if kind == 13:
        at = _varint(data, at)[1]
    head_size, after = _varint(data, at)
    types = []
    while after < at + head_size:
        each, after = _varint(data, after)
        types.append(each)
    found = [(begin, at + head_size, f"{name} record")]
    at += head_size
    page_end = page + 4096
    for column, each in enumerate(types):
        width = WIDTHS.get(each, (each - 12) // 2 if each >= 12 else 0)
        if width:
            found.append((at, min(at + width, page_end), f"{name} column {column}"))
        at += width
    return found


def database_regions(path):
    """Label -> the byte ranges of the main file that hold it; what is in none is unused."""
    data = path.read_bytes()
    found = collections.defaultdict(list)
    found["file header"].append((0, 100))
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    pages = connection.execute("SELECT name, pageno, pagetype FROM dbstat").fetchall()
    connection.close()
    for name, number, kind in pages:
        page = (number - 1) * 4096
        if kind == "overflow":
            found[f"{name} overflow"].append((page, page + 4096))
            continue
        head = page + (100 if number == 1 else 0)
        tree, count = data[head], struct.unpack(">H", data[head + 3 : head + 5])[0]
        cells = head + (12 if tree in (2, 5) else 8)
        found["page heads"].append((head, cells))
        found["cell pointers"].append((cells, cells + 2 * count))
        for index in range(count):
            (at,) = struct.unpack_from(">H", data, cells + 2 * index)
            for begin, end, what in _cell_regions(data, page, page + at, name=name, kind=tree):
                found[what].append((begin, end))
    return found


def segment_regions(folder):
    """Label -> the byte ranges of the segment file that hold it."""
    connection = apsw.Connection(str(folder / "journal.db"), flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute("SELECT count, messages, heads_size, offset, size FROM segment")
    found = collections.defaultdict(list)
    for count, messages, heads_size, offset, size in rows.fetchall():
        table = 4 * (count + 1)
        sizes = {
            "prefix": 64,
            "head offsets": table,
            "body offsets": table,
            "message indexes": 4 * messages if messages < count else 0,
            "heads": heads_size,
            "array head": 5,
        }
        sizes["bodies"] = size - sum(sizes.values()) - 16
        sizes["hash"] = 16
        at = offset
        for name, width in sizes.items():
            if width:
                found[name].append((at, at + width))
            at += width
    connection.close()
    return found


def sample(regions, *, each, seed):
    """(label, offset, mask) of some bits of each region, the same ones each time."""
    pick = random.Random(seed)
    for label in sorted(regions):
        ranges = regions[label]
        for _ in range(each):
            begin, end = pick.choice(ranges)
            yield label, pick.randrange(begin, end), 1 << pick.randrange(8)
