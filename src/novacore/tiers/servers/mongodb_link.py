"""The way to a server of the MongoDB protocol: one client, made late, its errors in our words."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from novacore.tiers.errors import ItemRefused, TierCorrupt, TierError, TierUnavailable
from novacore.tiers.model import Batch, Health, TierState
from novacore.tiers.server_names import segment
from novacore.tiers.servers.server_columns import restored, storable
from novacore.tiers.servers.server_items import decode_state, encode_set_aside
from novacore.tiers.servers.server_link import address, check_url, library, reason

_DATABASE: Final = "nova"
_STATE: Final = "state"
_TOO_LARGE: Final = (10334, 17419, 17420)


class MongoLink:
    """A client of one database for one tier. Nothing is connected before the first call.

    Args:
        url: mongodb://[user:password@]host:port/database
        prefix: the first part of every collection's name.
        timeout_ms: the longest wait for one answer.
    """

    def __init__(self, url: str, *, prefix: str, timeout_ms: int) -> None:
        self._url = url
        self._prefix = segment(prefix)
        self._timeout_ms = timeout_ms
        self._client: Any = None
        self._database: Any = None

    @contextmanager
    def collection(self, name: str) -> Generator[Any]:
        """A collection by its name without the prefix, its errors in our words."""
        pymongo = library("pymongo", extra="mongodb")
        try:
            if self._database is None:
                self._database = self._connect(pymongo)
            yield self._database[f"{self._prefix}_{name}"]
        except (pymongo.errors.PyMongoError, OSError) as error:
            raise self._told(pymongo.errors, error) from None

    def _connect(self, pymongo: Any) -> Any:
        check_url(self._url, what="the document tier's server")
        self._client = pymongo.MongoClient(
            self._url,
            appname="novacore",
            serverSelectionTimeoutMS=self._timeout_ms,
            connectTimeoutMS=self._timeout_ms,
            socketTimeoutMS=self._timeout_ms,
            w="majority",
        )
        return self._client.get_default_database(_DATABASE)

    def _told(self, wrong: Any, error: Exception) -> TierError:
        details: dict[str, Any] = getattr(error, "details", None) or {}
        codes = {each.get("code") for each in details.get("writeErrors", ())}
        codes.add(getattr(error, "code", None))
        if isinstance(error, wrong.DocumentTooLarge) or codes & {*_TOO_LARGE}:
            return ItemRefused("The server takes no document of that size.")
        if isinstance(error, wrong.BulkWriteError):
            # Its text quotes the documents.
            return TierCorrupt(f"The server refused a document, with the codes {codes - {None}}.")
        said = reason(error, url=self._url).partition(" (configured timeouts")[0]
        return TierUnavailable(
            f"The server of the document tier at {address(self._url)} does not serve us: {said}"
        )

    def state(self) -> TierState:
        """The watermark and what was set aside: one document."""
        with self.collection(_STATE) as states:
            found = states.find_one({"_id": _STATE})
        if found is None:
            return TierState(watermark=None)
        watermark, set_aside = found.get("watermark"), found.get("set_aside")
        if not isinstance(watermark, str) or not isinstance(set_aside, str):
            return TierState(watermark=None)
        return decode_state(restored(watermark), restored(set_aside))

    def put_state(self, batch: Batch) -> None:
        """Store where the tier is, after its data."""
        state = {
            "_id": _STATE,
            "watermark": storable(batch.watermark.encode()),
            "set_aside": storable(encode_set_aside(batch.set_aside)),
        }
        with self.collection(_STATE) as states:
            states.replace_one({"_id": _STATE}, state, upsert=True)

    def wipe(self, name: str) -> None:
        """Destroy a collection; the watermark first."""
        with self.collection(_STATE) as states:
            states.drop()
        with self.collection(name) as documents:
            documents.drop()

    def health(self) -> Health:
        """A ping, timed, and what the server says it is."""
        try:
            with self.collection(_STATE) as states:
                admin = states.database.client.admin
                began = time.perf_counter()
                admin.command("ping")
                latency_ms = (time.perf_counter() - began) * 1000
                about = admin.command("buildInfo")
        except TierError as error:
            return Health(is_up=False, what=str(error))
        name = about.get("process") or "MongoDB"
        return Health(is_up=True, what=f"{name} {about.get('version', '')}", latency_ms=latency_ms)

    def close(self) -> None:
        """Close the client; the next call makes a new one."""
        client, self._client, self._database = self._client, None, None
        if client is not None:
            client.close()
