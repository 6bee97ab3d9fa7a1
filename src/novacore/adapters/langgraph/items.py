"""The items of one namespace in one session: which entry holds which key, folded from them.

An older version of an item stays in the journal until the item is deleted; then all of them are
destroyed. Reading one that expires leaves a small entry now and then, so that expiry slides.
"""

import array
import dataclasses
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from novacore import journal
from novacore.adapters.errors import NameTooLong, ValueErased

WORKSPACE = "langgraph:store"
ITEM = "item"
DELETED = "item_deleted"
TOUCHED = "item_touched"
NAMESPACE = "namespace"
DIRECTORY_NAME = "namespaces"
_PREFIX = "items:"
_NAME_BYTES_MAX = 1_024

Namespace = tuple[str, ...]


def name_of(namespace: Namespace) -> str:
    """The name of a namespace's session: no two namespaces share one.

    Raises:
        NameTooLong: it is over the limit of a session's name.
    """
    name = _PREFIX + json.dumps(namespace, ensure_ascii=False, separators=(",", ":"))
    size = len(name.encode("utf-8", "surrogatepass"))
    if size > _NAME_BYTES_MAX:
        raise NameTooLong("namespace", size_bytes=size, bytes_max=_NAME_BYTES_MAX)
    return name


def pack_vector(vector: Iterable[float]) -> str:
    """A vector as text: little-endian float32 in base64."""
    numbers = array.array("f", vector)
    return b64encode(numbers.tobytes()).decode("ascii")


def unpack_vector(packed: str) -> Sequence[float]:
    """What `pack_vector` was given, as float32."""
    numbers = array.array("f")
    numbers.frombytes(b64decode(packed))
    return numbers


@dataclasses.dataclass(kw_only=True, slots=True)
class Row:
    """One item: where its newest version is."""

    namespace: Namespace
    key: str
    position: int
    created_at_us: int
    updated_at_us: int
    ttl_us: int | None
    touched_at_us: int
    older: list[int]
    """Positions of the versions before."""

    def is_live(self, now_us: int) -> bool:
        """False: it has expired."""
        return self.ttl_us is None or now_us < self.touched_at_us + self.ttl_us

    def wants_touch(self, now_us: int) -> bool:
        """True: reading it moves its expiry by enough to be worth an entry."""
        return self.ttl_us is not None and now_us - self.touched_at_us >= self.ttl_us // 10


class Space:
    """The fold of one namespace. Hold `lock` while using it."""

    def __init__(self, session: journal.Session, namespace: Namespace) -> None:
        self.session = session
        self.namespace = namespace
        self.lock = threading.RLock()
        self.rows: dict[str, Row] = {}
        self.leftovers: list[int] = []
        """Positions of deleted items that are to be erased."""
        self.position = 0
        self._transcript: journal.Transcript | None = None
        self._vectors: dict[int, Sequence[Sequence[float]]] = {}

    def refresh(self) -> None:
        """Take in what was appended since, by whomever.

        Raises:
            SessionUnknown: the namespace's session was erased.
        """
        transcript = self.session.open()
        if transcript is self._transcript:
            return
        self._transcript = transcript
        for position in range(self.position, transcript.position):
            self.position = position + 1
            entry = transcript.entries[position]
            if not entry.is_erased:
                self._take_in(entry)

    def _take_in(self, entry: journal.Entry) -> None:
        body = cast(Mapping[str, Any], entry.body)
        if entry.kind == ITEM:
            old = self.rows.get(body["key"])
            # An item that is put again after it expired is a new one.
            is_older = old is not None and old.is_live(entry.recorded_at_us)
            self.rows[body["key"]] = Row(
                namespace=self.namespace,
                key=body["key"],
                position=entry.position,
                created_at_us=old.created_at_us if old and is_older else entry.recorded_at_us,
                updated_at_us=entry.recorded_at_us,
                ttl_us=body.get("ttl_us"),
                touched_at_us=entry.recorded_at_us,
                older=[*old.older, old.position] if old else [],
            )
        elif entry.kind == DELETED:
            for key in body["keys"]:
                row = self.rows.pop(key, None)
                if row is not None:
                    self.leftovers += [*row.older, row.position]
                    self._vectors.pop(row.position, None)
        elif entry.kind == TOUCHED:
            at_us = body.get("at_us", entry.recorded_at_us)
            for key in body["keys"]:
                if key in self.rows:
                    row = self.rows[key]
                    row.touched_at_us = max(row.touched_at_us, at_us)

    def value(self, row: Row) -> dict[str, Any]:
        """What an item holds, decoded afresh.

        Raises:
            ValueErased: its entry was erased by its position.
        """
        return self._body(row)["value"]

    def vectors(self, row: Row) -> Sequence[Sequence[float]]:
        """An item's vectors; none where it was not indexed."""
        held = self._vectors.get(row.position)
        if held is None:
            packed = self._body(row).get("vectors", {})
            held = self._vectors[row.position] = [unpack_vector(v) for v in packed.values()]
        return held

    def _body(self, row: Row) -> Mapping[str, Any]:
        assert self._transcript is not None
        entry = self._transcript.entries[row.position]
        if entry.is_erased:
            raise ValueErased(f"Item {row.key!r} of namespace {self.namespace!r}")
        return cast(Mapping[str, Any], entry.body)


class Directory:
    """The namespaces that hold something, folded from a session of their own."""

    def __init__(self, session: journal.Session) -> None:
        self._session = session
        self._position = 0
        self._found: dict[Namespace, bool] = {}
        self._transcript: journal.Transcript | None = None
        self._lock = threading.Lock()

    def namespaces(self) -> dict[Namespace, bool]:
        """Each namespace, and whether items in it expire."""
        with self._lock:
            transcript = self._session.open()
            if transcript is not self._transcript:
                self._transcript = transcript
                for position in range(self._position, transcript.position):
                    self._position = position + 1
                    entry = transcript.entries[position]
                    if not entry.is_erased:
                        self._take_in(cast(Mapping[str, Any], entry.body))
            return dict(self._found)

    def _take_in(self, body: Mapping[str, Any]) -> None:
        namespace = tuple(body["namespace"])
        if body["is_there"]:
            self._found[namespace] = self._found.get(namespace, False) or body["expires"]
        else:
            self._found.pop(namespace, None)

    @staticmethod
    def entry(
        namespace: Namespace, *, is_there: bool = True, expires: bool = False
    ) -> journal.NewEntry:
        """The entry that says that a namespace holds something, or nothing more."""
        body = {"namespace": list(namespace), "is_there": is_there, "expires": expires}
        return journal.NewEntry(kind=NAMESPACE, body=body)

    @property
    def session(self) -> journal.Session:
        """Where it is kept."""
        return self._session
