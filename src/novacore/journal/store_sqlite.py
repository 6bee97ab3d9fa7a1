"""The journal on SQLite: one file, one writer at a time, many readers, several processes.

Everything that must hold together is one transaction: an append's rows, the sealing of a session's
newest entries into a segment, an erase. So a kill at any instant leaves the state before or after,
and nothing to repair: at most bytes of the segment file, or a blob, that no row names.
"""

import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from novacore.journal import (
    erasure_list,
    segment_file,
    sqlite_copy,
    sqlite_erase,
    sqlite_file,
    sqlite_read,
    sqlite_room,
    sqlite_seal,
)
from novacore.journal import frame as frames
from novacore.journal import standing as standings
from novacore.journal.blobs import BlobFolder
from novacore.journal.config import Config
from novacore.journal.copy_plan import CopyPlan
from novacore.journal.erasure_list import ErasureList
from novacore.journal.errors import (
    Corrupt,
    EntryErased,
    JournalError,
    StorageFailed,
    StoreClosed,
    StoreTooNew,
    StoreUnusable,
)
from novacore.journal.frame import Frame
from novacore.journal.model import Appended
from novacore.journal.plan import Head, Outcome, Planner, deliver, plan_all
from novacore.journal.segment_file import SegmentFile
from novacore.journal.sqlite_file import Connection, row_key, translated
from novacore.journal.sqlite_readers import Readers
from novacore.journal.sqlite_reads import SQLiteReads
from novacore.journal.store import Erasure, SessionRow, Submission
from novacore.journal.turns import Turns
from novacore.journal.witness import Witness, Witnessed
from novacore.kit import Clock

FILE_NAME = "journal.db"
_WRITER_CACHE_KIB = 16 * 1024
_READER_CACHE_KIB = 1024
_MOVES_MAX = 32
_HEADS_MAX = 10_000
"""More sessions' ends than this are not kept in memory."""
_FEW = 4
"""A commit of at most this many entries has nearly nobody waiting behind it."""
_SEAL_AT_CLOSE = 8
"""A session with this many unsealed entries is sealed when the store closes."""


