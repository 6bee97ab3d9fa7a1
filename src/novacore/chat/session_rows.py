"""The rows of conversations and feedback, and the claim that one turn at a time has on each."""

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql, sqlite

from novacore import database
from novacore.chat.model import Feedback, SessionFacts, SessionPage, StatePatch
from novacore.chat.prepared import Prepared
from novacore.chat.row_writer import RowWriter
from novacore.chat.tables import FEEDBACK, SESSION

_FACTS: Final = [SESSION.c[name] for name in SessionFacts.__slots__]
_TITLE_MAX: Final = 200
_NEWEST: Final = (SESSION.c.is_pinned.desc(), SESSION.c.updated_at_us.desc(), SESSION.c.id.desc())

_FIND: Final = sqlalchemy.select(*_FACTS).where(
    SESSION.c.id == bindparam("session"),
    SESSION.c.account_id == bindparam("account"),
    sqlalchemy.not_(SESSION.c.is_deleted),
)
_SAID: Final = sqlalchemy.select(SESSION.c.messages, SESSION.c.updated_at_us).where(
    SESSION.c.id == bindparam("session")
)
_HEARD: Final = sqlalchemy.select(SESSION.c.state_sequence).where(
    SESSION.c.id == bindparam("session")
)
_FIRST_PAGE: Final = (
    sqlalchemy.select(*_FACTS)
    .where(
        SESSION.c.account_id == bindparam("account"),
        SESSION.c.is_archived == bindparam("archived"),
        sqlalchemy.not_(SESSION.c.is_deleted),
    )
    .order_by(*_NEWEST)
    .limit(bindparam("most"))
)
_CLAIM: Final = (
    sqlalchemy.update(SESSION)
    .where(SESSION.c.id == bindparam("session"), SESSION.c.active_stream.is_(None))
    .values(active_stream=bindparam("stream"))
)
_LET_GO: Final = (
    sqlalchemy.update(SESSION)
    .where(SESSION.c.id == bindparam("session"), SESSION.c.active_stream == bindparam("stream"))
    .values(
        active_stream=sqlalchemy.null(),
        messages=bindparam("count"),
        updated_at_us=bindparam("at_us"),
    )
)
_RATED: Final = sqlalchemy.select(FEEDBACK.c.position, FEEDBACK.c.rating, FEEDBACK.c.comment).where(
    FEEDBACK.c.session_id == bindparam("session"),
    FEEDBACK.c.position.between(bindparam("first"), bindparam("last")),
)


class SessionRows:
    """Reads and writes them. Plain functions: the edges call them in threads.

    Args:
        db: with chat's tables in it.
    """

    def __init__(self, db: database.Database) -> None:
        self._db = db
        self._writer = RowWriter(db)
        self._prepared = Prepared(db)
        self._put = _putting(sqlite.insert if db.is_sqlite else postgresql.insert)

    def find(self, account_id: str, session_id: str) -> SessionFacts | None:
        """One conversation of an account; None: it has none of that id."""
        with self._db.read() as connection:
            rows = self._prepared.rows(connection, _FIND, session=session_id, account=account_id)
        return _facts(rows[0]) if rows else None

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
        with self._db.read() as connection:
            if after is None and not title:
                rows = self._prepared.rows(
                    connection,
                    _FIRST_PAGE,
                    account=account_id,
                    archived=is_archived,
                    most=limit + 1,
                )
                found = [_facts(row) for row in rows]
            else:
                wanted = _listed(account_id, is_archived=is_archived, title=title, among=among)
                wanted = _behind(wanted, after).limit(limit + 1)
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
        rows = self._unknown(rows)
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
        self._writer.run(lambda connection: self._prepared.run_many(connection, self._put, values))

    def _unknown(self, rows: Sequence[SessionFacts]) -> list[SessionFacts]:
        """Those that would change something: to look costs no turn of the database's one writer."""
        found: list[SessionFacts] = []
        with self._db.read() as connection:
            for row in rows:
                there = self._prepared.rows(connection, _SAID, session=row.id)
                if not there or there[0][0] != row.messages or there[0][1] < row.updated_at_us:
                    found.append(row)
        return found

    def patch(self, session_id: str, changes: StatePatch, *, sequence: int) -> None:
        """Set what an entry of the journal says, unless a later one was heard already."""
        with self._db.read() as connection:
            heard = self._prepared.rows(connection, _HEARD, session=session_id)
        if heard and heard[0][0] >= sequence:
            return  # as with `put`: to look costs no turn of the one writer
        values: dict[str, Any] = changes.body()
        if "title" in values:
            values["title"] = values["title"][:_TITLE_MAX]
            values["title_folded"] = values["title"].casefold()
        statement = _patching(tuple(sorted(values)))
        told = {_given(name): value for name, value in values.items()}

        def patched(connection: sqlalchemy.Connection) -> int:
            return self._prepared.run(
                connection, statement, session=session_id, heard=sequence, **told
            )

        self._writer.run(patched)

    def claim(self, session_id: str, stream: str) -> bool:
        """Let a stream answer in a session where none does; False: another one does.

        Compare-and-set in the database, so that it holds for all processes.
        """

        def claimed(connection: sqlalchemy.Connection) -> int:
            return self._prepared.run(connection, _CLAIM, session=session_id, stream=stream)

        return self._writer.run(claimed) == 1

    def let_go(self, session_id: str, stream: str, *, messages: int, at_us: int) -> None:
        """The stream answers no more; so many messages there are now."""

        def freed(connection: sqlalchemy.Connection) -> int:
            return self._prepared.run(
                connection, _LET_GO, session=session_id, stream=stream, count=messages, at_us=at_us
            )

        self._writer.run(freed)

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
        with self._db.read() as connection:
            rows = self._prepared.rows(
                connection, _RATED, session=session_id, first=first, last=last
            )
        return {row[0]: Feedback(rating=row[1], comment=row[2]) for row in rows}

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


