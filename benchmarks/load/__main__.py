"""`python -m benchmarks.load`: so many people at once, each in full chat turns.

Each person makes a session, and then again and again: writes a message, reads the streamed answer
to its end, reads the list of sessions, the messages and the quota, and thinks for a while. What the
server adds to a turn is its time less what the scripted model takes by itself with as many people.
"""

import argparse
import asyncio
import dataclasses
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import aiohttp

from benchmarks import sections
from benchmarks.load import stage

_QUESTIONS = (
    "What did I say about the garden last week?",
    "My sister is called Ada and she lives in Lisbon.",
    "Please sum up what we know about the lighthouse.",
    "Remind me of the name of my sister.",
)
_WORDS, _WHOLE = "turn, first words", "turn, whole"
_FIRST, _LATER = "a person's first turn, first words", "later turns, first words"
_BASES = {_WORDS: _WORDS, _WHOLE: _WHOLE, _FIRST: _WORDS, _LATER: _WORDS}
"""What the model alone is asked for, to be compared with."""
_ALONE_TURNS = 3


class Results:
    """Times by what was asked, and what failed."""

    def __init__(self) -> None:
        self.took_ms: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []

    def percentile(self, what: str, share: float) -> float:
        """The time below which this share of the answers came, ms."""
        found = sorted(self.took_ms[what])
        return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0


class Person:
    """One person with a key."""

    def __init__(
        self,
        client: aiohttp.ClientSession,
        key: str,
        *,
        results: Results,
        think_s: float,
        arrive_s: float,
    ) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {key}"}
        self._results = results
        self._think_s = think_s
        self._arrive_s = arrive_s
        self._random = random.Random(key)

    async def run(self, turns: int) -> None:
        """Talk for so many turns."""
        await asyncio.sleep(self._random.uniform(0, self._arrive_s))
        made = await self._json("POST", "/api/v1/sessions", "make a session", body={})
        if made is None:
            return
        path = f"/api/v1/sessions/{made['id']}"
        for turn in range(turns):
            text = f"{_QUESTIONS[turn % len(_QUESTIONS)]} ({turn})"
            await self._turn(f"{path}/turns", text, is_first=turn == 0)
            await self._json("GET", "/api/v1/sessions", "list sessions")
            await self._json("GET", f"{path}/messages", "read messages")
            await self._json("GET", "/api/v1/usage/quota", "read the quota")
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * self._think_s)

    async def _turn(self, path: str, text: str, *, is_first: bool) -> None:
        began_s = time.perf_counter()
        event, first_s = "", 0.0
        async with self._client.post(path, json={"text": text}, headers=self._headers) as answer:
            if answer.status != 200:
                self._results.errors.append(f"turn: {answer.status} {await answer.text()}")
                return
            async for line in answer.content:
                if line.startswith(b"event: "):
                    event = line[7:].strip().decode()
                    if event == "delta" and not first_s:
                        first_s = time.perf_counter()
                if line.startswith(b"data: ") and event == "error":
                    self._results.errors.append(f"turn: {line[6:200]!r}")
        if event != "done":
            self._results.errors.append(f"turn ended with {event!r}")
        self._note(_WORDS, began_s, first_s)
        self._note(_FIRST if is_first else _LATER, began_s, first_s)
        self._note(_WHOLE, began_s, time.perf_counter())

    async def _json(self, method: str, path: str, what: str, *, body: dict | None = None):
        began_s = time.perf_counter()
        async with self._client.request(method, path, headers=self._headers, json=body) as answer:
            content = await answer.read()
        if answer.status >= 400:
            self._results.errors.append(f"{what}: {answer.status} {content[:200]!r}")
            return None
        self._note(what, began_s, time.perf_counter())
        return json.loads(content)

    def _note(self, what: str, began_s: float, ended_s: float) -> None:
        self._results.took_ms[what].append((ended_s - began_s) * 1_000)


async def _alone(port: int, users: int, *, think_s: float) -> Results:
    """The same people at the scripted model: what it takes by itself with as many at once."""
    results = Results()
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as client:

        async def person(number: int) -> None:
            chance = random.Random(number)
            await asyncio.sleep(chance.uniform(0, think_s))
            for _ in range(_ALONE_TURNS):
                await _asked(client, url, results)
                await asyncio.sleep(chance.uniform(0.5, 1.5) * think_s)

        await asyncio.gather(*(person(number) for number in range(users)))
    return results


