"""The tiers over a journal, and the process that keeps them up to date beside a program."""

import contextlib
import dataclasses
import subprocess
import threading
from collections.abc import Generator
from typing import Final

from novacore import journal, settings, tiers
from novacore.bootstrap.children import start_child
from novacore.bootstrap.embedding import TierEmbedder, open_embedder

FOLDER: Final = "tiers"
"""The folder of the data directory that holds the embedded tiers."""

_CHILD: Final = "novacore.bootstrap"


def open_tiers(chosen: settings.Settings, store: journal.Store) -> tiers.TierSet:
    """The tiers that the settings keep, over a journal. Connects to nothing yet.

    Raises:
        SettingsError: the sessions are kept as JSON files, which have no tiers.
        TierUnknown: the settings name an engine that its tier does not have.
        EmbedderMissing: the settings name an embedder that is not installed.
    """
    if chosen.store != "journal" or not isinstance(store, journal.JournalStore):
        raise settings.SettingsError(
            "Sessions kept as JSON files have no tiers.",
            hint='Set store = "journal", and `nova import` brings the sessions over.',
        )
    embedder = open_embedder(chosen) if chosen.tiers.vector != "off" else None
    config = chosen.tiers
    if embedder is None:
        # Nothing makes vectors here: the tier is off, as if that had been chosen.
        config = dataclasses.replace(config, vector="off")
    folder = chosen.data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return tiers.open_tiers(
        config,
        folder=folder,
        feed=store.feed(),
        embedder=TierEmbedder(embedder) if embedder is not None else None,
        on_close=embedder.close if embedder is not None else None,
    )


@contextlib.contextmanager
def projecting(chosen: settings.Settings) -> Generator[None]:
    """Keep the tiers up to date while the block runs, in a process of their own.

    At the end that process catches up by itself and ends; nobody waits for it. Nothing is started
    where `tiers.projector` is off, or sessions are kept as JSON files. Several programs may each
    have one: they share the tiers out among themselves.
    """
    if chosen.store != "journal" or chosen.tiers.projector == "off":
        yield
        return
    # Without room for it the tiers lag, and status says that nobody projects.
    process = start_child(_CHILD, chosen)
    try:
        yield
    finally:
        if process is not None:
            _let_go(process)


def _let_go(process: "subprocess.Popen[bytes]") -> None:
    """Close its input, which tells it to finish; it goes on by itself."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    # Nobody waits for it, but somebody has to hear of its end, as long as we are there.
    threading.Thread(target=process.wait, name="nova-projector-end", daemon=True).start()
