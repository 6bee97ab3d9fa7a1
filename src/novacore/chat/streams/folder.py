"""Stream logs as files in a folder of the data directory: for all processes of one machine.

Each stream is a file that its producer holds a lock on. The lock ends with the process, however
that ends, so that a reader knows at once whether anybody still writes.
"""

import asyncio
import contextlib
import fcntl
import functools
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from novacore.chat.errors import StreamsUnavailable
from novacore.chat.streams.model import Read, StreamEvent, StreamHead

_SUFFIX: Final = ".stream"
_STOP: Final = ".stop"
_POLL_S: Final = 0.1
_SWEEP_S: Final = 30.0
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class FolderMirror:
    """Files, one per stream. Safe between threads.

    Args:
        folder: made when first needed; its files are for their owner only.
        keep_s: how long a log is kept after its last event.
    """

    def __init__(self, folder: Path, *, keep_s: float) -> None:
        self._folder = folder
        self._keep_s = keep_s
        self._files: dict[str, int] = {}
        self._lock = threading.Lock()
        self._swept_s = 0.0

    async def create(self, head: StreamHead) -> None:
        """See `Mirror`."""
        await asyncio.to_thread(self._create, head)

    def creating(self, head: StreamHead) -> Callable[[], None]:
        """See `Mirror`."""
        return functools.partial(self._create, head)

    def _create(self, head: StreamHead) -> None:
        with _translated():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._path(head.stream)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC,
                           0o600)  # fmt: skip
            fcntl.flock(file, fcntl.LOCK_EX)
            fields = {name: getattr(head, name) for name in StreamHead.__slots__}
            os.write(file, json.dumps(fields).encode() + b"\n")
        with self._lock:
            self._files[head.stream] = file
        self._sweep()

    async def write(
        self, events: Mapping[str, Sequence[StreamEvent]], *, ended: Collection[str] = ()
    ) -> None:
        """See `Mirror`."""
        await asyncio.to_thread(self._write, events, ended)

    def _write(self, events: Mapping[str, Sequence[StreamEvent]], ended: Collection[str]) -> None:
        try:
            with self._lock, _translated():
                files = dict(self._files)
                for stream in files.keys() & events.keys():
                    lines = [json.dumps([each.id, each.name, each.data]) for each in events[stream]]
                    _write_all(files[stream], "".join(f"{line}\n" for line in lines).encode())
        finally:
            for stream in ended:
                self._let_go(stream)

    async def beat(self, streams: Sequence[str]) -> frozenset[str]:
        """See `Mirror`. The lock says that the producer lives; only stops are looked for."""
        return await asyncio.to_thread(self._stops, streams)

    def _stops(self, streams: Sequence[str]) -> frozenset[str]:
        return frozenset(each for each in streams if self._path(each, _STOP).exists())

    def _let_go(self, stream: str) -> None:
        with self._lock:
            file = self._files.pop(stream, None)
            if file is not None:
                os.close(file)
        self._path(stream, _STOP).unlink(missing_ok=True)

    async def find(self, stream: str) -> StreamHead | None:
        """See `Mirror`."""
        if not stream or not _NAME.issuperset(stream):
            return None
        return await asyncio.to_thread(self._head, self._path(stream))

    def _head(self, path: Path) -> StreamHead | None:
        try:
            if path.stat().st_mtime < time.time() - self._keep_s and not _is_locked(path):
                return None
            with path.open(encoding="utf-8") as file:
                return StreamHead(**json.loads(file.readline()))
        except (OSError, ValueError, TypeError):
            # Not there, swept meanwhile, or its producer died before the first line was whole.
            return None

    async def read(self, stream: str, *, after: int, wait_s: float) -> Read:
        """See `Mirror`."""
        ends_s = time.monotonic() + wait_s
        while True:
            found = await asyncio.to_thread(self._read, stream, after)
            if found.events or not found.is_alive or time.monotonic() >= ends_s:
                return found
            await asyncio.sleep(_POLL_S)

    def _read(self, stream: str, after: int) -> Read:
        path = self._path(stream)
        # In this order: what a producer wrote before it ended is read after its end was seen.
        is_alive = _is_locked(path)
        try:
            lines = path.read_bytes().split(b"\n")[1:]
        except OSError:
            return Read(events=(), is_alive=False)
        events: list[StreamEvent] = []
        for line in lines:
            try:
                number, name, data = json.loads(line)
            except ValueError:
                # The last line may be on its way, or cut where its producer died.
                break
            if number > after:
                events.append(StreamEvent(id=number, name=name, data=data))
        return Read(events=tuple(events), is_alive=is_alive)

    async def ask_stop(self, stream: str) -> None:
        """See `Mirror`."""
        await asyncio.to_thread(self._ask_stop, stream)

    def _ask_stop(self, stream: str) -> None:
        with _translated():
            if _is_locked(self._path(stream)):
                self._path(stream, _STOP).touch(mode=0o600)

    async def heads(self) -> list[StreamHead]:
        """See `Mirror`."""
        return await asyncio.to_thread(self._heads)

    def _heads(self) -> list[StreamHead]:
        if not self._folder.is_dir():
            return []
        found = [self._head(path) for path in sorted(self._folder.glob(f"*{_SUFFIX}"))]
        return [each for each in found if each is not None]

    async def erase(self, streams: Sequence[str]) -> None:
        """See `Mirror`."""
        for stream in streams:
            await asyncio.to_thread(self._path(stream).unlink, missing_ok=True)

    async def aclose(self) -> None:
        """See `Mirror`."""
        with self._lock:
            for file in self._files.values():
                os.close(file)
            self._files.clear()

    def _sweep(self) -> None:
        """Forget what is old, now and then."""
        now_s = time.monotonic()
        if now_s - self._swept_s < _SWEEP_S:
            return
        self._swept_s = now_s
        before_s = time.time() - self._keep_s
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before_s and not _is_locked(path):
                    path.unlink()

    def _path(self, stream: str, suffix: str = _SUFFIX) -> Path:
        return self._folder / f"{stream}{suffix}"


def _is_locked(path: Path) -> bool:
    """Whether a producer holds the file: a lock that another open file has is never given."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


@contextlib.contextmanager
def _translated() -> Any:
    try:
        yield
    except OSError as error:
        raise StreamsUnavailable(f"The folder of stream logs fails: {error}.") from error