async def _asked(client: aiohttp.ClientSession, url: str, results: Results) -> None:
    body = {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    began_s, first_s = time.perf_counter(), 0.0
    async with client.post(url, json=body) as answer:
        async for line in answer.content:
            if line.startswith(b"data:") and not first_s:
                first_s = time.perf_counter()
    results.took_ms[_WORDS].append((first_s - began_s) * 1_000)
    results.took_ms[_WHOLE].append((time.perf_counter() - began_s) * 1_000)


async def _crowd(
    url: str, keys: list[str], *, turns: int, think_s: float, arrive_s: float
) -> Results:
    results = Results()
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(url, connector=connector, timeout=timeout) as client:
        people = [
            Person(client, key, results=results, think_s=think_s, arrive_s=arrive_s) for key in keys
        ]
        await asyncio.gather(*(person.run(turns) for person in people))
    return results


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one crowd met."""

    text: str
    """Its table."""
    failures: int
    """Requests that failed."""


def run(users: int, turns: int, *, think_s: float, arrive_s: float) -> Outcome:
    """One crowd; prints its table.

    Args:
        users: how many people.
        turns: of each.
        think_s: how long each thinks after an answer, about.
        arrive_s: the time within which they come, one after another.
    """
    with tempfile.TemporaryDirectory() as scratch, stage.upstream() as port:
        folder = Path(scratch) / "data"
        folder.mkdir()
        keys = stage.make_accounts(folder, users)
        alone = asyncio.run(_alone(port, users, think_s=think_s))
        with stage.Server(folder, upstream_port=port) as server:
            began_s, cpu_s = time.monotonic(), server.cpu_s()
            crowd = _crowd(server.url, keys, turns=turns, think_s=think_s, arrive_s=arrive_s)
            results = asyncio.run(crowd)
            took_s, cpu_s = time.monotonic() - began_s, server.cpu_s() - cpu_s
    who = f"{users} people who come within {arrive_s:g} s"
    text = _told(results, who=who, think_s=think_s, took_s=took_s, cpu_s=cpu_s, alone=alone)
    print(f"\n{text}", flush=True)
    for each in results.errors[:5]:
        print(f"    {each}")
    return Outcome(text=text, failures=len(results.errors))


def _told(
    results: Results,
    *,
    who: str,
    think_s: float,
    took_s: float,
    cpu_s: float,
    alone: Results,
) -> str:
    turns = len(results.took_ms[_WHOLE])
    head = (
        f"{who}, {turns} turns in {took_s:.0f} s, {think_s:g} s of thought between: "
        f"{len(results.errors)} errors, server CPU {cpu_s / max(1, turns) * 1_000:.0f} ms a turn."
    )
    lines = [
        head,
        "",
        "| | p50 ms | p95 ms | p99 ms | added p50 | added p95 |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for what in results.took_ms:
        shown = [results.percentile(what, share) for share in (0.5, 0.95, 0.99)]
        cells = [f"{each:.0f}" for each in shown]
        base = _BASES.get(what)
        own = [alone.percentile(base, share) for share in (0.5, 0.95)] if base else []
        cells += [f"{each - less:.0f}" for each, less in zip(shown, own, strict=False)] or ["", ""]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Run each crowd; 0 where no request failed."""
    parser = argparse.ArgumentParser(description="Many people at once on one server.")
    parser.add_argument("--users", type=int, nargs="+", default=[50, 100])
    parser.add_argument("--turns", type=int, default=10, help="turns of each person")
    parser.add_argument("--think-s", type=float, default=5.0, help="thought between two turns")
    parser.add_argument(
        "--arrive-s", type=float, nargs="+", default=[5.0, 30.0], help="within this time they come"
    )
    parser.add_argument("--write", action="store_true", help="put it in the reference")
    options = parser.parse_args()
    found = [
        run(users, options.turns, think_s=options.think_s, arrive_s=arrive_s)
        for users in options.users
        for arrive_s in options.arrive_s
    ]
    if options.write:
        sections.write("load", "\n\n".join(each.text for each in found))
    return 1 if any(each.failures for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
