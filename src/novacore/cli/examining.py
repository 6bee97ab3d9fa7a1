"""What `nova doctor` looks at: each finding says what is so, and how to mend what is wrong."""

import asyncio
import contextlib
import dataclasses
import enum
import importlib.util
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from novacore import bootstrap, journal, kit, llm, settings, tiers

_DISK_BYTES_LOW = 1024**3
_DISK_BYTES_MIN = 100 * 1024**2
_LISTED_MAX = 5
_PROBE_TOKENS_MAX = 16
_PROBE_S = 30.0


class State(enum.Enum):
    """How it stands."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    what: str
    """What is so, in a sentence."""
    mend: str = ""
    """What to do about it; empty where nothing needs doing."""


def examine_place(chosen: settings.Settings) -> Iterator[Finding]:
    """The interpreter, the settings files, the data directory, its files, disk and libraries."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(name="python", state=State.OK, what=version)
    yield from _examine_files(chosen)
    yield _examine_folder(chosen.data_dir)
    yield from _examine_privacy(chosen.data_dir)
    yield _examine_disk(chosen.data_dir)
    yield from _examine_surroundings(chosen.data_dir)


def examine_store(chosen: settings.Settings) -> Iterator[Finding]:
    """Whether the sessions can be opened and listed; `nova verify` looks at every byte."""
    if not chosen.data_dir.exists():
        what = "There is none yet; the first start makes it."
        yield Finding(name="sessions", state=State.OK, what=what)
        return
    try:
        with bootstrap.open_store(chosen) as store:
            count = len(store.list_sessions(limit=chosen.journal.list_max))
    except kit.NovaError as error:
        yield _wrong("sessions", error)
        return
    what = f"{count:,} of this terminal in the {chosen.store} store, which opens."
    yield Finding(name="sessions", state=State.OK, what=what)


def examine_tiers(chosen: settings.Settings) -> Iterator[Finding]:
    """Whether each tier's engine answers, was tested with a server, and took every entry."""
    if chosen.store != "journal" or not chosen.data_dir.exists():
        return
    try:
        with bootstrap.open_store(chosen) as store:
            opened = bootstrap.open_tiers(chosen, store)
            try:
                found = opened.status()
            finally:
                opened.close()
    except kit.NovaError as error:
        yield _wrong("tiers", error)
        return
    for each in found:
        if each.engine != "off":
            yield examine_tier(each)


def examine_tier(status: tiers.TierStatus) -> Finding:
    """One tier that is kept: down, with entries set aside, untested, or well."""
    name = f"{status.tier} tier"
    if not status.is_up:
        return Finding(
            name=name,
            state=State.WRONG,
            what=f"{status.engine} is down: {status.what}",
            mend=f"Start it, or choose another with --set tiers.{status.tier}=…. The tier lags "
            "meanwhile; nothing is lost.",
        )
    if status.set_aside:
        return Finding(
            name=name,
            state=State.WRONG,
            what=f"{len(status.set_aside):,} entries are set aside.",
            mend=f"See `nova tiers status {status.tier}`, then run: nova tiers retry {status.tier}",
        )
    if not status.tested_with:
        return Finding(
            name=name,
            state=State.WARNING,
            what=f"{status.engine} was tested with no server: none was at hand.",
            mend=f"Trust it once `nova tiers verify {status.tier}` says that it is equal.",
        )
    lag = f"{status.lag_entries:,} entries behind" if status.lag_entries else "up to date"
    return Finding(name=name, state=State.OK, what=f"{status.engine}, {lag}.")


async def examine_model(chosen: settings.Settings) -> Finding:
    """Whether the model answers: a small real request, without retries."""
    hasty = dataclasses.replace(chosen.llm, retry_enabled=False)
    try:
        model = await bootstrap.open_model(dataclasses.replace(chosen, llm=hasty))
    except kit.NovaError as error:
        return _wrong("model", error)
    name = f"{model.info.name} ({model.info.provider}; {model.info.reason})"
    try:
        if model.info.is_builtin:
            return _examine_builtin(chosen, name)
        async with asyncio.timeout(_PROBE_S):
            await _probe(model)
    except kit.NovaError as error:
        return _wrong("model", error, before=f"{name} does not answer. ")
    except TimeoutError:
        return Finding(
            name="model",
            state=State.WRONG,
            what=f"{name} did not answer within {_PROBE_S:.0f} s.",
            mend="Try again; if it lasts, look at llm.base_url and the provider's status page.",
        )
    finally:
        await model.close()
    return Finding(name="model", state=State.OK, what=f"{name} answers.")


async def _probe(model: llm.Model) -> None:
    conversation = model.conversation(system="", tools=())
    conversation.extend([{"role": "user", "content": "Say ok."}])
    body = conversation.body(output_tokens_max=_PROBE_TOKENS_MAX)
    async with contextlib.aclosing(model.stream(body)) as events:
        async for _event in events:
            return


