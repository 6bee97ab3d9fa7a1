"""Conversations: made, found, renamed, pinned, archived, forked, rewound, read and deleted.

Plain functions behind one object: the edges call them in threads. Every one takes the account that
asks, and another account's conversation is the same as none.
"""

import bisect
import contextlib
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from novacore import journal, kit, llm
from novacore.chat import recalled
from novacore.chat.errors import PositionInvalid, SessionMissing
from novacore.chat.lineage import ancestors, shared_entries
from novacore.chat.model import (
    WORKSPACE,
    Feedback,
    MessagePage,
    Recalled,
    SaidMessage,
    SessionFacts,
    SessionPage,
    StatePatch,
)
from novacore.chat.session_index import STATE, facts_of, is_conversation
from novacore.chat.session_rows import SessionRows
from novacore.chat.transcripts import as_json, as_markdown
from novacore.chat.usage import USAGE

FEEDBACK: Final = "feedback"
"""The kind of entries that tell what a person thinks of an answer."""
FORMATS: Final = ("jsonl", "markdown", "json")
_FOUND_MAX: Final = 50


def state_entry(changes: StatePatch) -> journal.NewEntry:
    """What the journal keeps of a title, a pin, an archive or a model."""
    return journal.NewEntry(kind=STATE, body={"chat": changes.body()})


class AccountStore(Protocol):
    """One account's journal with recall, as bootstrap gives it."""

    def session(self, name: str, *, workspace: str = "") -> journal.JournalSession:
        """See `journal.Store`."""
        ...

    def get_session(
        self, name_or_id: str, *, workspace: str | None = None
    ) -> journal.JournalSession:
        """See `journal.Store`."""
        ...

    def all_sessions(self) -> list[journal.SessionInfo]:
        """See `journal.Store`."""
        ...

    def recall(self, text: str, *, limit: int = 10, tokens_max: int | None = None) -> list[Any]:
        """Hits; see `novacore.MemoryStore.recall`."""
        ...


StoreOf = Callable[[str], Any]
"""One account's `AccountStore`."""
Erase = Callable[[str, str, Sequence[int]], None]
"""Destroys entries of an account's session everywhere, with what was derived from them."""


