"""The built-in model: a child process with a server of its own, reached like any other server."""

import asyncio
import contextlib
import dataclasses
import importlib.util
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import IO

from novacore.llm.builtin import child
from novacore.llm.builtin.install import builtin_model_path
from novacore.llm.config import Config
from novacore.llm.detect import BUILTIN_NAME
from novacore.llm.errors import BuiltinFailed, BuiltinMissing
from novacore.llm.formats.encoding import decode_object, text_of
from novacore.llm.transport import Response, Transport

NOTICE = (
    "This is a very small model (135 million parameters) for trying things out: it chats, often"
    " wrongly. For real work set ANTHROPIC_API_KEY, OPENAI_API_KEY or MINIMAX_API_KEY, start"
    " Ollama, or set llm.base_url and llm.model."
)
NOTICE_NO_TOOLS = 'It is not offered the tools; llm.builtin_tools = "schema" changes that.'
_RUNNER = "xllamacpp"
_LOG_TAIL_BYTES = 600
_STOP_TIMEOUT_S = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Running:
    process: "subprocess.Popen[bytes]"
    url: str
    api_key: str


class LocalServer:
    """The child process: begun when first asked for, gone with us, begun anew if it died."""

    def __init__(self, *, data_dir: Path, config: Config) -> None:
        self._model_path = builtin_model_path(data_dir)
        self._config = config
        self._running: _Running | None = None
        self._lock = asyncio.Lock()

    @property
    def process_id(self) -> int | None:
        """The child's process id; None where none runs."""
        return self._running.process.pid if self._running else None

    async def address(self) -> tuple[str, str]:
        """Its base URL and its key; starts it where it doesn't run.

        Raises:
            BuiltinMissing: the model or its runner isn't installed.
            BuiltinFailed: it didn't start in time.
        """
        async with self._lock:
            running = self._running
            if running is None or running.process.poll() is not None:
                await self.close()
                running = self._running = await self._start()
            return running.url, running.api_key

    async def close(self) -> None:
        """End the child."""
        running, self._running = self._running, None
        if running is not None:
            await asyncio.to_thread(_end, running.process)

    async def _start(self) -> _Running:
        await asyncio.to_thread(self._check)
        api_key = secrets.token_urlsafe(24)
        asked = {
            "model_path": str(self._model_path),
            "name": BUILTIN_NAME,
            "api_key": api_key,
            "window_tokens": self._config.window_tokens or self._config.builtin_window_tokens,
            "threads": self._config.builtin_threads,
        }
        with tempfile.TemporaryFile() as log:
            process = await _spawned(log)
            try:
                async with asyncio.timeout(self._config.builtin_start_timeout_ms / 1_000):
                    url = await asyncio.to_thread(_greet, process, asked)
            except BaseException as error:
                process.kill()
                await asyncio.to_thread(_end, process)
                if isinstance(error, TimeoutError):
                    raise BuiltinFailed(
                        "The built-in model did not start in time.",
                        hint="The setting is llm.builtin_start_timeout_ms.",
                    ) from error
                raise
            if not url:
                await asyncio.to_thread(_end, process)
                raise BuiltinFailed(
                    f"The built-in model did not start: {await asyncio.to_thread(_tail, log)}"
                )
        return _Running(process=process, url=f"{url}/v1", api_key=api_key)

    def _check(self) -> None:
        if not self._model_path.is_file():
            raise BuiltinMissing(
                "The built-in model is not installed.", hint="Run: nova model install"
            )
        if importlib.util.find_spec(_RUNNER) is None:
            raise BuiltinMissing(
                f"The built-in model needs the package {_RUNNER}.",
                hint="Run: pip install 'novacore[local]'",
            )


class BuiltinTransport:
    """Sends to the local server, wherever it listens and whatever its key is this time."""

    def __init__(self, inner: Transport, *, server: LocalServer) -> None:
        self._inner = inner
        self._server = server

    @contextlib.asynccontextmanager
    async def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[Response]:
        """Send a request; see `Transport.post`. `url` is only the path."""
        base_url, api_key = await self._server.address()
        headers = {**headers, "authorization": f"Bearer {api_key}"}
        async with self._inner.post(base_url + url, headers=headers, body=body) as response:
            yield response

    async def get(self, url: str, *, timeout_ms: int) -> bytes:
        """A small answer; see `Transport.get`."""
        base_url, _ = await self._server.address()
        return await self._inner.get(base_url + url, timeout_ms=timeout_ms)

    async def close(self) -> None:
        """Close the connections and end the child."""
        await self._inner.close()
        await self._server.close()


async def _spawned(log: IO[bytes]) -> "subprocess.Popen[bytes]":
    spawning = asyncio.ensure_future(asyncio.to_thread(_spawn, log))
    try:
        return await asyncio.shield(spawning)
    except asyncio.CancelledError:
        # A child that was begun is ended, too.
        process = await spawning
        process.kill()
        await asyncio.to_thread(_end, process)
        raise


def _spawn(log: IO[bytes]) -> "subprocess.Popen[bytes]":
    # -P keeps this room's folder out of the child's module path.
    return subprocess.Popen(
        [sys.executable, "-P", child.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        # Ctrl+C in the terminal is for us: we decide when the child ends.
        start_new_session=True,
    )


def _greet(process: "subprocess.Popen[bytes]", asked: Mapping[str, object]) -> str:
    """Tell the child what to serve and wait for its address; empty where it died."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return ""
    return text_of((decode_object(process.stdout.readline()) or {}).get("url"))


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Close the child's input, which ends it; kill it where that is not enough."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(timeout=_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: IO[bytes]) -> str:
    size = log.seek(0, 2)
    log.seek(max(0, size - _LOG_TAIL_BYTES))
    return " ".join(log.read().decode("utf-8", "replace").split()) or "it said nothing"
