"""`nova serve` as a process: its address, its two streams, and its end."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.scripted_provider import ScriptedProvider

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60
NOVA = (sys.executable, "-m", "novacore.cli")


class Served:
    """A running server."""

    provider: ScriptedProvider

    def __init__(self, folder: Path, *arguments: str, **setting: str) -> None:
        self.data_dir = folder / "data"
        self.said: list[str] = []
        self.logged: list[str] = []
        self.url = ""
        self._ready = threading.Event()
        env = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "src"),
            "NOVA_DATA_DIR": str(self.data_dir),
            "NOVA_IDENTITY_PASSWORD_MEMORY_KIB": "8",
            "NOVA_IDENTITY_PASSWORD_PASSES": "1",
            "NOVA_TIERS_PROJECTOR": "off",
        }
        # What pytest-cov and coverage need to see inside of it.
        env |= {name: value for name, value in os.environ.items() if name.startswith("COV")}
        self.env = env | setting
        self.process = subprocess.Popen(
            [*NOVA, "serve", "--port", "0", *arguments],
            cwd=folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.said)),
            threading.Thread(target=self._read, args=(self.process.stderr, self.logged)),
        ]
        for reader in self._readers:
            reader.start()
        assert self._ready.wait(PATIENCE_S), self.logged
        assert self.url, (self.said, self.logged)

    @property
    def listens(self) -> str:
        """The line that says where."""
        return self.said[0]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def _read(self, stream, lines: list[str]) -> None:
        for line in stream:
            lines.append(line)
            if not self.url and (found := re.search(r"is at (\S+) ", line)):
                self.url = found[1]
                self._ready.set()
        self._ready.set()

    def nova(self, *arguments: str) -> str:
        """What `nova` says when run beside the server, over the same data directory."""
        done = subprocess.run(
            [*NOVA, *arguments], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, once it ended; all that it said is there then."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def close(self) -> None:
        """End it, however it stands."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE_S)
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@contextlib.contextmanager
def serve(folder: Path, *arguments: str, **setting: str) -> Iterator[Served]:
    """A server with a scripted model, until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with ScriptedProvider() as provider:
        model = {
            "NOVA_LLM_PROVIDER": "openai",
            "NOVA_LLM_BASE_URL": f"{provider.url}/v1",
            "NOVA_LLM_API_KEY": "sk-canary-of-provider-01",
            "NOVA_LLM_MODEL": "scripted",
        }
        served = Served(folder, *arguments, **model | setting)
        served.provider = provider
        try:
            yield served
        finally:
            served.close()