class Sessions:
    """The conversations of all accounts. Safe between threads.

    Args:
        store_of: one account's sessions and recall.
        rows: what lists need.
        erase: destroys entries everywhere.
        settle: reads the journal's usage into the ledger, up to its head.
        clock: the time.
    """

    def __init__(
        self,
        *,
        store_of: StoreOf,
        rows: SessionRows,
        erase: Erase,
        settle: Callable[[], object],
        clock: kit.Clock,
    ) -> None:
        self._store_of = store_of
        self._rows = rows
        self._erase = erase
        self._settle = settle
        self._clock = clock

    def create(self, account_id: str, *, title: str = "") -> SessionFacts:
        """A new conversation."""
        name = str(kit.new_id(self._clock))
        session = self._store_of(account_id).session(name, workspace=WORKSPACE)
        self._rows.put([facts_of(session.info, account_id=account_id)])
        if title:
            self._tell(session, StatePatch(title=title, title_by="person"))
        return self.get(account_id, session.id)

    def open(self, account_id: str, session_id: str) -> journal.JournalSession:
        """A conversation's session in the journal.

        Raises:
            SessionMissing: this account has no such conversation.
        """
        return self.look(account_id, session_id)[1]

    def look(self, account_id: str, session_id: str) -> tuple[SessionFacts, journal.JournalSession]:
        """What a list shows of a conversation, and its session in the journal.

        Raises:
            SessionMissing: this account has no such conversation.
        """
        return self.get(account_id, session_id), self._session(account_id, session_id)

    def open_named(self, account_id: str, name_or_id: str) -> journal.JournalSession:
        """A conversation by its id, or by its name: made where there is none of that name.

        Raises:
            SessionMissing: it names something that is no conversation, or was deleted.
        """
        store = self._store_of(account_id)
        try:
            found = store.get_session(name_or_id)
        except journal.SessionUnknown:
            if _is_id(name_or_id):
                raise SessionMissing from None
            found = store.session(name_or_id, workspace=WORKSPACE)
        self.get(account_id, found.id)
        return found

    def get(self, account_id: str, session_id: str) -> SessionFacts:
        """What a list shows of one conversation.

        Raises:
            SessionMissing: this account has no such conversation.
        """
        if not _is_id(session_id):
            raise SessionMissing
        found = self._rows.find(account_id, session_id)
        if found is None:
            # The index may not have seen it yet; or it is another's, or deleted.
            info = self._session(account_id, session_id).info
            self._rows.put([facts_of(info, account_id=account_id)])
            found = self._rows.find(account_id, session_id)
        if found is None:
            raise SessionMissing
        return found

    def page(
        self,
        account_id: str,
        *,
        query: str = "",
        is_archived: bool = False,
        after: tuple[int, int, str] | None = None,
        limit: int = 50,
    ) -> SessionPage:
        """A page of conversations: the pinned first, then the newest.

        Args:
            account_id: whose.
            query: only those whose title holds it, or where something said fits it.
            is_archived: the archived ones, or the others.
            after: `next_after` of the page before.
            limit: at most so many.
        """
        query = query.strip()
        among: set[str] = set()
        if query:
            with contextlib.suppress(kit.NovaError):
                # Titles are found while recall is away; what is said is found when it is back.
                hits = self._store_of(account_id).recall(query, limit=_FOUND_MAX)
                among = {hit.session.id for hit in hits}
        return self._rows.page(
            account_id,
            is_archived=is_archived,
            title=query,
            among=among,
            after=after,
            limit=limit,
        )

    def change(self, account_id: str, session_id: str, *, changes: StatePatch) -> SessionFacts:
        """Rename, pin, archive a conversation, or choose its model."""
        session = self.open(account_id, session_id)
        if changes.body():
            self._tell(session, changes)
        return self.get(account_id, session_id)

    def _tell(self, session: journal.Session, changes: StatePatch) -> None:
        done = session.append(state_entry(changes))
        self._rows.patch(session.id, changes, sequence=done.sequences[0])

    def show_state(self, session: journal.Session, at: int, *, changes: StatePatch) -> None:
        """List a conversation as the entry at this position says, without waiting for the feed."""
        entry = session.open().entries[at]
        self._rows.patch(session.id, changes, sequence=entry.sequence)

    def messages(
        self, account_id: str, session_id: str, *, before: int | None = None, limit: int = 50
    ) -> MessagePage:
        """The newest messages before a position, oldest first.

        Args:
            account_id: whose.
            session_id: which conversation.
            before: only what stands before this position; None: the newest.
            limit: at most so many.
        """
        transcript = self.open(account_id, session_id).open()
        positions = transcript.message_positions
        end = len(positions) if before is None else bisect.bisect_left(positions, before)
        start = max(0, end - limit)
        wanted = positions[start:end]
        rated = self._rows.feedback(session_id, wanted[0], wanted[-1]) if wanted else {}
        entries = transcript.entries
        reminded = recalled.of(transcript, start=start, end=end)
        return MessagePage(
            messages=tuple(
                said_of(entries[at], rated.get(at), recalled=reminded.get(at, ())) for at in wanted
            ),
            has_more=start > 0,
        )

    def fork(self, account_id: str, session_id: str, *, at: int) -> SessionFacts:
        """A new conversation that begins with the first `at` entries of this one.

        Raises:
            PositionInvalid: it has fewer.
        """
        return self._forked(account_id, self.get(account_id, session_id), at)

    def _forked(self, account_id: str, facts: SessionFacts, at: int) -> SessionFacts:
        session = self._session(account_id, facts.id)
        if not 0 <= at <= session.open().position:
            raise PositionInvalid
        made = session.fork(at=at, name=str(kit.new_id(self._clock)))
        self._rows.put([facts_of(made.info, account_id=account_id, at_us=self._clock.now_us())])
        self._tell(made, StatePatch(title=facts.title, title_by=facts.title_by, model=facts.model))
        return self.get(account_id, made.id)

    def rewind(self, account_id: str, session_id: str, *, at: int) -> SessionFacts:
        """Go on from an earlier position: a fork takes the conversation's place.

        Nothing is cut: what was said after it stays in the old one, which is archived.

        Returns:
            The conversation that took its place; it has an id of its own.

        Raises:
            PositionInvalid: it has fewer entries than `at`.
        """
        facts = self.get(account_id, session_id)
        made = self._forked(account_id, facts, at)
        if facts.is_pinned:
            self.change(account_id, made.id, changes=StatePatch(is_pinned=True))
        hidden = StatePatch(is_archived=True, is_pinned=False)
        self.change(account_id, session_id, changes=hidden)
        return self.get(account_id, made.id)

    def export(self, account_id: str, session_id: str, *, form: str) -> bytes:
        """A conversation as a file.

        Args:
            account_id: whose.
            session_id: which.
            form: jsonl: exact, as `nova import` takes it. markdown: to read. json: its messages.
        """
        session = self.open(account_id, session_id)
        if form == "jsonl":
            out = io.BytesIO()
            journal.export_session(session, out)
            return out.getvalue()
        facts = self.get(account_id, session_id)
        page = self.messages(account_id, session_id, limit=session.info.messages)
        make = as_markdown if form == "markdown" else as_json
        return make(facts, page.messages).encode()

    def delete(self, account_id: str, session_id: str) -> None:
        """Destroy a conversation everywhere, with what was derived from it.

        What its calls cost stays, without a word of it: the ledger follows from that. What a fork
        of it still shows stays with the fork, and goes with it.
        """
        session = self.open(account_id, session_id)
        self._settle()
        entry = journal.NewEntry(kind=STATE, body={"chat": {"is_deleted": True}})
        session.append(entry)
        self._rows.delete(session_id)
        infos = {each.id: each for each in self._store_of(account_id).all_sessions()}
        gone = self._rows.deleted(account_id)
        for each in (session_id, *(one for one in ancestors(session_id, infos) if one in gone)):
            own = self._own_positions(account_id, each)
            first = shared_entries(each, infos, gone=gone)
            self._erase(account_id, each, [at for at in own if at >= first])

    def _own_positions(self, account_id: str, session_id: str) -> list[int]:
        """Where words stand that were said in this session itself."""
        transcript = self._session(account_id, session_id).open()
        damaged = frozenset(transcript.damaged)
        return [
            entry.position
            for entry in _entries(transcript, damaged)
            if entry.session_id == session_id and not entry.is_erased and not _is_kept(entry)
        ]

    def rate(
        self, account_id: str, session_id: str, *, position: int, feedback: Feedback | None
    ) -> None:
        """Keep what a person thinks of an answer; None: nothing any more.

        Raises:
            PositionInvalid: there is no answer at this position.
        """
        session = self.open(account_id, session_id)
        transcript = session.open()
        positions = transcript.message_positions
        at = bisect.bisect_left(positions, position)
        if at == len(positions) or positions[at] != position:
            raise PositionInvalid
        if said_of(transcript.entries[position], None).role != "assistant":
            raise PositionInvalid("Only answers can be rated.")
        body = {
            "position": position,
            "rating": feedback.rating if feedback else None,
            "comment": feedback.comment if feedback else "",
        }
        session.append(journal.NewEntry(kind=FEEDBACK, body=body, actor="user"))
        self._rows.set_feedback(account_id, session_id, position, feedback)

    def _session(self, account_id: str, session_id: str) -> journal.JournalSession:
        try:
            found = self._store_of(account_id).get_session(session_id)
        except journal.SessionUnknown:
            raise SessionMissing from None
        if not is_conversation(found.workspace):
            raise SessionMissing
        return found


