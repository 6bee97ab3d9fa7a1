"""The namespaces of one store: found by their labels, folded once, written to and cleaned."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from novacore import journal
from novacore.adapters.langgraph.config import Config
from novacore.adapters.langgraph.items import (
    DELETED,
    DIRECTORY_NAME,
    ITEM,
    TOUCHED,
    WORKSPACE,
    Directory,
    Namespace,
    Row,
    Space,
    name_of,
)

Appends = list[Future[journal.Appended]]


class Spaces:
    """What a store of items keeps in memory. May be used from any thread."""

    def __init__(self, store: journal.Store, config: Config) -> None:
        self._store = store
        self._config = config
        self._kept: OrderedDict[Namespace, Space] = OrderedDict()
        self._lock = threading.Lock()
        self._directory: Directory | None = None

    def namespaces(self) -> dict[Namespace, bool]:
        """Each namespace that holds something, and whether items in it expire."""
        try:
            return self._open_directory().namespaces()
        except journal.SessionUnknown:
            self._directory = None  # It was erased, with everything of this owner perhaps.
            return self._open_directory().namespaces()

    def find(self, namespace: Namespace) -> Space | None:
        """A namespace, up to date; None: nothing was ever put there."""
        for _ in range(self._config.attempts_max):
            space = self._lookup(namespace)
            if space is None:
                return None
            try:
                with space.lock:
                    space.refresh()
                return space
            except journal.SessionUnknown:
                self._forget(space)
        return None

    def put(self, namespace: Namespace, bodies: Sequence[Mapping[str, Any]]) -> Appends:
        """Queue items of one namespace, all or none; the futures tell when they are durable."""
        expires = any(body.get("ttl_us") is not None for body in bodies)
        known = self.namespaces()
        appends: Appends = []
        if namespace not in known or (expires and not known[namespace]):
            entry = Directory.entry(namespace, expires=expires)
            appends.append(self._open_directory().session.submit(entry))
        entries = [journal.NewEntry(kind=ITEM, body=body) for body in bodies]
        appends.append(self._open(namespace).session.submit(*entries))
        return appends

    def delete(self, namespace: Namespace, keys: Sequence[str]) -> None:
        """Destroy items with all their versions, for good; one that is not there is no error."""
        space = self.find(namespace)
        if space is None:
            return
        with space.lock:
            wanted = [key for key in keys if key in space.rows]
            if wanted:
                space.session.append(journal.NewEntry(kind=DELETED, body={"keys": wanted}))
                space.refresh()
            self._clean(space)
            if not space.rows and namespace in self.namespaces():
                self._leave(space)

    def touch(self, space: Space, rows: Sequence[Row], *, now_us: int) -> None:
        """Note that items were read, where that moves their expiry; nobody waits for it."""
        keys = [row.key for row in rows if row.wants_touch(now_us)]
        if keys:
            for row in rows:
                row.touched_at_us = max(row.touched_at_us, now_us)
            # When it was read, not when a busy writer comes to record it.
            body = {"keys": keys, "at_us": now_us}
            space.session.submit(journal.NewEntry(kind=TOUCHED, body=body))

    def _clean(self, space: Space) -> None:
        """Erase what was deleted; also what an interrupted deletion left."""
        if space.leftovers:
            self._store.erase(space.session.id, positions=space.leftovers)
            space.leftovers = []

    def _leave(self, space: Space) -> None:
        """A namespace without items is not listed; where one came meanwhile, it is again."""
        session = self._open_directory().session
        session.append(Directory.entry(space.namespace, is_there=False))
        space.refresh()
        if space.rows:
            expires = any(row.ttl_us is not None for row in space.rows.values())
            session.append(Directory.entry(space.namespace, expires=expires))

    def _open_directory(self) -> Directory:
        if self._directory is None:
            session = self._store.session(DIRECTORY_NAME, workspace=WORKSPACE)
            self._directory = Directory(session)
        return self._directory

    def _open(self, namespace: Namespace) -> Space:
        while True:
            space = self.find(namespace)
            if space is not None:
                return space
            session = self._store.session(name_of(namespace), workspace=WORKSPACE)
            self._keep(Space(session, namespace))

    def _lookup(self, namespace: Namespace) -> Space | None:
        with self._lock:
            space = self._kept.get(namespace)
            if space is not None:
                self._kept.move_to_end(namespace)
                return space
        try:
            session = self._store.get_session(name_of(namespace), workspace=WORKSPACE)
        except journal.SessionUnknown:
            return None
        return self._keep(Space(session, namespace))

    def _keep(self, space: Space) -> Space:
        with self._lock:
            known = self._kept.setdefault(space.namespace, space)
            while len(self._kept) > self._config.threads_max:
                self._kept.popitem(last=False)
        return known

    def _forget(self, space: Space) -> None:
        with self._lock:
            if self._kept.get(space.namespace) is space:
                del self._kept[space.namespace]
