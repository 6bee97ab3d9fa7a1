"""The sessions that hold the usage of calls that belong to no conversation: one a day."""

import threading
from collections import OrderedDict
from typing import Final, Protocol

from novacore import journal
from novacore.chat.usage import WORKSPACE

TENANT: Final = "local"
_KEPT_MAX: Final = 10_000


class Stores(Protocol):
    """The journal as this room uses it."""

    def for_owner(self, scope: journal.Scope, /) -> journal.JournalStore:
        """One account's sessions."""
        ...

    def feed(self) -> journal.Feed:
        """Every account's entries."""
        ...


def scope_of(account_id: str) -> journal.Scope:
    """Whose entries an account's are."""
    return journal.Scope(tenant=TENANT, owner=account_id)


class UsageSessions:
    """Finds them, and remembers those it found. Safe between threads."""

    def __init__(self, store: Stores) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], journal.Session] = OrderedDict()

    def known(self, account_id: str, day: str) -> journal.Session | None:
        """The session where it was asked for before; costs no look into the journal."""
        with self._lock:
            return self._known.get((account_id, day))

    def get(self, account_id: str, day: str) -> journal.Session:
        """The session of an account's day, created when there is none."""
        found = self.known(account_id, day)
        if found is None:
            store = self._store.for_owner(scope_of(account_id))
            found = store.session(f"usage/{day}", workspace=WORKSPACE)
            with self._lock:
                self._known[account_id, day] = found
                while len(self._known) > _KEPT_MAX:
                    self._known.popitem(last=False)
        return found

    def find(self, account_id: str, session_id: str) -> journal.Session | None:
        """A conversation of an account; None: there is none of that id."""
        try:
            return self._store.for_owner(scope_of(account_id)).get_session(session_id)
        except journal.SessionUnknown:
            return None
