"""Every process that a command started, also those that left its group or lost their parent.

A command runs in a session of its own and with a mark in its environment. On Linux its processes
are found by session, group, parent and mark; elsewhere by group and parent, so that there a
daemon that detached itself is not found.
"""

import asyncio
import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

MARK = "NOVA_JOB"
"""The variable that marks a command's processes."""

_POLL_S = 0.02
_KILL_ROUNDS = 100


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    pid: int
    parent: int
    group: int
    session: int
    is_dead: bool


class ProcessTree:
    """The processes of one command.

    Args:
        pid: the process that was started, leader of its session and group.
        mark: the value of `MARK` in its environment.
    """

    def __init__(self, pid: int, *, mark: str) -> None:
        self.pid = pid
        self._needle = f"{MARK}={mark}".encode()

    def members(self) -> list[int]:
        """The processes that are alive, rising. Cost: a look at every process of the machine."""
        seen = _scan()
        mine = {self.pid}
        mine |= {each.pid for each in seen if self.pid in (each.group, each.session)}
        mine |= {each.pid for each in seen if each.pid not in mine and self._is_marked(each.pid)}
        grew = True
        while grew:
            children = {each.pid for each in seen if each.parent in mine} - mine
            mine |= children
            grew = bool(children)
        return sorted(each.pid for each in seen if each.pid in mine and not each.is_dead)

    async def end(self, *, grace_ms: int) -> None:
        """Tell all to end, wait up to `grace_ms`, then kill what is left, until none is."""
        loop = asyncio.get_running_loop()
        if grace_ms > 0:
            deadline = loop.time() + grace_ms / 1_000
            alive = await asyncio.to_thread(self.members)
            _signal(alive, signal.SIGTERM)
            while alive and loop.time() < deadline:
                await asyncio.sleep(_POLL_S)
                alive = await asyncio.to_thread(self.members)
        for _round in range(_KILL_ROUNDS):
            alive = await asyncio.to_thread(self.members)
            if not alive:
                return
            _signal(alive, signal.SIGKILL)
            await asyncio.sleep(_POLL_S)

    def _is_marked(self, pid: int) -> bool:
        if sys.platform != "linux":
            return False
        try:
            return self._needle in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _scan() -> list[_Seen]:
    return _scan_proc() if sys.platform == "linux" else scan_ps()


def _scan_proc() -> list[_Seen]:
    found: list[_Seen] = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = Path(f"/proc/{name}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # It ended while we looked.
        # The name in parentheses may itself hold anything.
        fields = text[text.rindex(")") + 2 :].split()
        found.append(
            _Seen(
                pid=int(name),
                parent=int(fields[1]),
                group=int(fields[2]),
                session=int(fields[3]),
                is_dead=fields[0] in "ZX",
            )
        )
    return found


def scan_ps() -> list[_Seen]:
    """The same from `ps`, for systems without /proc."""
    done = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=False
    )
    found: list[_Seen] = []
    for line in done.stdout.splitlines():
        fields = line.split()
        if len(fields) == 4:
            pid, parent, group = (int(each) for each in fields[:3])
            dead = fields[3].startswith("Z")
            found.append(_Seen(pid=pid, parent=parent, group=group, session=group, is_dead=dead))
    return found