def said_of(
    entry: journal.Entry, feedback: Feedback | None, *, recalled: tuple[Recalled, ...] = ()
) -> SaidMessage:
    """A message as a reader sees it."""
    message: Any = entry.body
    reading = llm.Reading(role="", text="")
    if not entry.is_erased and isinstance(message.fields, dict):
        reading = llm.read_message(message)
    return SaidMessage(
        position=entry.position,
        role=reading.role,
        text=reading.text,
        thinking=reading.thinking,
        message=entry.body,
        said_at_us=entry.said_at_us,
        is_partial=not entry.is_erased and message.get("is_partial") is True,
        is_erased=entry.is_erased,
        feedback=feedback,
        recalled=recalled,
    )


def _is_kept(entry: journal.Entry) -> bool:
    """What stays of a deleted conversation: what it cost, and that it is deleted."""
    if entry.kind == USAGE:
        return True
    told: Any = entry.body.get("chat") if entry.kind == STATE else None
    return isinstance(told, dict) and "is_deleted" in told


def _entries(transcript: journal.Transcript, damaged: Iterable[int]) -> Iterable[journal.Entry]:
    found = transcript.entries
    return (found[at] for at in range(len(found)) if at not in damaged)


def _is_id(text: str) -> bool:
    try:
        kit.parse_id(text)
    except ValueError:
        return False
    return len(text) == 36
