"""The tools `bash`, `bash_output` and `bash_kill`."""

import asyncio
import codecs
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from novacore import llm
from novacore.agent.config import Config
from novacore.agent.output import BlobStore, decoded, fitted
from novacore.agent.tool import Access, FunctionTool, Subject, Tool, ToolOutcome, failed
from novacore.agent.toolbox import arguments_schema
from novacore.agent.tools.finding import find
from novacore.agent.tools.job import Job, Shell

_ID = {"type": "string", "description": "The id that bash gave."}
_WAIT_MS_MAX = 60_000


def shell_tools(folder: Path, *, config: Config, blobs: BlobStore) -> list[Tool]:
    """The three tools around one shell, which ends its commands when they are closed."""
    tools = _ShellTools(Shell(folder, config=config), config=config, blobs=blobs)
    return [
        FunctionTool(
            spec=llm.ToolSpec(
                name="bash",
                description=(
                    "Run a command with bash. Each starts in the workspace, afresh, and gets no "
                    "input. Gives its output, its errors and its exit code. A command that should "
                    "go on, as a server, takes background=true and is read with bash_output."
                ),
                parameters=arguments_schema(
                    {
                        "command": {"type": "string", "minLength": 1},
                        "timeout_ms": {
                            "type": "integer",
                            "minimum": 1,
                            "description": f"Ends it after this time; {config.bash_timeout_ms} "
                            f"where not given, at most {config.bash_timeout_ms_max}.",
                        },
                        "background": {"type": "boolean"},
                    },
                    required=("command",),
                ),
            ),
            function=tools.bash,
            access=Access.COMMAND,
            subject_of=lambda arguments: Subject(kind="command", text=arguments["command"]),
            on_close=tools.shell.close,
        ),
        FunctionTool(
            spec=llm.ToolSpec(
                name="bash_output",
                description="What a background command has written since it was last read.",
                parameters=arguments_schema(
                    {
                        "bash_id": _ID,
                        "filter": {
                            "type": "string",
                            "description": "A regular expression; gives the new lines that fit. "
                            "The others stay unread for a call without filter.",
                        },
                        "wait_ms": {
                            "type": "integer",
                            "minimum": 0,
                            "maximum": _WAIT_MS_MAX,
                            "description": "How long to wait where there is nothing new yet.",
                        },
                    },
                    required=("bash_id",),
                ),
            ),
            function=tools.bash_output,
        ),
        FunctionTool(
            spec=llm.ToolSpec(
                name="bash_kill",
                description="End a background command and all it started; gives what it wrote.",
                parameters=arguments_schema({"bash_id": _ID}, required=("bash_id",)),
            ),
            function=tools.bash_kill,
        ),
    ]


