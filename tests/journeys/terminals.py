"""Real processes for journeys: `nova` behind a pipe, and `nova` on a terminal of its own."""

import dataclasses
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PATIENCE_S = 100.0
"""How long a journey waits for what must come. No test depends on how fast it comes."""

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[=>]|\r")
NOVA = (sys.executable, "-m", "novacore.cli")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """A person's machine: a data directory, a folder to work in, and the environment."""

    data_dir: Path
    folder: Path
    env: Mapping[str, str]

    def run(self, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run `nova` to its end, without a terminal and with nothing to read."""
        return subprocess.run(
            [*NOVA, *arguments],
            cwd=self.folder,
            env={**self.env, **changed},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=PATIENCE_S,
            check=False,
        )

    def start(self, *arguments: str, **changed: str) -> subprocess.Popen[str]:
        """Start `nova` without a terminal."""
        return subprocess.Popen(
            [*NOVA, *arguments],
            cwd=self.folder,
            env={**self.env, **changed},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def messages(self, session: str) -> list[dict[str, Any]]:
        """What a session holds, as `nova show` says."""
        done = self.run("show", session, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["messages"]

    def verify(self) -> None:
        """Everything stored is what was written."""
        done = self.run("verify")
        assert done.returncode == 0, done.stdout + done.stderr


class Terminal:
    """`nova` on a pseudo-terminal; what it writes is collected as text without escapes."""

    def __init__(
        self, place: Place, *arguments: str, columns: int = 100, lines: int = 30, **changed: str
    ) -> None:
        self.raw = b""
        self._mark = 0
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(place.folder)
            os.execve(sys.executable, [*NOVA, *arguments], {**place.env, **changed})
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, size)
        self._exit_code: int | None = None
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """Everything written so far, without escapes."""
        return _ESCAPES.sub("", self.raw.decode("utf-8", "replace"))

    def send(self, keys: str) -> None:
        """Press keys."""
        os.write(self._descriptor, keys.encode())

    def expect(self, wanted: str) -> str:
        """Wait until `wanted` is written after what was expected last; returns up to its end."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            at = self.text.find(wanted, self._mark)
            if at >= 0:
                before, self._mark = self.text[self._mark : at], at + len(wanted)
                return before + wanted
            if self._has_ended() and not self._reader.is_alive():
                break
            time.sleep(0.01)
        raise AssertionError(f"{wanted!r} never came; the terminal shows:\n{self.text}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to `nova`."""
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Close the terminal, as when its window is closed."""
        os.close(self._descriptor)
        self._descriptor = -1

    def wait(self) -> int:
        """The exit code, once it ended; minus the signal's number where one killed it."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not self._has_ended() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert self._exit_code is not None, f"it did not end; the terminal shows:\n{self.text}"
        return self._exit_code

    def _has_ended(self) -> bool:
        if self._exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._exit_code = os.waitstatus_to_exitcode(status)
        return self._exit_code is not None

    def close(self) -> None:
        """End it, whatever it does."""
        if self._exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self._reader.join(PATIENCE_S)
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _collect(self) -> None:
        while True:
            try:
                if not select.select([self._descriptor], [], [], 0.1)[0]:
                    if self._exit_code is not None:
                        return
                    continue
                read = os.read(self._descriptor, 65_536)
            except (OSError, ValueError):
                return
            if not read:
                return
            self.raw += read


def new_nap() -> str:
    """A command that sleeps for a day and that no other test, now or before, has run."""
    return f"sleep 86400.{time.time_ns()}"


def processes_with(text: str) -> list[int]:
    """The processes of this machine whose command line is `text`."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().rstrip(b"\0").split(b"\0")
            if b" ".join(words) == text.encode():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def until_gone(text: str) -> bool:
    """Whether every process whose command line is `text` ends."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if not processes_with(text):
            return True
        time.sleep(0.02)
    return False


def clean_environment(home: Path, data_dir: Path) -> Iterator[tuple[str, str]]:
    """The environment of a fresh account; what measures coverage passes through."""
    for name, value in os.environ.items():
        if name.startswith(("COVERAGE", "COV_", "PATH", "PYTHON")):
            yield name, value
    yield "HOME", str(home)
    yield "TERM", "xterm-256color"
    yield "LANG", "C.UTF-8"
    yield "NOVA_DATA_DIR", str(data_dir)
    yield "NOVA_LLM_OLLAMA_URL", "http://127.0.0.1:9"
    # A process of its own per command would outlive the test; the tiers' journeys turn it on.
    yield "NOVA_TIERS_PROJECTOR", "off"
