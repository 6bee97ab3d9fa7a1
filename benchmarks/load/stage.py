"""A real server on a free port with accounts in it, and a scripted model behind it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

START_S = 60.0
_END_S = 30.0

_ACCOUNTS = """
import asyncio, json, sys
from novacore import bootstrap, settings
folder, count = sys.argv[1], int(sys.argv[2])
chosen = settings.load(env={}, overrides={"data_dir": folder}, workspace=folder)
platform = bootstrap.open_platform(chosen, announce=lambda line: None)
keys = []
for number in range(count):
    account = platform.identity.administration.create(f"user{number}@load.example")
    keys.append(platform.identity.keys.create(account.id, name="load").secret)
    if len(sys.argv) > 3:
        platform.billing.set_plan(account.id, sys.argv[3])
platform.close()
print(json.dumps(keys))
"""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_accounts(folder: Path, count: int, *, plan: str = "") -> list[str]:
    """API keys of as many fresh accounts, made before the server starts."""
    command = [sys.executable, "-c", _ACCOUNTS, str(folder), str(count), *([plan] if plan else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


@contextlib.contextmanager
def upstream(*options: str) -> Iterator[int]:
    """The scripted model; gives its port."""
    command = [sys.executable, "-m", "benchmarks.load.upstream", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


class Server:
    """`nova serve` over a data directory. A context manager."""

    def __init__(self, folder: Path, *, upstream_port: int, settings: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        self._settings = [
            "llm.provider=openai",
            "llm.model=scripted",
            "llm.api_key=scripted",
            "llm.window_tokens=128000",
            f"llm.base_url=http://127.0.0.1:{upstream_port}/v1",
            *settings,
        ]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-m", "novacore.cli", "serve", "--port", str(self.port)]
        command += ["--data-dir", str(self.folder)]
        log = (self.folder / "serve.log").open("ab")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        for each in self._settings:
            name, _, value = each.partition("=")
            environment[f"NOVA_{name.replace('.', '_').upper()}"] = value
        self.process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
        log.close()
        self._await_ready()

    def _await_ready(self) -> None:
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            if self._is_ready():
                return
            time.sleep(0.05)
        tail = (self.folder / "serve.log").read_text().splitlines()[-20:]
        raise RuntimeError("the server did not start:\n" + "\n".join(tail))

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """End it and its children at once, as a crash does."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Let it end by itself, and with it the process that keeps its tiers."""
        assert self.process is not None
        self.process.terminate()
        until_s = time.monotonic() + _END_S
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_S)
        while _family(self.process.pid) and time.monotonic() < until_s:
            time.sleep(0.05)
        if _family(self.process.pid):
            self.kill()

    def cpu_s(self) -> float:
        """CPU seconds of the server and its children so far."""
        assert self.process is not None
        return sum(_cpu_s(pid) for pid in _family(self.process.pid))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _family(pid: int) -> list[int]:
    """The processes of the session that the server leads."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == pid:
                found.append(int(path.parent.name))
    return found


def _cpu_s(pid: int) -> float:
    with contextlib.suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
