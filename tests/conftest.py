"""What every test may ask for."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from tests import blocking

pytest_plugins = ("tests.servers.fixtures",)

# How long an example takes says nothing about whether it is right; a busy machine must not fail.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills",
        type=int,
        default=50,
        help="how often a storm test kills its writers",
    )
    parser.addoption(
        "--slow-too",
        action="store_true",
        help="tests/slow_tests.txt marks nothing: to write it anew",
    )


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """How often a storm test kills its writers: 50 in `make test`, 1,000 in `make storm`."""
    return request.config.getoption("--kills")


OWN_LOOPS = frozenset({"cli"})
"""Tests of the terminal: its loop is one person's, who waits for its files anyway."""


@pytest.fixture(autouse=True)
def nothing_blocks_the_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """In asynchronous tests, a call of ours that waits in the event loop is an error."""
    is_async = inspect.iscoroutinefunction(getattr(request, "function", None))
    if not is_async or OWN_LOOPS.intersection(request.path.parts):
        yield
        return
    detector = blocking.detector()
    detector.activate()
    yield
    detector.deactivate()


SLOW = Path(__file__).with_name("slow_tests.txt")
SERVERS = frozenset(
    {"postgres_server", "valkey_server", "falkordb_server", "nats_server", "mongodb_server"}
    | {"kafka_server", "qdrant_folder", "journal_urls"}
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs a server of its own takes seconds by nature: `make test-fast` leaves it out.

    So it does with what was measured to be slow; tools/list_slow_tests.py writes that list.
    """
    slow = set() if config.getoption("--slow-too") else set(SLOW.read_text().split())
    for item in items:
        name = f"{item.path.relative_to(config.rootpath)}::{getattr(item, 'originalname', '')}"
        parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
        on_server = any(
            each.startswith("postgres")
            if isinstance(each, str)
            else type(each).__name__ == "EngineUnderTest" and bool(each.server)
            for each in parameters
        )
        if name in slow or on_server or SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.heavy)
