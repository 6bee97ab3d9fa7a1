"""A group of appends as one call to the server, and what came of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from novacore.journal import frame as frames
from novacore.journal.errors import EntryRefused, JournalError, PositionConflict, SessionUnknown
from novacore.journal.model import Appended
from novacore.journal.postgres_connect import FORMAT, Blocks, Database, Numbers
from novacore.journal.postgres_frames import open_frame
from novacore.journal.store import Submission

WRITTEN, KNOWN, UNKNOWN, ELSEWHERE, NO_BLOB = range(5)
"""What the server says of a submission; see `journal_append`."""
GROUP_BYTES_MAX = 32 * 1024 * 1024
"""A call holds no more than this, unless one append alone does."""
APPEND_BYTES_MAX = 256 * 1024 * 1024
"""PostgreSQL takes 1 GB in one call and needs room to work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Touched:
    """A session that a call appended to."""

    session: bytes
    unsealed: int
    """Entries that are in no segment."""
    tail_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the server did with a group."""

    outcomes: Sequence[int]
    positions: Sequence[int | None]
    sequences: Sequence[int]
    touched: Sequence[Touched]
    chain: bytes | None
    """The chain hash of the last entry written; None: none was."""


def groups(batch: Sequence[Submission]) -> Iterator[list[Submission]]:
    """The batch in order, cut where an id comes again or a call would grow too large.

    The server sees what is stored, not what comes with the same call: an id that comes twice must
    come in two calls.
    """
    group: list[Submission] = []
    ids: set[bytes] = set()
    size = 0
    for submission in batch:
        own = {draft.id for draft in submission.drafts if not draft.is_fresh}
        if group and (own & ids or size + submission.size_bytes > GROUP_BYTES_MAX):
            yield group
            group, ids, size = [], set[bytes](), 0
        group.append(submission)
        ids |= own
        size += submission.size_bytes
    if group:
        yield group


def refusal(submission: Submission) -> JournalError | None:
    """Why a submission can't even be sent; None: it can."""
    if submission.size_bytes > APPEND_BYTES_MAX:
        return EntryRefused(
            f"One append of {submission.size_bytes} bytes; at most {APPEND_BYTES_MAX}.",
            hint="Append the entries in several calls.",
        )
    return None


def append(
    database: Database, group: Sequence[Submission], *, seen: int, now_us: int | None
) -> Answer:
    """Append a group in one call, which commits.

    Args:
        database: the connection.
        group: submissions that share no id.
        seen: the last sequence that the server gave us.
        now_us: the time; None: the server's.
    """
    sessions = list(dict.fromkeys(submission.session for submission in group))
    index = {session: number for number, session in enumerate(sessions, 1)}
    entries = [(n, each, d) for n, each in enumerate(group, 1) for d in each.drafts]
    ends: list[int] = []
    for submission in group:
        ends.append((ends[-1] if ends else 0) + len(submission.drafts))
    checked = [(d.id, n) for n, _, d in entries if not d.is_fresh]
    blobs = [(i, digest) for i, (_, _, d) in enumerate(entries, 1) for digest, _ in d.blobs]
    found = database.call(
        "journal_append",
        FORMAT,
        seen,
        now_us,
        Blocks(sessions),
        Numbers(index[submission.session] for submission in group),
        Numbers(submission.expected for submission in group),
        Numbers(ends),
        Blocks(d.id for _, _, d in entries),
        Numbers(n for n, _, _ in entries),
        Blocks(open_frame(each.session, d) for _, each, d in entries),
        Numbers(d.said_at_us for _, _, d in entries),
        Blocks(each for each, _ in checked),
        Numbers(n for _, n in checked),
        Numbers(n for n, _ in blobs),
        Blocks(digest for _, digest in blobs),
        results=7,
    )
    outcomes, positions, sequences, sealed, counts, sizes, chain = found
    touched = [
        Touched(session=session, unsealed=counts[i] - sealed[i], tail_bytes=sizes[i])
        for i, session in enumerate(sessions)
        if sealed is not None and sealed[i] is not None
    ]
    return Answer(
        outcomes=outcomes, positions=positions, sequences=sequences, touched=touched, chain=chain
    )


def outcome_of(submission: Submission, answer: Answer, index: int) -> Appended | JournalError:
    """What a submission that was written, or that the server refused, came to."""
    said, position = answer.outcomes[index], answer.positions[index]
    if said == UNKNOWN or position is None:
        return SessionUnknown(frames.session_text(submission.session))
    if said == ELSEWHERE:
        return PositionConflict(
            session_id=frames.session_text(submission.session),
            expected=submission.expected,
            actual=position,
        )
    first, count = answer.sequences[index], len(submission.drafts)
    return Appended(
        positions=tuple(range(position, position + count)),
        sequences=tuple(range(first, first + count)),
    )
