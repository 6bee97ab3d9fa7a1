"""Turns the feed's entries into records: an entry together with whose it is."""

import threading
from typing import Any

from novacore import journal
from novacore.tiers.model import Record

_FACTS_MAX = 10_000


class Records:
    """Makes records; what is known of a session is looked up once. Safe between threads."""

    def __init__(self, feed: journal.Feed) -> None:
        self._feed = feed
        self._facts: dict[str, journal.Owned] = {}
        self._lock = threading.Lock()

    def of(self, entry: journal.Entry) -> Record:
        """The record of an entry.

        Raises:
            Corrupt: the journal has the entry, but not its session.
        """
        facts = self._facts_of(entry)
        info = facts.info
        body: dict[str, Any] = {} if entry.is_erased else dict(entry.body)
        return Record(
            sequence=entry.sequence,
            session_id=entry.session_id,
            position=entry.position,
            id=entry.id,
            kind=entry.kind,
            said_at_us=entry.said_at_us,
            recorded_at_us=entry.recorded_at_us,
            actor=entry.actor,
            body=body,
            is_erased=entry.is_erased,
            tenant=facts.scope.tenant,
            owner=facts.scope.owner,
            workspace=info.workspace,
            session_name=info.name,
            parent_id=info.parent_id,
            forked_at=info.forked_at,
        )

    def forget(self) -> None:
        """Look everything up again: something was erased, maybe a session's name."""
        with self._lock:
            self._facts.clear()

    def _facts_of(self, entry: journal.Entry) -> journal.Owned:
        known = self._facts.get(entry.session_id)
        if known is not None:
            return known
        found = self._feed.find_session(entry.session_id)
        if found is None:
            raise journal.Corrupt(
                f"Entry {entry.position} belongs to session {entry.session_id}, which is missing.",
                session_id=entry.session_id,
                position=entry.position,
                sequence=entry.sequence,
            )
        with self._lock:
            if len(self._facts) >= _FACTS_MAX:
                self._facts.clear()
            self._facts[entry.session_id] = found
        return found
