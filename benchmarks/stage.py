"""What the measurements share: sizes of this run, a folder, the conversation, filled journals."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks import peers, workload
from benchmarks.peers import Peer
from benchmarks.workload import Message
from novacore import journal

NAME = "bench"


@dataclass
class Stage:
    """One run of the bench."""

    folder: Path
    is_quick: bool
    has_libraries: bool
    recall_data: Path | None = None
    """Conversations with questions, for the quality of recall; None: only its time is measured."""

    @property
    def rounds(self) -> int:
        """How often each comparison is repeated."""
        return 2 if self.is_quick else 9

    def scaled(self, count: int) -> int:
        """A count of repetitions, for this run."""
        return max(2, count // 10) if self.is_quick else count

    @cached_property
    def messages(self) -> list[Message]:
        """The conversation."""
        return workload.conversation()

    @cached_property
    def journal_path(self) -> Path:
        """A data directory that holds the conversation, appended message by message."""
        path = self.folder / "journal"
        with journal.open_store(path) as store:
            session = store.session(NAME)
            futures = [session.submit(message) for message in self.messages]
            for future in futures:
                future.result()
        return path

    def fresh(self, name: str) -> Path:
        """An empty folder."""
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def copy(self, name: str) -> Path:
        """A data directory of its own that holds the conversation."""
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.journal_path, path)
        return path

    def peers(self, name: str) -> list[Peer]:
        """Every peer, each holding the conversation."""
        found = peers.all_peers(self.fresh(name), has_libraries=self.has_libraries)
        for peer in found:
            peer.fill(self.messages)
        return found


def fill(session: journal.JournalSession, messages: Sequence[Message]) -> None:
    """Append many messages, a few hundred a time."""
    for start in range(0, len(messages), 500):
        session.append(*messages[start : start + 500])


def size_of(folder: Path) -> int:
    """The bytes that a folder's files hold."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
