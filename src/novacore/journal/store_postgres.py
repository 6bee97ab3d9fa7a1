"""The journal on PostgreSQL: many processes and machines on one database.

Each process commits its callers' appends in groups, as one call to the server that takes the turn,
gives out sequences, writes and commits, without waiting for the client in between. Sealing goes on
beside the appends. Frames, segments and digests are those of every other engine.
"""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from novacore.journal import (
    erasure_list,
    postgres_append,
    postgres_blobs,
    postgres_copy,
    postgres_create,
    postgres_erase,
    postgres_read,
)
from novacore.journal import standing as standings
from novacore.journal.config import Config
from novacore.journal.errors import (
    Corrupt,
    EntryErased,
    JournalError,
    StoreClosed,
    StoreUnusable,
)
from novacore.journal.frame import Frame
from novacore.journal.locks import check_name
from novacore.journal.model import Appended
from novacore.journal.plan import Head, Outcome, Planner, deliver
from novacore.journal.postgres_connect import FORMAT, Database, Pool, connect, translated
from novacore.journal.postgres_lock import PostgresLock, try_lock
from novacore.journal.postgres_reads import PostgresReads
from novacore.journal.postgres_schema import prepare
from novacore.journal.postgres_sealer import Sealer
from novacore.journal.postgres_segments import SegmentCache
from novacore.journal.store import Erasure, SessionRow, Submission
from novacore.journal.witness import Witness, Witnessed
from novacore.kit import Clock, SystemClock

_CREATE_TRIES_MAX = 100
_BLOB_TRIES_MAX = 5


