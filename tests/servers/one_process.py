"""A server that is one program with one folder and one port: what five of them have in common."""

import importlib.util
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.process import ServerProcess, answers, free_port, server_folder

_PORTS_TRIED = 3


def folder_of(package: str) -> Path:
    """Where a wheel was unpacked; its programs are run by path, its own helpers are not used."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"pip install {package.replace('_', '-')}"
    assert spec.origin is not None
    return Path(spec.origin).parent


class OneProcessServer(ABC):
    """One server on a free port of 127.0.0.1, in a folder of its own, as whoever we are.

    Args:
        password: what a client must know; empty: nothing.
    """

    name: str

    def __init__(self, *, password: str = "") -> None:
        self.password = password
        self.folder = server_folder(self.name)
        self.port = free_port()
        self._process: ServerProcess | None = None
        self._was_ready = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    @abstractmethod
    def url(self) -> str:
        """What a client connects to, with the password."""

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The program and its arguments."""

    def is_ready(self) -> bool:
        """True when it answers."""
        return answers(self.port)

    def start(self) -> None:
        """Start it, on the same port and files as before."""
        for _ in range(_PORTS_TRIED):
            try:
                return self._start()
            except AssertionError:
                if self._was_ready:
                    raise
                # Somebody may have taken the port since we found it free; nobody knows ours yet.
                self.port = free_port()
        return self._start()

    def _start(self) -> None:
        self._process = ServerProcess(
            self.command(),
            folder=self.folder,
            log=self.folder / "server.log",
            environment={"HOME": str(self.folder)},
        )
        self._process.wait_until(self.is_ready)
        self._was_ready = True

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """SIGKILL it."""
        if self._process is not None:
            self._process.kill()

    def remove(self) -> None:
        """Kill it and delete its files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
