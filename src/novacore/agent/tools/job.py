"""Commands and their jobs: started, watched, paged and ended."""

import asyncio
import contextlib
import dataclasses
import os
import shutil
import uuid
from pathlib import Path

from novacore.agent.config import Config
from novacore.agent.tools.processes import MARK, ProcessTree
from novacore.agent.tools.spool import Spool

_CHUNK_BYTES = 256 * 1024
_DRAIN_S = 0.2


class Pipe:
    """One output of a command, read as it comes so that the command never waits for us."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.ended = asyncio.Event()
        self.news = asyncio.Event()
        self._read_fd, self.write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        asyncio.get_running_loop().add_reader(self._read_fd, self._read)

    def started(self) -> None:
        """The command has its end; ours is closed, so that its end is seen."""
        os.close(self.write_fd)
        self.write_fd = -1

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._read_fd, _CHUNK_BYTES)
            if data:
                self.spool.add(data)
                self.news.set()
            else:
                self.close()

    def close(self) -> None:
        """Read no more. What was read stays in the spool."""
        if not self.ended.is_set():
            asyncio.get_running_loop().remove_reader(self._read_fd)
            os.close(self._read_fd)
            self.ended.set()
            self.news.set()
        if self.write_fd >= 0:
            self.started()


@dataclasses.dataclass(kw_only=True, eq=False)
class Job:
    """One command that runs or ran."""

    id: str
    """Empty until it is a background job."""
    command: str
    process: asyncio.subprocess.Process
    tree: ProcessTree
    pipes: list[Pipe]
    """Standard output and error; one pipe where both go to the same place."""
    cursors: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    """Up to which byte each filter has read; "" is reading without one."""

    @property
    def exit_code(self) -> int | None:
        """The shell's exit code, negative for a signal; None while it runs."""
        return self.process.returncode

    async def is_alive(self) -> bool:
        """Whether any process of it runs, also one that outlived its shell."""
        return self.exit_code is None or bool(await asyncio.to_thread(self.tree.members))

    async def drain(self) -> None:
        """After the shell's end: wait shortly for what is still in the pipes."""
        waits = [asyncio.ensure_future(pipe.ended.wait()) for pipe in self.pipes]
        _done, open_ends = await asyncio.wait(waits, timeout=_DRAIN_S)
        for wait in open_ends:
            wait.cancel()

    def close(self) -> None:
        """Read nothing more from it."""
        for pipe in self.pipes:
            pipe.close()


class Shell:
    """Starts commands in the workspace and ends every one of them when closed."""

    def __init__(self, folder: Path, *, config: Config) -> None:
        self._folder = folder
        self._config = config
        self._hidden = [part for name in config.bash_hidden_variables for part in ("-u", name)]
        self._program = "bash" if shutil.which("bash") else "sh"
        self._jobs: dict[str, Job] = {}
        self._running: set[Job] = set()

    @property
    def jobs(self) -> list[Job]:
        """Background jobs, oldest first, ended ones included until they were read to the end."""
        return list(self._jobs.values())

    def find(self, job_id: str) -> Job | None:
        """The background job of that id."""
        return self._jobs.get(job_id)

    async def start(self, command: str, *, is_merged: bool) -> Job:
        """Start a command. Its input is empty, its session its own.

        Args:
            command: for `bash -c`.
            is_merged: True: both outputs go to one place, in the order in which they are written.
        """
        starting = asyncio.ensure_future(self._start(command, is_merged=is_merged))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # It may have been started by now; a process that nobody knows of must not stay.
            job = await starting
            await self.end(job, grace_ms=0)
            self.forget(job)
            raise

    async def _start(self, command: str, *, is_merged: bool) -> Job:
        mark = uuid.uuid4().hex
        pipes = [Pipe(self._spool()) for _ in range(1 if is_merged else 2)]
        try:
            # `env` sets the mark and takes away keys, so that nobody here reads the environment.
            process = await asyncio.create_subprocess_exec(
                "env",
                *self._hidden,
                f"{MARK}={mark}",
                self._program,
                "-c",
                command,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=pipes[0].write_fd,
                stderr=pipes[-1].write_fd,
                start_new_session=True,
            )
        except BaseException:
            for pipe in pipes:
                pipe.close()
                pipe.spool.close()
            raise
        for pipe in pipes:
            pipe.started()
        job = Job(
            id="",
            command=command,
            process=process,
            tree=ProcessTree(process.pid, mark=mark),
            pipes=pipes,
        )
        self._running.add(job)
        return job

    def new_id(self) -> str:
        """An id that the model can use for a background job."""
        return f"bash_{uuid.uuid4().hex[:6]}"

    def keep(self, job: Job, *, job_id: str) -> None:
        """Make a command a background job; what it writes from here on goes to one place."""
        job.id = job_id
        self._jobs[job.id] = job
        if len(job.pipes) > 1:
            merged = self._spool()
            for pipe in job.pipes:
                pipe.spool.close()
                pipe.spool = merged

    async def end(self, job: Job, *, grace_ms: int) -> None:
        """End every process of a command, then read what it left in its pipes."""
        await job.tree.end(grace_ms=grace_ms)
        await job.process.wait()
        await job.drain()
        job.close()

    def forget(self, job: Job) -> None:
        """The command is over and its output was taken."""
        job.close()
        self._running.discard(job)
        self._jobs.pop(job.id, None)
        for pipe in job.pipes:
            pipe.spool.close()

    async def count_alive(self) -> int:
        """How many background jobs still run."""
        return sum([await job.is_alive() for job in self.jobs])

    async def close(self) -> None:
        """End everything. May be called more than once."""
        grace_ms = self._config.cancel_grace_ms
        jobs = list(self._running)
        await asyncio.gather(*(self.end(job, grace_ms=grace_ms) for job in jobs))
        for job in jobs:
            self.forget(job)

    def _spool(self) -> Spool:
        return Spool(kept_bytes_max=self._config.tool_output_kept_bytes_max)