class PostgresEngine(PostgresReads):
    """An engine on a PostgreSQL database.

    Args:
        url: `postgresql://…`, as libpq takes it.
        config: the journal's limits.
        clock: the time, where it is not the machine's; else the server's clock counts.
        folder: where the list of erasures and the witness are kept, outside the database and its
            backups; None: nowhere.

    Raises:
        StoreUnusable: the driver is missing, or the database can't hold a journal; says why.
        StoreTooNew: a newer program wrote it.
        StorageFailed: the server can't be reached.
        Corrupt: the journal ends before what the witness saw.
    """

    def __init__(self, url: str, *, config: Config, clock: Clock, folder: Path | None) -> None:
        self._url = url
        self._config = config
        self._clock = clock
        self._folder = folder
        self._pool = Pool(self._connect)
        self._segments = SegmentCache()
        self._write_lock = threading.Lock()
        self._witness = None
        self._trouble = ""
        self._seen = 0
        self._is_closed = False
        self._sealer = Sealer(self._pool, config)
        first = self._connect()
        try:
            with translated("opening"):
                prepare(first, journal=uuid.uuid4().bytes)
                self._journal = self._look_at_head(first)
                unfinished = self._unfinished(first)
        except BaseException:
            first.close()
            if self._witness is not None:
                self._witness.close()
            raise
        self._pool.add(first)
        for number, erasure in unfinished:
            self._carry_out(number, erasure)
        self._pool.run(postgres_blobs.clean, "opening")

    def _connect(self) -> Database:
        return connect(self._url, lock_timeout_ms=self._config.lock_timeout_ms)

    def _look_at_head(self, database: Database) -> bytes:
        """Learn where the journal ends, and compare it with what the witness saw."""
        journal, epoch, sequence = database.rows("SELECT id, epoch, sequence FROM journal_head")[0]
        self._seen = sequence
        if self._folder is None:
            return bytes(journal)
        self._witness = _open_witness(self._folder, f"witness-{journal.hex()[:12]}-{epoch}")
        seen = self._witness.read()
        if seen is not None and seen.sequence and not _holds(database, seen):
            raise Corrupt(
                f"The journal had {seen.sequence} entries and the one on PostgreSQL now ends at "
                f"{sequence}, or differs: acknowledged entries are missing.",
                hint="Look at the server's fail-over and backups before anything is written again.",
            )
        return bytes(journal)

    @staticmethod
    def _unfinished(database: Database) -> list[tuple[int, Erasure]]:
        needed, standing = database.rows("SELECT lowest_writer, standing FROM journal_head")[0]
        if needed > FORMAT or standing not in (b"", standings.COPYING.encode()):
            return []
        return postgres_erase.list_unfinished(database)

    def commit(self, batch: Sequence[Submission]) -> Callable[[], None]:
        """See `Engine.commit`."""
        outcomes: list[Outcome] = []
        with self._write_lock:
            if self._is_closed:
                raise StoreClosed
            for group in postgres_append.groups(batch):
                try:
                    outcomes += self._commit_group(group)
                except JournalError as error:
                    # What was committed before stands; all behind it fails.
                    outcomes += [error] * (len(batch) - len(outcomes))
                    break
            with contextlib.suppress(JournalError):
                self._tidy_blobs(batch, outcomes)
        return lambda: self._finish(batch, outcomes)

    def _finish(self, batch: Sequence[Submission], outcomes: list[Outcome]) -> None:
        deliver(batch, outcomes)
        self._sealer.wake()

    def _commit_group(self, group: Sequence[Submission]) -> list[Outcome]:
        """Append a group. What fails later than others were written fails alone."""
        outcomes: list[Outcome | None] = [
            self._look(each) if _has_twins(each) else postgres_append.refusal(each)
            for each in group
        ]
        try:
            self._settle(group, outcomes)
        except JournalError as error:
            return [error if outcome is None else outcome for outcome in outcomes]
        gone = Corrupt("A blob vanishes as soon as it is stored.")
        return [gone if outcome is None else outcome for outcome in outcomes]

    def _settle(self, group: Sequence[Submission], outcomes: list[Outcome | None]) -> None:
        """Send what has no outcome yet; again, with its blob, what an erase took the blob from."""
        for _ in range(_BLOB_TRIES_MAX):
            left = [index for index, outcome in enumerate(outcomes) if outcome is None]
            if not left:
                return
            answer = self._send([group[index] for index in left])
            for at, index in enumerate(left):
                if answer.outcomes[at] not in (postgres_append.NO_BLOB, postgres_append.KNOWN):
                    outcomes[index] = postgres_append.outcome_of(group[index], answer, at)
            for at, index in enumerate(left):
                if answer.outcomes[at] == postgres_append.KNOWN:
                    outcomes[index] = self._look(group[index])
                elif answer.outcomes[at] == postgres_append.NO_BLOB:
                    self._put_again(group[index])

    def _send(self, group: Sequence[Submission]) -> postgres_append.Answer:
        now_us = None if isinstance(self._clock, SystemClock) else self._clock.now_us()
        # Once: where the connection breaks, the server may still be about to commit it.
        answer = self._pool.run(
            lambda database: postgres_append.append(
                database, group, seen=self._seen, now_us=now_us
            ),
            "appending",
            is_once=True,
        )
        written = [i for i, said in enumerate(answer.outcomes) if said == postgres_append.WRITTEN]
        if written:
            last = written[-1]
            self._seen = answer.sequences[last] + len(group[last].drafts) - 1
            self._sealer.add(answer.touched)
        if answer.chain is not None:
            self._tell_witness(answer.chain)
        return answer

    def _tell_witness(self, chain: bytes) -> None:
        """Note how far the journal has come. The commit stands whatever happens here."""
        if self._witness is not None:
            try:
                self._witness.write(Witnessed(self._journal, self._seen, chain))
            except OSError as error:
                self._trouble = f"After the last commit: {error}"

    def _look(self, submission: Submission) -> Outcome:
        """What an append comes to whose id is known; that stays so, so it needs no turn."""

        def work(database: Database) -> Outcome:
            planner = Planner(_LookUp(database), 1, 0)
            try:
                found = planner.plan(submission)
            except JournalError as error:
                return error
            if planner.planned:
                return Corrupt("An entry id is listed, and its entry is not.")
            return found

        return self._pool.run(work, "appending")

    def _put_again(self, submission: Submission) -> None:
        scope = self._scope_of(submission.session)
        for draft in submission.drafts:
            for digest, content in draft.blobs:
                if scope is not None:
                    self._put(scope, digest, content)

    def _scope_of(self, session: bytes) -> bytes | None:
        sql = "SELECT scope FROM journal_session WHERE id = %s"
        row = self._pool.run(lambda database: database.row(sql, (session,)), "reading")
        return None if row is None else row[0]

    def _tidy_blobs(self, batch: Sequence[Submission], outcomes: Sequence[Outcome]) -> None:
        """Blobs are stored before the entries that name them: a refused append leaves some.

        So does the retry of an entry that was erased, and there they must not come back. Where this
        fails, the notes stay, and a later opening does it.
        """
        for submission, outcome in zip(batch, outcomes, strict=True):
            digests = {digest for draft in submission.drafts for digest, _ in draft.blobs}
            scope = self._scope_of(submission.session) if digests else None
            if scope is None:
                continue
            is_named = isinstance(outcome, Appended) and not outcome.is_retry
            tidy = postgres_blobs.forget_notes if is_named else postgres_blobs.drop
            self._pool.run(lambda d, t=tidy, s=scope, n=digests: t(d, s, n), "tidying blobs")

    def create_session(self, row: SessionRow) -> SessionRow:
        """See `Engine.create_session`."""

        def work(database: Database) -> SessionRow | None:
            return postgres_create.create(database, row)

        for _ in range(_CREATE_TRIES_MAX):
            made = self._pool.run(work, "creating a session")
            if made is not None:
                return made
        raise Corrupt("The session that a new one is forked from changes all the time.")

    def rows(self) -> list[SessionRow]:
        """See `Engine.rows`."""
        return self._pool.run(postgres_read.all_rows, "reading")

    def standing(self) -> str:
        """See `Engine.standing`."""
        return self._pool.run(postgres_copy.standing, "reading")

    def set_standing(self, standing: str) -> None:
        """See `Engine.set_standing`."""
        self._pool.run(
            lambda database: postgres_copy.set_standing(database, standing),
            "closing the store to appends",
        )

    def begin_copy(self, journal: bytes) -> None:
        """See `Engine.begin_copy`."""
        self._pool.run(lambda database: postgres_copy.begin(database, journal), "beginning a copy")
        self._look_again()

    def add_copied(self, sessions: Sequence[SessionRow], stored: Sequence[bytes]) -> None:
        """See `Engine.add_copied`."""

        def work(database: Database) -> postgres_copy.Added:
            return postgres_copy.add(database, sessions, stored)

        with self._write_lock:
            added = self._pool.run(work, "copying", is_once=True)
            self._seen = max(self._seen, added.sequence)
            self._sealer.add(added.touched)
        self._sealer.wake()

    def end_copy(self, epoch: int) -> None:
        """See `Engine.end_copy`."""
        self._pool.run(lambda database: postgres_copy.end(database, epoch), "ending a copy")
        self._look_again()

    def _look_again(self) -> None:
        """The journal is another one now, or its epoch is."""
        with self._write_lock:
            if self._witness is not None:
                self._witness.close()
            self._journal = self._pool.run(self._look_at_head, "opening")

    def erase(self, erasures: Iterable[Erasure]) -> int:
        """See `Engine.erase`."""
        wanted = list(erasures)
        now_us = self._clock.now_us()
        self._pool.run(lambda database: postgres_erase.require(database, wanted), "erasing")
        if self._folder is not None:
            with translated("erasing"):
                erasure_list.note(self._folder / erasure_list.FILE_NAME, wanted, at_us=now_us)
        noted = self._pool.run(
            lambda database: [postgres_erase.note(database, e, now_us=now_us) for e in wanted],
            "erasing",
            is_once=True,
        )
        count = sum(map(self._carry_out, noted, wanted))
        self._segments.clear()
        self._pool.run(lambda database: postgres_blobs.drop(database, None, None), "erasing")
        self._pool.run(postgres_erase.vacuum, "erasing")
        return count

    def _carry_out(self, number: int, erasure: Erasure) -> int:
        return self._pool.run(
            lambda database: postgres_erase.carry_out(database, number, erasure), "erasing"
        )

    def put_blob(self, scope: tuple[str, str], digest: bytes, content: bytes) -> None:
        """See `Engine.put_blob`."""
        self._put(postgres_read.scope_digest(*scope), digest, content)

    def _put(self, scope: bytes, digest: bytes, content: bytes) -> None:
        self._pool.run(
            lambda database: postgres_blobs.put(database, scope, digest, content),
            "storing a blob",
        )

    def read_blob(self, scope: tuple[str, str], digest: bytes) -> bytes:
        """See `Engine.read_blob`."""
        owner = postgres_read.scope_digest(*scope)
        content = self._pool.run(
            lambda database: postgres_blobs.read(database, owner, digest), "reading"
        )
        if content is None:
            raise EntryErased
        return content

    def try_lock(self, name: str) -> PostgresLock | None:
        """See `Engine.try_lock`."""
        check_name(name)
        return try_lock(self._connect(), name)

    def close(self) -> None:
        """See `Engine.close`."""
        with self._write_lock:
            if self._is_closed:
                return
            self._is_closed = True
            try:
                self._sealer.close()
            finally:
                self._pool.close()
                if self._witness is not None:
                    self._witness.sync()
                    self._witness.close()