class SQLiteEngine(SQLiteReads):
    """An engine on a local directory.

    Args:
        folder: the data directory; created, mode 0700, when missing.
        config: the journal's limits.
        clock: the time.

    Raises:
        StoreUnusable: the directory can't hold a journal; says why.
        StoreTooNew: a newer program wrote it.
        Corrupt: the file is damaged, or ends before what the witness saw.
    """

    def __init__(self, folder: Path, *, config: Config, clock: Clock) -> None:
        sqlite_file.prepare_folder(folder)
        self.folder = folder
        self._path = folder / FILE_NAME
        self._config = config
        self._clock = clock
        self._blobs = BlobFolder(folder / "blobs")
        try:
            self._turns = Turns(folder, timeout_ms=config.lock_timeout_ms)
            self._witness = Witness(folder / "witness")
            self._segments = SegmentFile(folder / segment_file.FILE_NAME)
        except OSError as error:
            raise StoreUnusable(
                f"{error.filename} can't be opened: {error.strerror}.",
                hint="Check who owns the data directory and its files: 'nova doctor'.",
            ) from error
        self._write_lock = threading.Lock()
        self._erasures = ErasureList(folder / erasure_list.FILE_NAME, alone=self._alone)
        log = self._path.with_name(f"{FILE_NAME}-wal")
        self._was_left_open = log.exists() and log.stat().st_size > 0
        """True: a process was killed, or is still there; blobs that nobody names may lie about."""
        self._readers = Readers(lambda: self._connect(_READER_CACHE_KIB))
        self._mark_lock = threading.Lock()
        self._is_closed = False
        self._wal_pages = 0
        self._folding: threading.Thread | None = None
        self._heads: dict[bytes, Head] = {}
        self._unsealable: set[bytes] = set()
        self._data_version = -1
        self._last = Witnessed(bytes(16), 0, frames.ROOT_CHAIN)
        self._next: Witnessed | None = None
        self._trouble = ""
        self._is_writer_lost = False
        self._format_needed = 1
        self._standing = standings.IN_USE
        self._recorded_at_us = 0
        try:
            self._writer = self._open_writer()
            self._marker = self._connect(64)
            self._first = self._last.sequence
            with translated("opening"):
                must_scrub = sqlite_read.must_scrub(self._writer)
            if must_scrub and self._format_needed <= sqlite_file.FORMAT:
                self._finish_erasing()
        except BaseException:
            self._release()
            raise

    def _connect(self, cache_kib: int) -> Connection:
        return sqlite_file.connect(
            self._path,
            segments=self._segments,
            cache_kib=cache_kib,
            lock_timeout_ms=self._config.lock_timeout_ms,
        )

    def _open_writer(self) -> Connection:
        with self._turn():
            self._refuse_to_replace()
            connection = self._connect(_WRITER_CACHE_KIB)
            try:
                sqlite_file.create_or_check(connection, journal=uuid.uuid4().bytes)
                connection.set_wal_hook(self._note_wal)
                self._writer = connection
                with translated("opening"):
                    self._refresh()
                    self._compare_with_witness()
            except BaseException:
                connection.close(True)
                raise
            sqlite_file.fold_at_close(connection)
        return connection

    def _refuse_to_replace(self) -> None:
        """Make no new file where the witness has seen one: SQLite would drop the log beside it."""
        seen = self._witness.read()
        if seen is not None and not (self._path.exists() and self._path.stat().st_size):
            raise Corrupt(
                f"The journal had {seen.sequence} entries and its file {self._path.name} is "
                "missing or empty."
            )

    def _compare_with_witness(self) -> None:
        """Refuse a file that ends before what was acknowledged."""
        seen = self._witness.read()
        if seen is None:
            return
        if seen.journal != self._last.journal:
            raise Corrupt("The witness file belongs to another journal than the file beside it.")
        if seen.sequence and not sqlite_read.holds(self._writer, seen.sequence, seen.chain):
            raise Corrupt(
                f"The journal had {seen.sequence} entries and its file now ends at "
                f"{self._last.sequence}: acknowledged entries are missing."
            )

    @contextmanager
    def _turn(self) -> Generator[None]:
        self._turns.take()
        try:
            yield
        finally:
            self._turns.give_back()

    @contextmanager
    def _alone(self) -> Generator[None]:
        with self._write_lock, self._turn():
            yield

    @contextmanager
    def _writing(self, doing: str, *, of: str = "") -> Generator[Connection]:
        """A write transaction, ours alone; rolled back when anything goes wrong.

        Args:
            doing: what for, in errors.
            of: the standing that the store may have, besides being in use; "any" for all.
        """
        with self._write_lock, self._turn(), translated(doing):
            if self._is_closed:
                raise StoreClosed
            if self._is_writer_lost:
                self._renew_writer()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                self._refresh()
                self._check_standing(of)
                yield self._writer
                sqlite_room.settle(self._writer)
                self._writer.execute("COMMIT")
            except BaseException as error:
                self._abandon(is_storage=isinstance(error, apsw.IOError | apsw.FullError))
                raise
            if self._next is not None:
                added = self._next.sequence - self._last.sequence
                self._last, self._next = self._next, None
                self._after_commit(added)

    def _check_standing(self, of: str) -> None:
        refusal = standings.find_refusal(self._standing)
        if refusal and of not in ("any", self._standing):
            raise refusal
        if not refusal and self._format_needed > sqlite_file.FORMAT:
            raise StoreTooNew(needed=self._format_needed, ours=sqlite_file.FORMAT, doing="writing")

    def _abandon(self, *, is_storage: bool) -> None:
        """Back to what the file holds; after a failed write by a fresh connection."""
        self._heads.clear()
        self._next = None
        self._writer.freed.clear()
        self._data_version = -1
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except apsw.Error:
            is_storage = True
        if is_storage:
            self._writer.close(True)
            self._is_writer_lost = True

    def _renew_writer(self) -> None:
        """A fresh connection in place of one that a failed write may have left in any state."""
        self._writer = self._connect(_WRITER_CACHE_KIB)
        self._writer.set_wal_hook(self._note_wal)
        sqlite_file.fold_at_close(self._writer)
        self._is_writer_lost = False

    def _note_wal(self, _connection: Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _refresh(self) -> None:
        """Learn what other connections wrote since our last turn."""
        version = self._writer.execute("PRAGMA data_version").get
        if version == self._data_version:
            return
        last = sqlite_read.last_entry(self._writer)
        if last.sequence < self._last.sequence:
            raise Corrupt(
                f"The journal had {self._last.sequence} entries and its file now ends at "
                f"{last.sequence}: acknowledged entries are missing."
            )
        self._last = Witnessed(last.journal, last.sequence, last.chain)
        self._format_needed = sqlite_file.format_needed(self._writer, key="lowest_writer")
        self._standing = sqlite_copy.standing(self._writer)
        self._recorded_at_us = max(self._recorded_at_us, last.recorded_at_us)
        self._heads.clear()
        self._data_version = version

    def commit(self, batch: Sequence[Submission]) -> Callable[[], None]:
        """See `Engine.commit`."""
        with self._writing("appending") as connection:
            if len(self._heads) > _HEADS_MAX:
                self._heads.clear()
            self._recorded_at_us = max(self._clock.now_us(), self._recorded_at_us)
            planner = Planner(self, self._last.sequence + 1, self._recorded_at_us, self._heads)
            outcomes = plan_all(planner, batch)
            if planner.planned:
                self._write(connection, planner)
            self._drop_unused_blobs(batch, outcomes)
        return lambda: deliver(batch, outcomes)

    def _write(self, connection: Connection, planner: Planner | CopyPlan) -> None:
        planned = planner.planned
        connection.executemany(
            "INSERT INTO entry VALUES (?, ?, ?)",
            [(item.sequence, item.head.key, item.position) for item in planned],
        )
        connection.executemany(
            "INSERT INTO entry_id VALUES (?, ?)", [(item.id, item.sequence) for item in planned]
        )
        connection.executemany(
            "INSERT INTO tail VALUES (?, ?)",
            [(row_key(item.head.key, item.position), item.stored) for item in planned],
        )
        for item in planned:
            for digest, content in item.blobs:
                self._blobs.put(item.head.scope, digest, content)
                connection.execute(
                    "INSERT INTO blob_ref VALUES (?, ?, ?)", (item.head.key, item.position, digest)
                )
        touched = planner.touched.values()
        for head in self._to_seal(touched, entries=len(planned)):
            self._seal(connection, head)
        self._update_heads(connection, touched)
        last = planned[-1]
        self._next = Witnessed(self._last.journal, last.sequence, last.head.chain)

    def _drop_unused_blobs(self, batch: Sequence[Submission], outcomes: Sequence[Outcome]) -> None:
        """Blobs are stored before the entries that name them: a refused append leaves some.

        So does the retry of an entry that was erased, and there they must not come back.
        """
        for submission, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Appended) and not outcome.is_retry:
                continue
            head = self._heads.get(submission.session)
            for digest in {digest for draft in submission.drafts for digest, _ in draft.blobs}:
                if head and not sqlite_read.is_blob_named(self._writer, head.scope, digest):
                    self._blobs.remove(head.scope, digest)

    def _to_seal(self, touched: Iterable[Head], *, entries: int) -> list[Head]:
        """The sessions to seal in a commit of so many entries, the longest first.

        Sessions that grow in step come due in the same commit, and 150 seals would make all of
        its callers wait. Twice as many as come due on average is enough: the rest comes next.
        """
        each = self._config.seal_entries
        due = [
            head
            for head in touched
            if head.position - head.sealed >= each or head.tail_bytes >= self._config.seal_bytes
        ]
        due.sort(key=lambda head: head.tail_bytes, reverse=True)
        return due[: 1 + 2 * entries // each]

    @staticmethod
    def _update_heads(connection: Connection, heads: Iterable[Head]) -> None:
        connection.executemany(
            "UPDATE session SET entries=?, messages=?, sealed=?, tail_bytes=?, chain=?,"
            " updated_us=? WHERE key=?",
            [
                (h.position, h.messages, h.sealed, h.tail_bytes, h.chain, h.updated_at_us, h.key)
                for h in heads
            ],
        )

    def _seal(self, connection: Connection, head: Head) -> None:
        """Move a session's newest entries into a segment; damaged ones stay where they are."""
        if head.session in self._unsealable:
            return
        try:
            sqlite_seal.seal(connection, head, bytes_max=self._config.segment_bytes_max)
        except Corrupt:
            self._unsealable.add(head.session)

    def _after_commit(self, added: int) -> None:
        """Tell the witness, and fold a long log. The commit stands whatever happens here."""
        try:
            self._witness.write(self._last)
            self._fold_if_long(added)
        except (OSError, apsw.Error) as error:
            self._trouble = f"After the last commit: {error}"

    def _fold_if_long(self, added: int) -> None:
        # While few write, already at an eighth of the limit: a short log is soon written in place
        # again, and a sync of that takes a lone caller less time than one of a growing file.
        size_max = self._config.checkpoint_bytes // (8 if added <= _FEW else 1)
        if self._wal_pages * sqlite_file.PAGE_BYTES < size_max:
            return
        if self._folding is None:
            self._folding = threading.Thread(target=self._fold, name="nova-fold", daemon=True)
            self._folding.start()
        elif not self._folding.is_alive():
            self._folding = None
            self._checkpoint("PASSIVE")

    def _fold(self) -> None:
        """Fold most of the log into the file while appends go on.

        The commit after it folds what is left, a little, and the log starts over. Done by the
        committing thread alone, appends would wait for the whole of it.
        """
        try:
            connection = self._connect(64)
        except JournalError:
            return
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except apsw.Error:
            return
        finally:
            connection.close(True)

    def _checkpoint(self, mode: str) -> None:
        """Fold the log into the file. A busy reader only delays it."""
        self._witness.sync()
        try:
            self._writer.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        except apsw.BusyError:
            return

    def head(self, session: bytes) -> Head:
        """See `LookUp.head`."""
        return sqlite_read.head(self._writer, session)

    def find_entry(self, scope: tuple[str, str], entry_id: bytes) -> Frame | None:
        """See `LookUp.find_entry`."""
        return sqlite_read.find_entry(self._writer, scope, entry_id)

    def create_session(self, row: SessionRow) -> SessionRow:
        """See `Engine.create_session`."""
        with self._writing("creating a session") as connection:
            return sqlite_read.create_session(connection, row)

    def set_standing(self, standing: str) -> None:
        """See `Engine.set_standing`."""
        with self._writing("closing the store to appends", of="any") as connection:
            sqlite_copy.set_standing(connection, standing)
            self._data_version = -1

    def begin_copy(self, journal: bytes) -> None:
        """See `Engine.begin_copy`."""
        with self._writing("beginning a copy", of="any") as connection:
            sqlite_copy.begin(connection, journal, standing=self._standing)
            self._last = self._last._replace(journal=journal)
            self._data_version = -1

    def add_copied(self, sessions: Sequence[SessionRow], stored: Sequence[bytes]) -> None:
        """See `Engine.add_copied`."""
        with self._writing("copying", of=standings.COPYING) as connection:
            standings.check_copying(self._standing)
            sqlite_copy.add_sessions(connection, sessions)
            if len(self._heads) > _HEADS_MAX:
                self._heads.clear()
            plan = CopyPlan(self, self._last.sequence, self._heads)
            plan.add_all(stored)
            if plan.planned:
                self._write(connection, plan)
                sqlite_copy.name_blobs(connection, plan)
                self._recorded_at_us = max(self._recorded_at_us, plan.recorded_at_us)

    def end_copy(self, epoch: int) -> None:
        """See `Engine.end_copy`."""
        with self._writing("ending a copy", of=standings.COPYING) as connection:
            standings.check_copying(self._standing)
            sqlite_copy.set_epoch(connection, epoch)
            sqlite_copy.set_standing(connection, standings.IN_USE)
            self._format_needed = sqlite_file.LOWEST_WRITER
            self._data_version = -1

    def erase(self, erasures: Iterable[Erasure]) -> int:
        """See `Engine.erase`."""
        wanted = list(erasures)
        with self._writing("erasing", of=standings.COPYING) as connection:
            path = self.folder / erasure_list.FILE_NAME
            erasure_list.note(path, wanted, at_us=self._clock.now_us())
            count = sqlite_erase.erase(connection, wanted)
            self._heads.clear()
        self._finish_erasing()
        return count

    def _finish_erasing(self) -> None:
        """Destroy what the transaction let go: blobs nobody names, the log's copies, old pages."""
        with self._write_lock, self._turn(), translated("erasing"):
            sqlite_erase.drop_blobs(self._writer, self._blobs)
            sqlite_room.scrub(self._writer)
            self._readers.drop()
            self._empty_log()
            self._writer.execute("UPDATE meta SET value=0 WHERE key='must_scrub'")

    def _empty_log(self) -> None:
        """Fold the log into the file and cut it to nothing, so that no old page is left in it."""
        self._witness.sync()
        if self._folding is not None:
            self._folding.join()
        until_s = time.monotonic() + self._config.lock_timeout_ms / 1_000
        # SQLite waits for readers by itself, but not for another checkpoint.
        while self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > until_s:
                raise StorageFailed(
                    "The entries are erased, but another program is reading and keeps old pages "
                    "in the log.",
                    hint="Erase again, or open the store anew, when it is done: that cleans up.",
                )
            time.sleep(0.005)

    def put_blob(self, scope: tuple[str, str], digest: bytes, content: bytes) -> None:
        """See `Engine.put_blob`."""
        self._blobs.put(scope, digest, content)

    def read_blob(self, scope: tuple[str, str], digest: bytes) -> bytes:
        """See `Engine.read_blob`."""
        try:
            return self._blobs.read(scope, digest)
        except Corrupt:
            with self._readers.reading() as connection:
                if sqlite_read.is_blob_named(connection, scope, digest):
                    raise
            raise EntryErased from None

    def close(self) -> None:
        """See `Engine.close`."""
        with self._write_lock, self._mark_lock:
            if self._is_closed:
                return
            self._is_closed = True
            if self._folding is not None:
                self._folding.join()
            self._tidy_up()
            try:
                with translated("closing"):
                    self._witness.sync()
                    self._readers.close()
                    self._marker.close(True)
                    self._writer.close(True)
            finally:
                self._release()

    def _release(self) -> None:
        self._witness.close()
        self._segments.close()
        self._turns.close()

    def _compact(self) -> None:
        """Close holes in the segment file, one extent and one commit at a time."""
        for _ in range(_MOVES_MAX):
            self._writer.execute("BEGIN IMMEDIATE")
            is_moved = sqlite_room.move_one(self._writer)
            sqlite_room.settle(self._writer)
            self._writer.execute("COMMIT")
            if not is_moved:
                break

    def _tidy_up(self) -> None:
        """Seal what is long enough and give free pages back; a failure leaves all as it is."""
        unsealed = [
            h.session for h in self._heads.values() if h.position - h.sealed >= _SEAL_AT_CLOSE
        ]
        is_needless = (
            not unsealed and self._last.sequence == self._first and not self._was_left_open
        )
        if is_needless or self._is_writer_lost or self._format_needed > sqlite_file.FORMAT:
            return
        try:
            with self._turn(), translated("closing"):
                self._writer.execute("BEGIN IMMEDIATE")
                self._refresh()
                for session in unsealed:
                    head = self._heads.get(session) or self.head(session)
                    if head.position > head.sealed:
                        self._seal(self._writer, head)
                        self._update_heads(self._writer, [head])
                sqlite_room.settle(self._writer)
                self._writer.execute("COMMIT")
                self._compact()
                self._writer.execute("PRAGMA incremental_vacuum").fetchall()
                sqlite_room.cut(self._writer)
                if self._was_left_open:
                    sqlite_erase.drop_blobs(self._writer, self._blobs)
        except JournalError:
            self._abandon(is_storage=False)
