"""How the platform stands, as numbers for Prometheus: read when somebody asks, kept nowhere."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from novacore.gateway.components import Watch
from novacore.gateway.services import Services

_UP: Final = {"operational": 1.0, "permissive": 1.0, "degraded": 0.5, "down": 0.0}
_BREAKER: Final = {"closed": 0.0, "probing": 1.0, "open": 2.0}


class PlatformCollector(Collector):
    """The parts of the server and its models' breakers.

    Args:
        services: the platform and its threads.
        watch: how each part stood when it was last looked at; a part without data is left out.
    """

    def __init__(self, services: Services, watch: Watch) -> None:
        self._services = services
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """All of them, now."""
        up = GaugeMetricFamily(
            "nova_component_up", "1 well, 0.5 degraded, 0 down.", labels=["component"]
        )
        for component in self._watch.known():
            if component.state in _UP:
                up.add_metric([component.name], _UP[component.state])
        yield up
        yield GaugeMetricFamily(
            "nova_calls_waiting", "Calls that wait for a thread.", value=self._services.waiting
        )
        database = self._services.platform.database
        yield CounterMetricFamily(
            "nova_database_slow_queries",
            "Queries that took longer than database.slow_ms.",
            value=database.slow_queries,
        )
        yield from self._breakers()

    def _breakers(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "nova_provider_breaker", "0 closed, 1 probing, 2 open.", labels=["model"]
        )
        for model in self._services.platform.catalog:
            state.add_metric([model.name], _BREAKER[model.breaker_state])
        yield state
