"""Measurements that need a process of their own: a first open, memory, the command's start."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_MEMORY = """
import gc, pathlib
def private_kib():
    gc.collect()
    try:
        lines = pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
"""

_FIRST_OPEN = """
import json, sys, time
from novacore import journal
start_ns = time.perf_counter_ns()
store = journal.open_store(sys.argv[1])
transcript = store.session("bench").open()
last = transcript[-20:]
took_ms = (time.perf_counter_ns() - start_ns) / 1e6
assert len(last) == 20 and len(transcript) > 700 and not transcript.damaged
print(json.dumps({"took_ms": took_ms}))
"""

_OPEN_MEMORY = (
    _MEMORY
    + """
import json, sys
from novacore import journal
store = journal.open_store(sys.argv[1])
small = store.session("small")
small.append({"role": "user", "content": "hi"})
small.open()[-20:]
names = json.loads(sys.argv[2])
before = private_kib()
kept = []
for name in names:
    transcript = store.session(name).open()
    assert len(transcript) > 700 and not transcript.damaged
    transcript[-20:]
    kept.append(transcript)
after = private_kib()
print(json.dumps({"before_kib": before, "after_kib": after}))
"""
)

_RECALL_MEMORY = (
    _MEMORY
    + """
import json, sys
import novacore
with novacore.open(sys.argv[1]) as store:
    assert store.recall("which file has the failing test")
    print(json.dumps({"kib": private_kib()}))
"""
)

_HELP_MODULES = """
import contextlib, io, json, sys
from novacore import cli
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    cli.main(["--help"])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def run_python(script: str, *arguments: str) -> Any:
    """The JSON that a script prints on its last line, run by this interpreter."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"A measurement in a process of its own failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def first_open(path: Path) -> float:
    """Milliseconds from imports done to a conversation open, in a new process."""
    return run_python(_FIRST_OPEN, str(path))["took_ms"]


def open_memory_kib(path: Path, names: list[str]) -> tuple[int, int]:
    """(private memory before, after) opening these sessions in a new process, in KiB."""
    found = run_python(_OPEN_MEMORY, str(path), json.dumps(names))
    return found["before_kib"], found["after_kib"]


def recall_memory_kib(path: Path) -> int:
    """The private memory of a process that has recalled from a data directory."""
    return int(run_python(_RECALL_MEMORY, str(path))["kib"])


def modules_of_help() -> list[str]:
    """The top-level packages that `nova --help` imports."""
    return run_python(_HELP_MODULES)


def drop_from_page_cache(folder: Path) -> None:
    """Ask the kernel to forget what it holds of a folder's files; needs no privilege."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