class _ShellTools:
    def __init__(self, shell: Shell, *, config: Config, blobs: BlobStore) -> None:
        self.shell = shell
        self._config = config
        self._blobs = blobs

    async def bash(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        command = str(arguments["command"])
        if "\0" in command:
            return failed("A command can't hold a zero byte.")
        if arguments.get("background"):
            return await self._start_in_background(command)
        timeout_ms = int(arguments.get("timeout_ms", self._config.bash_timeout_ms))
        timeout_ms = min(timeout_ms, self._config.bash_timeout_ms_max)
        job = await self.shell.start(command, is_merged=False)
        try:
            return await self._run_to_end(job, timeout_ms=timeout_ms)
        except asyncio.CancelledError:
            # Not raised again: the task ends here, with what the command had to say.
            await self.shell.end(job, grace_ms=self._config.cancel_grace_ms)
            note = "cancelled by the user; the command and its children were ended"
            return await self._outcome(self._taken(job, note=note), is_error=True)

    async def _run_to_end(self, job: Job, *, timeout_ms: int) -> ToolOutcome:
        try:
            await asyncio.wait_for(job.process.wait(), timeout_ms / 1_000)
        except TimeoutError:
            await self.shell.end(job, grace_ms=self._config.cancel_grace_ms)
            note = f"timed out after {timeout_ms:,} ms; the command and its children were ended"
            return await self._outcome(self._taken(job, note=note), is_error=True)
        await job.drain()
        note = f"exit code {job.exit_code}"
        if await job.is_alive():
            job_id = self.shell.new_id()
            note += (
                f"; what it started still runs, as {job_id}: read it with bash_output, "
                "end it with bash_kill"
            )
            text = _text_of(job, note=note)
            self.shell.keep(job, job_id=job_id)
        else:
            text = self._taken(job, note=note)
        return await self._outcome(text, is_error=job.exit_code != 0)

    async def _start_in_background(self, command: str) -> ToolOutcome:
        if await self.shell.count_alive() >= self._config.jobs_max:
            return failed(
                f"There are {self._config.jobs_max} background commands already "
                "(agent.jobs_max). End one with bash_kill first."
            )
        job = await self.shell.start(command, is_merged=True)
        job_id = self.shell.new_id()
        self.shell.keep(job, job_id=job_id)
        return ToolOutcome(
            text=f"[running in the background as {job_id}; read it with bash_output]"
        )

    def _taken(self, job: Job, *, note: str) -> str:
        """What a command that is over had to say; nothing is kept of it."""
        text = _text_of(job, note=note)
        self.shell.forget(job)
        return text

    async def _outcome(self, text: str, *, is_error: bool = False) -> ToolOutcome:
        return await fitted(
            text,
            bytes_max=self._config.tool_output_bytes_max,
            blobs=self._blobs,
            is_error=is_error,
        )

    async def bash_output(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        job = self.shell.find(str(arguments["bash_id"]))
        if job is None:
            return self._unknown(str(arguments["bash_id"]))
        pattern = str(arguments.get("filter", ""))
        wait_ms = int(arguments.get("wait_ms", 0))
        if wait_ms and not _new_output(job, pattern=pattern, is_whole=False)[0]:
            await _wait_for_news(job, wait_ms=wait_ms)
        is_alive = await job.is_alive()
        if not is_alive:
            await job.drain()
        new, end = _new_output(job, pattern=pattern, is_whole=not is_alive)
        shown, left = new, 0
        if pattern:
            picked = await self._filtered(pattern, new)
            if isinstance(picked, ToolOutcome):
                return picked
            shown, left = picked
        job.cursors[pattern] = end
        status = "running" if is_alive else f"ended with exit code {job.exit_code}"
        if left:
            status += f"; {left:,} new lines don't fit the filter"
        outcome = await self._shown(shown, status=status)
        if not is_alive and job.cursors.get("", 0) >= _total(job):
            self.shell.forget(job)
        return outcome

    async def bash_kill(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        job = self.shell.find(str(arguments["bash_id"]))
        if job is None:
            return self._unknown(str(arguments["bash_id"]))
        await self.shell.end(job, grace_ms=self._config.bash_grace_ms)
        new, _end = _new_output(job, pattern="", is_whole=True)
        outcome = await self._shown(new, status=f"ended with exit code {job.exit_code}")
        self.shell.forget(job)
        return outcome

    async def _shown(self, text: str, *, status: str) -> ToolOutcome:
        body = text.removesuffix("\n") or "(nothing new)"
        return await self._outcome(f"{body}\n[{status}]")

    async def _filtered(self, pattern: str, text: str) -> tuple[str, int] | ToolOutcome:
        lines = text.splitlines()
        answer = await find(
            {"job": "filter", "regex": pattern, "lines": lines},
            timeout_ms=self._config.search_timeout_ms,
        )
        if isinstance(answer, ToolOutcome):
            return answer
        indexes: Sequence[int] = answer["indexes"]
        return "\n".join(lines[index] for index in indexes), len(lines) - len(indexes)

    def _unknown(self, job_id: str) -> ToolOutcome:
        known = ", ".join(f"{job.id} ({job.command[:60]})" for job in self.shell.jobs)
        return failed(f"There is no background command {job_id!r}. There are: {known or 'none'}.")


def _text_of(job: Job, *, note: str) -> str:
    """Both outputs, then what became of the command."""
    texts = [decoded(pipe.spool.read()) for pipe in job.pipes]
    parts = [texts[0]] if texts[0] else []
    if any(texts[1:]):
        parts.append("[stderr]\n" + "".join(texts[1:]))
    parts.append(f"[{note}]")
    return "\n".join(part.removesuffix("\n") for part in parts)


def _total(job: Job) -> int:
    return job.pipes[0].spool.total_bytes


def _new_output(job: Job, *, pattern: str, is_whole: bool) -> tuple[str, int]:
    """What this filter has not seen yet, and up to which byte that is.

    While the command runs a filter sees whole lines only, so that none is judged by its half, and
    nobody sees half a character.
    """
    data = job.pipes[0].spool.read(job.cursors.get(pattern, 0))
    if is_whole:
        return decoded(data), _total(job)
    if pattern:
        cut = data.rfind(b"\n") + 1
        return decoded(data[:cut]), _total(job) - (len(data) - cut)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    return text, _total(job) - len(decoder.getstate()[0])


async def _wait_for_news(job: Job, *, wait_ms: int) -> None:
    for pipe in job.pipes:
        if not pipe.ended.is_set():
            pipe.news.clear()
    waits: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(pipe.news.wait()) for pipe in job.pipes
    ]
    waits.append(asyncio.ensure_future(job.process.wait()))
    try:
        await asyncio.wait(waits, timeout=wait_ms / 1_000, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
