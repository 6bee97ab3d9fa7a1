"""Group commit for rows that are written often: whoever waits longest commits for all who wait.

Each write of a turn's claim would sync the disk for itself; together they share a transaction.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import exc

from novacore import database, kit

_T = TypeVar("_T")
_GROUP_MAX = 256


class RowWriter:
    """Runs writes in shared transactions, in the order in which they came. Safe between threads.

    Args:
        db: where they go.
    """

    def __init__(self, db: database.Database) -> None:
        self._db = db
        self._turn = threading.Lock()
        self._waiting: deque[_Write] = deque()

    def run(self, function: Callable[[sqlalchemy.Connection], _T]) -> _T:
        """What `function` gives, once it is committed; it may be called twice, and counts once.

        Raises:
            DatabaseError: what went wrong with this write; the others' are not touched by it.
        """
        mine = _Write(function)
        self._waiting.append(mine)
        with self._turn:
            if not mine.done.done():
                self._commit()
        return mine.done.result()

    def _commit(self) -> None:
        """Commit groups until nobody waits; those that come meanwhile find theirs done."""
        while self._waiting:
            group: list[_Write] = []
            while self._waiting and len(group) < _GROUP_MAX:
                group.append(self._waiting.popleft())
            try:
                self._together(group)
            except (kit.NovaError, exc.SQLAlchemyError):
                for each in group:
                    self._alone(each)
            except BaseException as error:
                for each in group:
                    each.done.set_exception(error)
                raise

    def _together(self, group: list["_Write"]) -> None:
        # Nothing is told before the commit: an error here leaves every write of the group open.
        with self._db.begin() as connection:
            results = [each.function(connection) for each in group]
        for each, result in zip(group, results, strict=True):
            each.done.set_result(result)

    def _alone(self, write: "_Write") -> None:
        try:
            self._together([write])
        except (kit.NovaError, exc.SQLAlchemyError) as error:
            write.done.set_exception(error)


class _Write:
    """One write and what came of it."""

    def __init__(self, function: Callable[[sqlalchemy.Connection], Any]) -> None:
        self.function = function
        self.done: Future[Any] = Future()
