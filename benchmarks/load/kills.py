"""`python -m benchmarks.load.kills --kills 20`: kill -9 in mid-load, then reckon the ledger.

In each round a crowd of accounts makes one call each, streamed or whole, and the server is killed
at a moment drawn by chance. The scripted model notes each call's nonce. At the end each account
makes one more call, which closes what the crash left open, and then the ledger is compared: each
call that reached the model has exactly one row, and ledger, counters and journal agree.
"""

import argparse
import asyncio
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks import sections
from benchmarks.load import stage

LEASE_S = 5
"""How long a hold outlives its owner here; the default is longer."""
_CALLS = 16
_REOPENED_S = 3

_LEDGER = """
import json, sys
import sqlalchemy
from novacore import billing, bootstrap, settings
chosen = settings.load(env={}, overrides={"data_dir": sys.argv[1]}, workspace=sys.argv[1])
opened = bootstrap.open_database(chosen)
with opened.read() as connection:
    rows = connection.exec_driver_sql(
        "SELECT account_id, source, line FROM billing_ledger").fetchall()
    holds = connection.exec_driver_sql(
        "SELECT count(*) FROM billing_hold WHERE state = 'open'").scalar_one()
    accounts = connection.exec_driver_sql("SELECT id, email FROM identity_account").fetchall()
print(json.dumps({"rows": [list(row) for row in rows], "open": holds,
                  "accounts": [list(row) for row in accounts]}))
"""


@dataclass
class Reckoning:
    """What a storm came to."""

    kills: int = 0
    calls: int = 0
    """Calls that reached the model."""
    rows: int = 0
    """First lines of the ledger: one for each hold that was closed by use."""
    estimated: int = 0
    uncalled: int = 0
    """Rows of holds whose call never reached the model: killed just before."""
    problems: list[str] = field(default_factory=list)


class Storm:
    """One storm over one data directory."""

    def __init__(self, folder: Path, *, upstream_port: int, log: Path, seed: int) -> None:
        self._folder = folder
        self._log = log
        self._random = random.Random(seed)
        self._port = upstream_port

    def run(self, kills: int) -> Reckoning:
        """Kill so often, then reckon."""
        keys = stage.make_accounts(self._folder, kills * _CALLS)
        settings = [f"billing.hold_lease_s={LEASE_S}"]
        server = stage.Server(self._folder, upstream_port=self._port, settings=settings)
        for number in range(kills):
            server.start()
            some = keys[number * _CALLS : (number + 1) * _CALLS]
            asyncio.run(self._round(server, some, first=number * _CALLS))
        time.sleep(LEASE_S + 1)
        server.start()
        try:
            problems = asyncio.run(self._close(server.url, keys))
        finally:
            server.stop()
        return self._reckon(kills, problems)

    async def _round(self, server: stage.Server, keys: list[str], *, first: int) -> None:
        delay_s = self._random.uniform(0.02, 0.6)
        async with aiohttp.ClientSession(server.url) as client:
            calls = [
                asyncio.create_task(_call(client, key, nonce=f"nonce-{first + index}-a"))
                for index, key in enumerate(keys)
            ]
            await asyncio.sleep(delay_s)
            server.kill()
            await asyncio.gather(*calls, return_exceptions=True)

    async def _close(self, url: str, keys: list[str]) -> list[str]:
        """One more call of each account; returns what went wrong."""
        problems: list[str] = []
        async with aiohttp.ClientSession(url) as client:
            for start in range(0, len(keys), _CALLS):
                some = list(enumerate(keys))[start : start + _CALLS]
                found = await asyncio.gather(
                    *(_call(client, key, nonce=f"nonce-{index}-z") for index, key in some)
                )
                problems += [each for each in found if each]
            await asyncio.sleep(_REOPENED_S)
        return problems

    def _reckon(self, kills: int, problems: list[str]) -> Reckoning:
        command = [sys.executable, "-c", _LEDGER, str(self._folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        names = {
            account: int(email.partition("@")[0].removeprefix("user"))
            for account, email in found["accounts"]
        }
        calls: dict[int, int] = {}
        for nonce in self._log.read_text().split():
            number = int(nonce.split("-")[1])
            calls[number] = calls.get(number, 0) + 1
        rows: dict[int, int] = {}
        estimated = 0
        for account, source, line in found["rows"]:
            estimated += source == "estimate"
            if line == 0:
                rows[names[account]] = rows.get(names[account], 0) + 1
        result = Reckoning(
            kills=kills,
            calls=sum(calls.values()),
            rows=sum(rows.values()),
            estimated=estimated,
            problems=problems,
        )
        for number in names.values():
            made, told = calls.get(number, 0), rows.get(number, 0)
            result.uncalled += max(0, told - made)
            if told < made or told > 2:
                result.problems.append(f"user{number}: {made} calls, {told} rows in the ledger")
        if found["open"]:
            result.problems.append(f"{found['open']} holds are still open")
        result.problems += _drift(self._folder)
        return result


async def _call(client: aiohttp.ClientSession, key: str, *, nonce: str) -> str:
    """One call; returns what went wrong, or nothing."""
    body = {
        "model": "default",
        "stream": not nonce.endswith("1-a"),
        "max_tokens": 200,
        "messages": [{"role": "user", "content": f"Say something. {nonce}"}],
    }
    headers = {"authorization": f"Bearer {key}"}
    with contextlib.suppress(aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
        async with client.post("/v1/chat/completions", json=body, headers=headers) as answer:
            content = await answer.read()
            return "" if answer.status == 200 else f"{nonce}: {answer.status} {content[:200]!r}"
    return f"{nonce}: the connection broke"


def _drift(folder: Path) -> list[str]:
    """Where ledger, journal and counters differ, by the command that an operator uses."""
    command = [sys.executable, "-m", "novacore.cli", "billing", "reconcile"]
    command += ["--data-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [f"reconcile: {done.stdout}{done.stderr}"]


def storm(kills: int, *, seed: int) -> Reckoning:
    """A storm in a folder of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "calls.log"
        log.touch()
        folder = Path(scratch) / "data"
        folder.mkdir()
        options = ("--log", str(log), "--piece-ms", "10", "--pieces", "40")
        with stage.upstream(*options) as port:
            return Storm(folder, upstream_port=port, log=log, seed=seed).run(kills)


def main() -> int:
    """Run a storm; 0 where every call is told once."""
    parser = argparse.ArgumentParser(description="Kill the server in mid-load, then reckon.")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--write", action="store_true", help="put it in the reference")
    options = parser.parse_args()
    found = storm(options.kills, seed=options.seed)
    told = (
        f"{found.kills} kills, {found.calls} calls reached the model, {found.rows} rows in the "
        f"ledger ({found.estimated} estimated, {found.uncalled} of holds killed before their "
        f"call): {'nothing lost, nothing twice' if not found.problems else 'PROBLEMS'}"
    )
    print(told)
    if options.write:
        sections.write("kills", f"{told}.")
    for each in found.problems:
        print(f"  {each}")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
