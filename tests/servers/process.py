"""A server's process: it has no more rights than it needs, and it dies with the tests.

    server = ServerProcess([binary, "--port", …], folder=…, log=…)

Each server leads a process group of its own, so that its children end with it.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# Runs before the server, in its process: drops root, asks the kernel for a signal when the tests
# end (where the kernel knows how), and becomes the server. A `preexec_fn` would run Python between
# fork and exec, which Python forbids to programs with threads.
_BECOME = """
import ctypes, os, signal, sys
parent, user, group, death = (int(word) for word in sys.argv[1:5])
if user >= 0:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, death)
if os.getppid() != parent:
    sys.exit("The tests ended before the server began.")
os.execv(sys.argv[5], sys.argv[5:])
"""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def unprivileged() -> pwd.struct_passwd | None:
    """Who servers that refuse root run as: `nobody` when we are root, else ourselves (None)."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def server_folder(name: str, *, user: pwd.struct_passwd | None = None) -> Path:
    """A new folder for a server, in memory where the machine has that; owned by `user`.

    pytest's own folders can be entered by their owner only, so they are no use for another user.
    """
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    _sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=f"nova-{name}-{os.getpid()}-", dir=place))
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def _sweep(place: Path) -> None:
    """Remove the folders of test runs that were killed; their servers ended with them."""
    for folder in place.glob("nova-*-*-*"):
        made = re.fullmatch(r"nova-[a-z0-9]+-(\d+)-\w+", folder.name)
        if made and not Path("/proc", made[1]).exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


class ServerProcess:
    """A server that runs until `stop`, or until the tests end.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        log: the file that takes what it prints.
        user: who it runs as; None: whoever we are.
        death: the signal that it gets when the tests die.
        environment: variables beside PATH.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        log: Path,
        user: pwd.struct_passwd | None = None,
        death: int = signal.SIGKILL,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.log = log
        ids = (user.pw_uid, user.pw_gid) if user else (-1, -1)
        words = [str(os.getpid()), *map(str, ids), str(int(death)), *map(str, command)]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BECOME, *words],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(environment or {})},
            )

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Wait until it answers; one that ends instead, or takes too long, says why."""
        end = time.monotonic() + seconds
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                said = self.log.read_text("utf-8", "replace")[-4_000:]
                raise AssertionError(f"{self.process.args} did not start:\n{said}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL it and all that it started; some servers give their children other groups."""
        if self.process.poll() is None:
            for pid in [self.process.pid, *_descendants(self.process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 10) -> None:
        """Let it end in good order; kill it when that takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        self.kill()


def _descendants(pid: int) -> list[int]:
    """The processes that it started, and theirs, where the system lists them."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    children = [int(word) for word in text.split()]
    return children + [each for child in children for each in _descendants(child)]


def answers(port: int) -> bool:
    """True when something accepts connections on that port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
