"""Where a command's sessions are: in the data directory, or on the server that is named."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from novacore import bootstrap, settings
from novacore.cli.context import Context

if TYPE_CHECKING:
    from novacore import remote

SPOOL_FOLDER: Final = "for-server"
"""The folder of the data directory where entries wait for a server that is away."""


class Notices:
    """What a server's going and coming has to say, until it can be shown. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[str] = []

    def add(self, notice: str) -> None:
        """Keep it for the next time that somebody looks."""
        with self._lock:
            self._waiting.append(notice)

    def take(self) -> list[str]:
        """What came since the last time."""
        with self._lock:
            taken, self._waiting = self._waiting, []
            return taken


@contextlib.contextmanager
def open_sessions(
    context: Context, *, notices: Notices | None = None
) -> "Generator[bootstrap.MemoryStore | remote.RemoteStore]":
    """The sessions that the settings mean; closed at the end.

    Args:
        context: settings and console.
        notices: told where a server goes away; appends wait for it then. None: they fail.

    Raises:
        SettingsError: a server is named without a key.
        NovaError: the store can't be opened, or the server can't be reached.
    """
    chosen = context.settings
    if not chosen.server_url:
        with bootstrap.open_store(chosen) as store:
            yield store
        return
    from novacore import remote  # noqa: PLC0415 - loads urllib3, for a server only

    with remote.connect(
        chosen.server_url,
        _key(chosen),
        config=chosen.remote,
        spool=None if notices is None else bootstrap.prepare_data_dir(chosen) / SPOOL_FOLDER,
        announce=None if notices is None else notices.add,
    ) as store:
        yield store


@contextlib.contextmanager
def open_to_work(
    context: Context,
) -> "Generator[tuple[bootstrap.MemoryStore | remote.RemoteStore, Context, Notices]]":
    """Sessions for an agent: (store, the context with the model that pays there, notices).

    What is still to be said when all is closed is said on the error stream.

    Raises:
        NovaError: as `open_sessions` says.
    """
    notices = Notices()
    try:
        if not context.settings.server_url:
            with open_sessions(context) as store, projecting(context):
                yield store, context, notices
            return
        with open_sessions(context, notices=notices) as store:
            yield store, dataclasses.replace(context, settings=_with_model(context)), notices
    finally:
        say(notices, context.console.error)


def projecting(context: Context) -> contextlib.AbstractContextManager[None]:
    """The process that keeps the tiers up to date, where they are kept here."""
    if context.settings.server_url:
        return contextlib.nullcontext()
    return bootstrap.projecting(context.settings)


def say(notices: Notices, tell: Callable[[str], None]) -> None:
    """Show what there is to say."""
    for notice in notices.take():
        tell(notice)


def _with_model(context: Context) -> settings.Settings:
    """The settings with the server's model, unless one is chosen here."""
    from novacore import remote  # noqa: PLC0415 - as above

    chosen = context.settings
    if chosen.llm.provider != "auto" or chosen.llm.base_url or chosen.llm.api_key:
        return chosen
    found = remote.find_model(
        chosen.server_url, _key(chosen), name=chosen.llm.model, config=chosen.remote
    )
    model = dataclasses.replace(
        chosen.llm,
        base_url=f"{chosen.server_url.rstrip('/')}/v1",
        api_key=_key(chosen),
        wire="openai",
        model=found.id,
        window_tokens=chosen.llm.window_tokens or found.context_window,
        output_tokens_max=chosen.llm.output_tokens_max or found.max_output_tokens,
    )
    return dataclasses.replace(chosen, llm=model)


def _key(chosen: settings.Settings) -> str:
    if chosen.server_key_file:
        return _read_key(Path(chosen.server_key_file).expanduser())
    if not chosen.server_key:
        raise settings.SettingsError(
            f"The server {chosen.server_url} needs a key, and server_key is not set.",
            hint="Set NOVA_SERVER_KEY, or server_key in your nova.toml, or name a file with "
            "--key-file. The server's web page makes keys, and `nova users create EMAIL --api-key` "
            "does on the server.",
        )
    return chosen.server_key


def _read_key(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise settings.SettingsError(
            f"The key file {path} can't be read: {error}.", hint="Name another with --key-file."
        ) from error
