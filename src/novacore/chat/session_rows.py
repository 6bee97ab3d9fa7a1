"""The rows of conversations and feedback, and the claim that one turn at a time has on each."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite

from novacore import database
from novacore.chat.model import Feedback, SessionFacts, SessionPage, StatePatch
from novacore.chat.row_writer import RowWriter
from novacore.chat.tables import FEEDBACK, SESSION

_FACTS: Final = [SESSION.c[name] for name in SessionFacts.__slots__]
_TITLE_MAX: Final = 200


class SessionRows:
    """Reads and writes them. Plain functions: the edges call them in threads.

    Args:
        db: with chat's tables in it.
    """

    def __init__(self, db: database.Database) -> None:
        self._db = db
        self._writer = RowWriter(db)

    def find(self, account_id: str, session_id: str) -> SessionFacts | None:
        """One conversation of an account; None: it has none of that id."""
        wanted = sqlalchemy.select(*_FACTS).where(
            SESSION.c.id == session_id,
            SESSION.c.account_id == account_id,
            sqlalchemy.not_(SESSION.c.is_deleted),
        )
        with self._db.read() as connection:
            row = connection.execute(wanted).mappings().first()
        return None if row is None else SessionFacts(**row)

    def page(
        self,
        account_id: str,
        *,
        is_archived: bool,
        title: str = "",
        among: Collection[str] = (),
        after: tuple[int, int, str] | None = None,
        limit: int = 50,
    ) -> SessionPage:
        """A page of an account's conversations: the pinned first, then the newest.

        Args:
            account_id: whose.
            is_archived: the archived ones, or the others.
            title: only those whose title holds this text, whatever its case.
            among: with `title`: these as well, by id.
            after: `next_after` of the page before.
            limit: at most so many.

        Cost: one query over an index, however many there are.
        """
        pinned = sqlalchemy.cast(SESSION.c.is_pinned, sqlalchemy.Integer)
        wanted = sqlalchemy.select(*_FACTS).where(
            SESSION.c.account_id == account_id,
            SESSION.c.is_archived == is_archived,
            sqlalchemy.not_(SESSION.c.is_deleted),
        )
        if title:
            folded = SESSION.c.title_folded.contains(title.casefold(), autoescape=True)
            wanted = wanted.where(folded | SESSION.c.id.in_(sorted(among)))
        if after is not None:
            was_pinned, updated_at_us, last_id = after
            older = (SESSION.c.updated_at_us < updated_at_us) | (
                (SESSION.c.updated_at_us == updated_at_us) & (SESSION.c.id < last_id)
            )
            same = SESSION.c.is_pinned == bool(was_pinned)
            wanted = wanted.where((same & older) | (pinned < was_pinned))
        wanted = wanted.order_by(
            SESSION.c.is_pinned.desc(), SESSION.c.updated_at_us.desc(), SESSION.c.id.desc()
        ).limit(limit + 1)
        with self._db.read() as connection:
            found = [SessionFacts(**row) for row in connection.execute(wanted).mappings()]
        more = found[limit - 1] if len(found) > limit else None
        next_after = None
        if more is not None:
            next_after = (int(more.is_pinned), more.updated_at_us, more.id)
        return SessionPage(sessions=tuple(found[:limit]), next_after=next_after)

    def put(self, rows: Sequence[SessionFacts]) -> None:
        """Add rows where there are none; of those there are, set what was last said.

        Titles, pins and models change by `patch` alone.
        """
        if not rows:
            return
        values = [
            {
                **{name: getattr(row, name) for name in SessionFacts.__slots__},
                "title": row.title[:_TITLE_MAX],
                "title_folded": row.title[:_TITLE_MAX].casefold(),
                "is_deleted": False,
                "state_sequence": 0,
            }
            for row in rows
        ]
        insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        statement = insert(SESSION)
        newer = sqlalchemy.case(
            (
                statement.excluded.updated_at_us > SESSION.c.updated_at_us,
                statement.excluded.updated_at_us,
            ),
            else_=SESSION.c.updated_at_us,
        )
        statement = statement.on_conflict_do_update(
            index_elements=[SESSION.c.id],
            set_={"messages": statement.excluded.messages, "updated_at_us": newer},
        )
        self._writer.run(lambda connection: connection.execute(statement, values).rowcount)

    def patch(self, session_id: str, changes: StatePatch, *, sequence: int) -> None:
        """Set what an entry of the journal says, unless a later one was heard already."""
        values: dict[str, Any] = changes.body()
        if "title" in values:
            values["title"] = values["title"][:_TITLE_MAX]
            values["title_folded"] = values["title"].casefold()
        statement = (
            sqlalchemy.update(SESSION)
            .where(SESSION.c.id == session_id, SESSION.c.state_sequence < sequence)
            .values(state_sequence=sequence, **values)
        )
        self._writer.run(lambda connection: connection.execute(statement).rowcount)

    def claim(self, session_id: str, stream: str) -> bool:
        """Let a stream answer in a session where none does; False: another one does.

        Compare-and-set in the database, so that it holds for all processes.
        """
        statement = (
            sqlalchemy.update(SESSION)
            .where(SESSION.c.id == session_id, SESSION.c.active_stream.is_(None))
            .values(active_stream=stream)
        )
        return self._writer.run(lambda connection: connection.execute(statement).rowcount) == 1

    def let_go(self, session_id: str, stream: str, *, messages: int, at_us: int) -> None:
        """The stream answers no more; so many messages there are now."""
        statement = (
            sqlalchemy.update(SESSION)
            .where(SESSION.c.id == session_id, SESSION.c.active_stream == stream)
            .values(active_stream=None, messages=messages, updated_at_us=at_us)
        )
        self._writer.run(lambda connection: connection.execute(statement).rowcount)

    def active(self) -> list[SessionFacts]:
        """Every account's conversations that a stream answers in, as far as is known."""
        wanted = sqlalchemy.select(*_FACTS).where(SESSION.c.active_stream.is_not(None))
        with self._db.read() as connection:
            return [SessionFacts(**row) for row in connection.execute(wanted).mappings()]

    def delete(self, session_id: str) -> None:
        """Forget a conversation and what was said of its answers.

        An empty row stays, so that what the journal still has of it (what its calls cost) does not
        bring it back into the list.
        """
        with self._db.begin() as connection:
            connection.execute(
                sqlalchemy.delete(FEEDBACK).where(FEEDBACK.c.session_id == session_id)
            )
            connection.execute(
                sqlalchemy.update(SESSION)
                .where(SESSION.c.id == session_id)
                .values(is_deleted=True, title="", title_folded="", model="", active_stream=None)
            )

    def deleted(self, account_id: str) -> frozenset[str]:
        """The ids of an account's deleted conversations."""
        wanted = sqlalchemy.select(SESSION.c.id).where(
            SESSION.c.account_id == account_id, SESSION.c.is_deleted
        )
        with self._db.read() as connection:
            return frozenset(connection.execute(wanted).scalars())

    def delete_account(self, account_id: str) -> None:
        """Forget everything of an account."""
        with self._db.begin() as connection:
            for table in (FEEDBACK, SESSION):
                connection.execute(sqlalchemy.delete(table).where(table.c.account_id == account_id))

    def set_feedback(
        self, account_id: str, session_id: str, position: int, feedback: Feedback | None
    ) -> None:
        """Keep what a person thinks of an answer; None: nothing any more."""
        with self._db.begin() as connection:
            connection.execute(
                sqlalchemy.delete(FEEDBACK).where(
                    FEEDBACK.c.session_id == session_id, FEEDBACK.c.position == position
                )
            )
            if feedback is not None:
                connection.execute(
                    sqlalchemy.insert(FEEDBACK).values(
                        session_id=session_id,
                        position=position,
                        account_id=account_id,
                        rating=feedback.rating,
                        comment=feedback.comment,
                        at_us=self._db.now_us(connection),
                    )
                )

    def feedback(self, session_id: str, first: int, last: int) -> Mapping[int, Feedback]:
        """What was said of a session's answers from `first` to `last`, by position."""
        wanted = sqlalchemy.select(
            FEEDBACK.c.position, FEEDBACK.c.rating, FEEDBACK.c.comment
        ).where(FEEDBACK.c.session_id == session_id, FEEDBACK.c.position.between(first, last))
        with self._db.read() as connection:
            return {
                row.position: Feedback(rating=row.rating, comment=row.comment)
                for row in connection.execute(wanted)
            }

    def feedback_of(self, account_id: str) -> list[dict[str, Any]]:
        """Everything that an account said of answers."""
        wanted = sqlalchemy.select(
            FEEDBACK.c.session_id,
            FEEDBACK.c.position,
            FEEDBACK.c.rating,
            FEEDBACK.c.comment,
            FEEDBACK.c.at_us,
        ).where(FEEDBACK.c.account_id == account_id)
        with self._db.read() as connection:
            return [dict(row) for row in connection.execute(wanted).mappings()]
