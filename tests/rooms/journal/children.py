"""Other processes on the same data directory: each runs a few lines and talks by its pipes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PREAMBLE = """
import os, signal, sys, threading, time, uuid
from pathlib import Path
from novacore import journal
from novacore.journal import Config, NewEntry, Scope
from novacore.kit import FixedClock, NovaError
folder = Path(sys.argv[1])

def user(text):
    return {"role": "user", "content": text}

def say(*words):
    print(*words, flush=True)

def wait():
    return sys.stdin.readline().strip()
"""


class Child:
    """One process that runs a script on a data directory; killed when its block ends."""

    def __init__(self, script, folder):
        setting = dict(os.environ)
        setting["PYTHONPATH"] = str(ROOT / "src")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + script, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=setting,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def hear(self):
        """The next line that it says; a child that failed says why."""
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate()[1])
        return line.strip()

    def tell(self, word=""):
        """Let it go on from where it waits."""
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def end(self):
        """Wait for its end; what it said since."""
        out, failure = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, failure
        return out.split("\n")[:-1]

    def kill(self):
        """SIGKILL, also where it is stopped."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
