"""`nova serve` as a process, with the built web app and a scripted model behind it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.journeys.terminals import NOVA, PATIENCE_S, clean_environment
from tests.scripted_provider import ScriptedProvider

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "four plain words here"


class WebServer:
    """A server on a port of its own, and the letters that it sent."""

    def __init__(self, folder: Path, provider: ScriptedProvider, **setting: str) -> None:
        self.provider = provider
        self.data_dir = folder / "data"
        self.lines: list[str] = []
        self._ready = threading.Event()
        self.url = ""
        env = dict(clean_environment(folder, self.data_dir)) | {
            "PYTHONPATH": str(ROOT / "src"),
            "NOVA_LLM_PROVIDER": "openai",
            "NOVA_LLM_BASE_URL": f"{provider.url}/v1",
            "NOVA_LLM_API_KEY": "key",
            "NOVA_LLM_MODEL": "scripted",
            "NOVA_IDENTITY_PASSWORD_MEMORY_KIB": "8",
            "NOVA_IDENTITY_PASSWORD_PASSES": "1",
            # All the people of a file's tests come from one address.
            "NOVA_SERVER_ANONYMOUS_REQUESTS_BURST": "100000",
            "NOVA_SERVER_AUTH_REQUESTS_BURST": "1000",
        }
        self.env = env | setting
        folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [*NOVA, "serve", "--port", "0"],
            cwd=folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(PATIENCE_S)
        if not self.url:
            self.stop()
            raise AssertionError("the server did not start:\n" + "".join(self.lines))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            if not self.url and (found := re.search(r"http://127\.0\.0\.1:\d+", line)):
                self.url = found[0]
                self._ready.set()
        self._ready.set()

    def nova(self, *arguments: str) -> str:
        """What `nova` says when run beside the server, over the same data directory."""
        done = subprocess.run(
            [*NOVA, *arguments],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def link(self, path: str, *, to: str) -> str | None:
        """The newest link to one of the app's pages in a letter to somebody, or None yet."""
        pattern = re.compile(rf"https?://\S+{re.escape(path)}\?\S+")
        letters = sorted(
            (self.data_dir / "outbox").glob("*.eml"), key=lambda letter: letter.stat().st_mtime_ns
        )
        found = [
            link
            for letter in letters
            if f"To: {to}" in letter.read_text()
            for link in pattern.findall(letter.with_suffix(".txt").read_text())
        ]
        return found[-1] if found else None

    def kill(self) -> None:
        """Kill it in the middle of whatever it does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop it as Ctrl+C does, and wait for its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE_S)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._reader.join(PATIENCE_S)
            if self._process.stdout:
                self._process.stdout.close()


def build_web_app() -> None:
    """Bring the built web app and its packages up to date, as `make run` does."""
    for action in ("install", "build"):
        done = subprocess.run(
            [sys.executable, str(ROOT / "tools" / "web.py"), action],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def serve(folder: Path, **setting: str) -> Iterator[WebServer]:
    """A server with a scripted model, until the end of the block."""
    with ScriptedProvider() as provider:
        server = WebServer(folder, provider, **setting)
        try:
            yield server
        finally:
            server.stop()
