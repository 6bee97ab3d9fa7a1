"""The servers under measurement, each a process of its own, and what they cost."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 120.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
NOVA = ROOT / ".venv/bin/nova"
MODEL = "gpt-4o-mini"
"""LiteLLM knows its price."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def cpu_s(process_id: int) -> float:
    """Processor time of a process and everything it started that still runs."""
    total = 0.0
    for each in _family(process_id):
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            # utime, stime, and what ended children took.
            total += sum(int(fields[index]) for index in (11, 12, 13, 14)) * _TICK_S
    return total


def memory_mib(process_id: int) -> float:
    """Memory of a process and everything it started, shared pages counted once each."""
    total = 0
    for each in _family(process_id):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def _family(process_id: int) -> Iterator[int]:
    yield process_id
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process_id}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    port = free_port()
    with _process([sys.executable, "-m", "benchmarks.gateway.upstream", str(port)], log=None):
        _wait_port(port)
        yield port


@contextlib.contextmanager
def ours(folder: Path, *, upstream_port: int) -> Iterator[tuple[int, int, str]]:
    """(process id, port, key) of our server: keys, limits, holds, journal, ledger, policy on."""
    port = free_port()
    folder.mkdir(parents=True)
    settings = folder / "bench.toml"
    most = 1_000_000
    settings.write_text(
        f'[llm]\nbase_url = "http://127.0.0.1:{upstream_port}/v1"\nmodel = "{MODEL}"\n'
        # What projects the journal into tiers has nothing to do with a call.
        '[tiers]\nprojector = "off"\n'
        f"[server]\nrequests_per_minute = {most}\nrequests_burst = {most}\n"
        f"model_requests_per_minute = {most}\nmodel_requests_burst = {most}\n"
        f"ip_requests_per_minute = {most}\nip_requests_burst = {most}\n"
    )
    env = {**os.environ, "NOVA_DATA_DIR": str(folder / "data")}
    nova = [str(NOVA), "--config", str(settings)]
    email = "bench@example.org"
    made = _told([*nova, "users", "create", email, "--api-key", "--json"], env=env)
    # Limits that are looked at and never reached.
    limits = ["--tokens", "1000000000000", "--messages", "1000000000000"]
    _told([*nova, "billing", "set", email, *limits], env=env)
    key = json.loads(made)["api_key"]
    command = [*nova, "serve", "--port", str(port)]
    with _process(command, log=folder / "ours.log", env=env) as process:
        _wait_http(f"http://127.0.0.1:{port}/healthz", process, folder / "ours.log")
        yield process.pid, port, key


def _told(command: list[str], *, env: dict[str, str]) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def litellm(folder: Path, *, upstream_port: int, program: Path) -> Iterator[tuple[int, int, str]]:
    """(process id, port, key) of LiteLLM's proxy with one worker and a master key."""
    port = free_port()
    folder.mkdir(parents=True)
    config = folder / "litellm.yaml"
    config.write_text(
        "model_list:\n"
        f"  - model_name: {MODEL}\n"
        "    litellm_params:\n"
        f"      model: openai/{MODEL}\n"
        f"      api_base: http://127.0.0.1:{upstream_port}/v1\n"
        "      api_key: sk-upstream\n"
        "general_settings:\n  master_key: sk-bench\n"
    )
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    env.pop("DATABASE_URL", None)
    command = [str(program), "--config", str(config), "--port", str(port), "--num_workers", "1"]
    command += ["--host", "127.0.0.1"]
    log = folder / "litellm.log"
    with _process(command, log=log, env=env) as process:
        _wait_http(f"http://127.0.0.1:{port}/health/liveliness", process, log)
        yield process.pid, port, "sk-bench"


@contextlib.contextmanager
def _process(
    command: list[str], *, log: Path | None, env: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    with open(log or os.devnull, "ab") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_port(port: int) -> None:
    until_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until_s:
                raise SystemExit(f"Nothing listens on port {port}.") from None
            time.sleep(0.05)


def _wait_http(url: str, process: "subprocess.Popen[Any]", log: Path) -> None:
    until_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > until_s:
                raise SystemExit(f"{url} does not answer:\n{log.read_text()[-3_000:]}") from None
            time.sleep(0.1)