def _facts(row: Sequence[Any]) -> SessionFacts:
    """A row of `_FACTS` as the driver gives it."""
    found = dict(zip(SessionFacts.__slots__, row, strict=True))
    found["is_pinned"] = bool(found["is_pinned"])
    found["is_archived"] = bool(found["is_archived"])
    return SessionFacts(**found)


def _putting(insert: Any) -> Any:
    """Adds a row where there is none; of one that there is, sets what was last said."""
    statement = insert(SESSION).values({each.name: bindparam(each.name) for each in SESSION.c})
    newer = sqlalchemy.case(
        (
            statement.excluded.updated_at_us > SESSION.c.updated_at_us,
            statement.excluded.updated_at_us,
        ),
        else_=SESSION.c.updated_at_us,
    )
    return statement.on_conflict_do_update(
        index_elements=[SESSION.c.id],
        set_={"messages": statement.excluded.messages, "updated_at_us": newer},
    )


@functools.lru_cache(maxsize=64)
def _patching(names: tuple[str, ...]) -> Any:
    """Sets these columns, unless a later entry was heard already."""
    return (
        sqlalchemy.update(SESSION)
        .where(SESSION.c.id == bindparam("session"), SESSION.c.state_sequence < bindparam("heard"))
        .values(
            {
                SESSION.c.state_sequence: bindparam("heard"),
                **{SESSION.c[name]: bindparam(_given(name)) for name in names},
            }
        )
    )


def _given(name: str) -> str:
    """What a value of a column is called: the column's own name is taken in an UPDATE."""
    return f"new_{name}"


def _listed(account_id: str, *, is_archived: bool, title: str, among: Collection[str]) -> Any:
    """The conversations of a list, the pinned first, then the newest."""
    wanted = sqlalchemy.select(*_FACTS).where(
        SESSION.c.account_id == account_id,
        SESSION.c.is_archived == is_archived,
        sqlalchemy.not_(SESSION.c.is_deleted),
    )
    if title:
        folded = SESSION.c.title_folded.contains(title.casefold(), autoescape=True)
        wanted = wanted.where(folded | SESSION.c.id.in_(sorted(among)))
    return wanted.order_by(*_NEWEST)


def _behind(wanted: Any, after: tuple[int, int, str] | None) -> Any:
    """What of a list comes after its last item on the page before."""
    if after is None:
        return wanted
    was_pinned, updated_at_us, last_id = after
    older = (SESSION.c.updated_at_us < updated_at_us) | (
        (SESSION.c.updated_at_us == updated_at_us) & (SESSION.c.id < last_id)
    )
    same = SESSION.c.is_pinned == bool(was_pinned)
    pinned = sqlalchemy.cast(SESSION.c.is_pinned, sqlalchemy.Integer)
    return wanted.where((same & older) | (pinned < was_pinned))