def _examine_builtin(chosen: settings.Settings, name: str) -> Finding:
    if not llm.is_builtin_installed(chosen.data_dir):
        return Finding(
            name="model",
            state=State.WRONG,
            what=f"{name} is not installed.",
            mend="Run `nova model install`, or set ANTHROPIC_API_KEY, OPENAI_API_KEY or "
            "MINIMAX_API_KEY.",
        )
    if importlib.util.find_spec("xllamacpp") is None:
        return Finding(
            name="model",
            state=State.WRONG,
            what=f"{name} has nothing to run on: xllamacpp is not installed.",
            mend='Run: pip install "novacore[local]".',
        )
    return Finding(
        name="model",
        state=State.WARNING,
        what=f"{name} is installed. It is small and knows little.",
        mend="Set ANTHROPIC_API_KEY, OPENAI_API_KEY or MINIMAX_API_KEY for a better one.",
    )


def _examine_files(chosen: settings.Settings) -> Iterator[Finding]:
    for path in chosen.files:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077 and chosen.origin("llm.api_key") == f"file {path}":
            yield Finding(
                name="settings",
                state=State.WRONG,
                what=f"{path} holds a key and others can read it (mode {mode:04o}).",
                mend=f"Run: chmod 600 {path}",
            )
        else:
            yield Finding(name="settings", state=State.OK, what=f"{path} is right.")
    if not chosen.files:
        yield Finding(name="settings", state=State.OK, what="No file; the defaults hold.")


def _examine_folder(folder: Path) -> Finding:
    if not folder.exists():
        return Finding(
            name="data directory", state=State.OK, what=f"{folder} will be made at the first start."
        )
    facts = folder.stat()
    mode = stat.S_IMODE(facts.st_mode)
    if not folder.is_dir():
        what, mend = f"{folder} is no folder.", "Name another one with --data-dir."
    elif facts.st_uid != os.geteuid():
        what, mend = f"{folder} belongs to another user.", f"Run: chown -R $USER {folder}"
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        what, mend = f"{folder} can't be written.", f"Run: chmod 700 {folder}"
    elif mode & 0o077:
        what = f"Others can look into {folder} (mode {mode:04o})."
        mend = f"Run: chmod 700 {folder}"
    else:
        what = f"{folder}, private to you (mode {mode:04o})."
        return Finding(name="data directory", state=State.OK, what=what)
    return Finding(name="data directory", state=State.WRONG, what=what, mend=mend)


def _examine_privacy(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        return
    models = folder / "models"
    open_files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and models not in path.parents
        and not path.is_symlink()
        and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if not open_files:
        yield Finding(name="files", state=State.OK, what="All are private to you.")
        return
    named = ", ".join(str(path.relative_to(folder)) for path in open_files[:_LISTED_MAX])
    more = len(open_files) - _LISTED_MAX
    tail = f" and {more:,} more" if more > 0 else ""
    yield Finding(
        name="files",
        state=State.WRONG,
        what=f"Others may read {named}{tail}.",
        mend=f"Run: chmod -R go= {folder}",
    )


def _examine_disk(folder: Path) -> Finding:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    free_bytes = shutil.disk_usage(place).free
    what = f"{free_bytes / 1024**3:,.1f} GiB free."
    if free_bytes >= _DISK_BYTES_LOW:
        return Finding(name="disk", state=State.OK, what=what)
    state = State.WRONG if free_bytes < _DISK_BYTES_MIN else State.WARNING
    mend = "Free some space, or name another place with --data-dir."
    return Finding(name="disk", state=state, what=what, mend=mend)


def _examine_surroundings(folder: Path) -> Iterator[Finding]:
    facts = journal.describe_surroundings(folder)
    library = f"SQLite {facts.sqlite_version}, by apsw {facts.binding_version}"
    if facts.is_sqlite_safe:
        yield Finding(name="sqlite", state=State.OK, what=f"{library}.")
    else:
        yield Finding(
            name="sqlite",
            state=State.WRONG,
            what=f"{library}: before {facts.sqlite_version_min} it can corrupt a journal.",
            mend="Run: pip install --upgrade apsw",
        )
    kind = facts.file_system or "of unknown kind"
    if facts.is_network:
        yield Finding(
            name="file system",
            state=State.WRONG,
            what=f"{kind}: a network file system, whose locks can't be trusted with a journal.",
            mend="Name a folder on a local disk with --data-dir or NOVA_DATA_DIR.",
        )
    else:
        yield Finding(name="file system", state=State.OK, what=f"{kind}.")


def _wrong(name: str, error: kit.NovaError, *, before: str = "") -> Finding:
    return Finding(name=name, state=State.WRONG, what=before + error.message, mend=error.hint)
