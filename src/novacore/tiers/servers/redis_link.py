"""The way to a server of the Redis protocol: one client, made late, its errors in our words."""

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

from novacore.tiers.errors import TierCorrupt, TierError, TierUnavailable
from novacore.tiers.model import Batch, Health, TierState
from novacore.tiers.place import Place
from novacore.tiers.server_names import segment
from novacore.tiers.servers.server_items import decode_state, encode_set_aside
from novacore.tiers.servers.server_link import address, check_url, library, reason

_SCAN_KEYS: Final = 1_000
_NOT_NOW = ("OOM", "MISCONF", "LOADING", "NOAUTH", "WRONGPASS", "NOPERM", "MASTERDOWN", "READONLY",
            "BUSY", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "MOVED")  # fmt: skip
"""Errors by which a server says that it can't serve us now, whatever we store."""


class RedisLink:
    """A client of one server for one tier. Nothing is connected before the first call.

    Args:
        url: redis://[user:password@]host:port/database, or rediss:// for TLS.
        place: its settings say the prefix of every key and the longest wait.
        tier: the tier it serves.
        extra: the extra that brings the library.
    """

    def __init__(self, url: str, *, place: Place, tier: str, extra: str = "redis") -> None:
        self._url = url
        self._timeout_s = place.config.timeout_ms / 1000
        self._extra = extra
        self._made: Any = None
        self._tier = tier
        self._prefix = segment(place.config.prefix)

    def key(self, tenant: str, owner: str, *more: str) -> str:
        """prefix:tenant:owner:tier:…, each a whole segment."""
        return ":".join([self._prefix, segment(tenant), segment(owner), self._tier, *more])

    def own_key(self, name: str) -> str:
        """A key of the tier itself. No tenant's segment is empty, so it is nobody's."""
        return f"{self._prefix}::{self._tier}:{name}"

    @contextmanager
    def client(self) -> Generator[Any]:
        """The client, its errors in our words."""
        redis = library("redis", extra=self._extra)
        wrong = redis.exceptions
        try:
            if self._made is None:
                self._made = self._make(redis)
            yield self._made
        except wrong.ResponseError as error:
            # A pipeline's error quotes the command that failed, and with it somebody's words.
            text = str(error).rpartition("caused error: ")[2].removeprefix("EXECABORT ")
            if text.startswith(_NOT_NOW):
                raise self._unavailable(redis.RedisError(text)) from None
            raise TierCorrupt(
                f"What the {self._tier} tier holds is not what we stored: {text}"
            ) from None
        except (wrong.RedisError, OSError) as error:
            raise self._unavailable(error) from error

    def _make(self, redis: Any) -> Any:
        check_url(self._url, what=f"the {self._tier} tier's server")
        backoff = library("redis.backoff", extra=self._extra)
        retry = library("redis.retry", extra=self._extra)
        try:
            return redis.Redis.from_url(
                self._url,
                socket_timeout=self._timeout_s,
                socket_connect_timeout=self._timeout_s,
                # Once more for a connection that the server closed while it was idle.
                retry=retry.Retry(backoff.NoBackoff(), 1),
                protocol=2,
            )
        except ValueError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: BaseException) -> TierUnavailable:
        return TierUnavailable(
            f"The server of the {self._tier} tier at {address(self._url)} does not serve us: "
            f"{reason(error, url=self._url)}"
        )

    def state(self) -> TierState:
        """The watermark and what was set aside, read in one piece."""
        with self.client() as client:
            return decode_state(*client.hmget(self.own_key("state"), "watermark", "set_aside"))

    def put_state(self, pipe: Any, batch: Batch) -> None:
        """Store where the tier is, in the transaction that stores its data."""
        fields = {
            "watermark": batch.watermark.encode(),
            "set_aside": encode_set_aside(batch.set_aside),
        }
        pipe.hset(self.own_key("state"), mapping=fields)

    def rewrite_log(self) -> None:
        """Have the server write its log anew, so that nothing erased stays in a file.

        A server without a log keeps no deleted content; one that does not let us is the operator's
        to rewrite (docs/howto/tier-servers.md).
        """
        with self.client() as client:
            end = time.monotonic() + self._timeout_s
            while client.info("persistence").get("aof_rewrite_in_progress"):
                # One that began before the erasure writes what was there then.
                if time.monotonic() > end:
                    raise TierUnavailable("The server has been rewriting its log for too long.")
                time.sleep(0.01)
            if client.info("persistence").get("aof_enabled"):
                with suppress(library("redis", extra=self._extra).exceptions.ResponseError):
                    client.bgrewriteaof()

    def wipe(self) -> None:
        """Destroy every key of the tier, whatever is in it; its watermark first."""
        with self.client() as client:
            client.unlink(self.own_key("state"))
            pattern = f"{self._prefix}:*:{self._tier}:*"
            found: list[bytes] = []
            for key in client.scan_iter(match=pattern, count=_SCAN_KEYS):
                # The pattern's star takes in colons too; whole segments decide.
                if key.split(b":")[3:4] == [self._tier.encode()] or key.startswith(
                    self.own_key("").encode()
                ):
                    found.append(key)
                if len(found) >= _SCAN_KEYS:
                    client.unlink(*found)
                    found.clear()
            if found:
                client.unlink(*found)
        self.rewrite_log()

    def health(self) -> Health:
        """A PING, timed, and what the server calls itself."""
        try:
            with self.client() as client:
                began = time.perf_counter()
                client.ping()
                latency_ms = (time.perf_counter() - began) * 1000
                info = client.info("server")
        except TierError as error:
            return Health(is_up=False, what=str(error))
        name = "Valkey" if "valkey_version" in info else "Redis"
        version = info.get("valkey_version") or info.get("redis_version", "")
        return Health(is_up=True, what=f"{name} {version}", latency_ms=latency_ms)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        made, self._made = self._made, None
        if made is not None:
            made.close()
