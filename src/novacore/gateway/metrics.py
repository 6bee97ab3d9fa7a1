"""What Prometheus may read: bounded labels only, never an id, an address or a text."""

from collections.abc import Iterable

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from novacore import billing, llm

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_OPEN = {"closed": 0.0, "probing": 0.5, "open": 1.0}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST


class Metrics:
    """The counters of one server, and its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "nova_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "nova_http_request_seconds",
            "Time from a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.limited = Counter(
            "nova_http_rate_limited",
            "Requests refused by a rate limit.",
            ("rate",),
            registry=self.registry,
        )
        self.running = Gauge(
            "nova_http_requests_running", "Requests under way.", registry=self.registry
        )
        self._drift = Gauge(
            "nova_usage_drift_tokens",
            "How far journal, ledger and counters were apart when last compared.",
            registry=self.registry,
        )
        self._compared = Gauge(
            "nova_usage_compared_timestamp_seconds",
            "When they were last compared; 0: never.",
            registry=self.registry,
        )
        self._behind = Gauge(
            "nova_usage_feed_lag_entries",
            "Entries of the journal that the ledger has not looked at.",
            registry=self.registry,
        )
        self._providers = Gauge(
            "nova_provider_breaker_open",
            "1: the model's provider is left alone; 0.5: one request tries it; 0: all is well.",
            ("model",),
            registry=self.registry,
        )
        self._changes = Gauge(
            "nova_provider_breaker_changes",
            "How often the breaker of the model's provider changed its state.",
            ("model",),
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: of the request; an unusual one counts as `other`.
            route: the route's template, never the path that was asked for.
            status: of the answer.
            seconds: it took.
        """
        key = (method, route, status)
        found = self._known.get(key)
        if found is None:
            known = method if method in _METHODS else "other"
            found = (
                self._requests.labels(known, route, str(status)),
                self._seconds.labels(route),
            )
            if method in _METHODS:
                self._known[key] = found
        found[0].inc()
        found[1].observe(seconds)

    def metered(self, last: billing.Reconciliation | None, *, lag_entries: int) -> None:
        """Note how the ledger stands.

        Args:
            last: what the last comparison found; None: there was none.
            lag_entries: of the journal's feed.
        """
        if last is not None:
            self._drift.set(last.drift_tokens or last.drift_count)
            self._compared.set(last.at_us / 1_000_000)
        self._behind.set(lag_entries)

    def reached(self, models: Iterable[llm.CatalogModel]) -> None:
        """Note how the providers of the configured models stand."""
        for model in models:
            self._providers.labels(model.name).set(_OPEN[model.breaker_state])
            self._changes.labels(model.name).set(model.breaker_changes)

    def render(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return prometheus_client.generate_latest(self.registry)