def _open_witness(folder: Path, name: str) -> Witness:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Witness(folder / name)
    except OSError as error:
        raise StoreUnusable(
            f"{error.filename} can't be opened: {error.strerror}.",
            hint="Check who owns the data directory and its files: 'nova doctor'.",
        ) from error


class _LookUp:
    """What the planner asks, answered by one connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self, session: bytes) -> Head:
        """See `LookUp.head`."""
        return postgres_read.head(self._database, session)

    def find_entry(self, scope: tuple[str, str], entry_id: bytes) -> Frame | None:
        """See `LookUp.find_entry`."""
        return postgres_read.find_entry(self._database, scope, entry_id)


def _has_twins(submission: Submission) -> bool:
    """True when an id stands twice in it, which the planner refuses."""
    ids = [draft.id for draft in submission.drafts if not draft.is_fresh]
    return len(set(ids)) < len(ids)


def _holds(database: Database, seen: Witnessed) -> bool:
    """True when the entry that the witness saw last is there.

    A damaged entry counts as there: reading it and verify name it, and the rest stays of use.
    """
    row = database.row(
        "SELECT s.chain, s.entries, e.position, t.frame FROM journal_entry e"
        " JOIN journal_session s ON s.key = e.session"
        " LEFT JOIN journal_tail t ON t.session = e.session AND t.position = e.position"
        " WHERE e.sequence = %s",
        (seen.sequence,),
    )
    if row is None:
        return False
    chain, entries, position, frame = row
    if entries == position + 1:
        return bool(chain == seen.chain)
    return frame is None or frame[128:160] == seen.chain
