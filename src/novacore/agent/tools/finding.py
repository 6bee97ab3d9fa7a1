"""Runs `finder.py` in a process of its own: it can be cancelled, and ends when its time is up."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from novacore.agent import finder
from novacore.agent.tool import ToolOutcome, failed


async def find(request: Mapping[str, Any], *, timeout_ms: int) -> Mapping[str, Any] | ToolOutcome:
    """The finder's answer to a request, or an outcome that says why there is none."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        finder.__file__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout_ms / 1_000):
            given = json.dumps(dict(request)).encode()
            output, problem = await process.communicate(given)
    except TimeoutError:
        return failed(
            f"It took longer than {timeout_ms:,} ms. Name a smaller folder or a simpler pattern."
        )
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode != 0:
        return failed(f"The search failed: {problem.decode(errors='replace').strip()[-500:]}")
    answer: dict[str, Any] = json.loads(output)
    if "problem" in answer:
        return failed(str(answer["problem"]))
    return answer
