"""Idempotency-Keys: which request holds one, and what it was answered."""

import json
from typing import Any, Final

import sqlalchemy

from novacore.billing import statements
from novacore.billing.errors import KeyAnswered, KeyReused
from novacore.billing.model import Admission, Claim, StoredReply
from novacore.billing.tables import REPLY

_FIND: Final = """
SELECT digest, hold_id, state, status, headers, body FROM billing_reply
WHERE account_id = ? AND route = ? AND key = ? AND expires_at_us > ?"""
_TAKE: Final = (
    statements.inserted(REPLY)
    + """ ON CONFLICT (account_id, route, key) DO UPDATE SET
    digest = excluded.digest, hold_id = excluded.hold_id, state = excluded.state,
    status = NULL, headers = NULL, body = NULL, expires_at_us = excluded.expires_at_us"""
)
_KEEP: Final = """
UPDATE billing_reply SET state = ?, status = ?, headers = ?, body = ?
WHERE hold_id = ? AND state = 'running'"""
_DROP: Final = "DELETE FROM billing_reply WHERE hold_id = ? AND state = 'running'"


class Replies:
    """The keys of requests and their replies, in the transaction of the hold."""

    def __init__(self, sql: statements.SQL, *, bytes_max: int, kept_us: int) -> None:
        self._sql = sql
        self._bytes_max = bytes_max
        self._kept_us = kept_us

    def find(
        self, connection: sqlalchemy.Connection, admission: Admission, *, now_us: int
    ) -> tuple[str, StoredReply | None] | None:
        """The hold of the request that has this key, and its reply once it is done.

        Raises:
            KeyReused: that request had another body.
            KeyAnswered: it was answered, and the reply could not be kept.
        """
        claim = _claim(admission)
        found = self._sql.row(
            connection, _FIND, admission.account_id, claim.route, claim.key, now_us
        )
        if found is None:
            return None
        digest, hold_id, state, status, headers, body = found
        if digest != claim.digest:
            raise KeyReused
        if state == "lost":
            raise KeyAnswered
        if state == "running":
            return hold_id, None
        return hold_id, StoredReply(
            status=status,
            headers=tuple((name, value) for name, value in json.loads(headers)),
            body=bytes(body),
        )

    def take(
        self, connection: sqlalchemy.Connection, holds: list[tuple[Admission, str]], *, now_us: int
    ) -> None:
        """Note which holds these keys stand for."""
        rows: list[tuple[Any, ...]] = []
        for admission, hold_id in holds:
            claim = _claim(admission)
            key = (admission.account_id, claim.route, claim.key, claim.digest, hold_id)
            rows.append((*key, "running", None, None, None, now_us + self._kept_us))
        self._sql.insert(connection, _TAKE, rows)

    def keep(self, connection: sqlalchemy.Connection, hold_id: str, reply: StoredReply) -> bool:
        """Keep the reply of a finished request; False: its key is somebody else's by now."""
        if len(reply.body) > self._bytes_max:
            return self._sql.run(connection, _KEEP, "lost", None, None, None, hold_id) == 1
        headers = json.dumps([list(pair) for pair in reply.headers])
        return (
            self._sql.run(connection, _KEEP, "done", reply.status, headers, reply.body, hold_id)
            == 1
        )

    def drop(self, connection: sqlalchemy.Connection, hold_id: str) -> None:
        """Free the key of a request that came to nothing."""
        self._sql.run(connection, _DROP, hold_id)


def _claim(admission: Admission) -> Claim:
    assert admission.idempotency is not None
    return admission.idempotency
