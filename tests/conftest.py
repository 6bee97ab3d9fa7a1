"""What every test may ask for."""

import hypothesis
import pytest

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


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """How often a storm test kills its writers: 50 in `make test`, 1,000 in `make storm`."""
    return request.config.getoption("--kills")


SERVERS = frozenset(
    {"postgres_server", "valkey_server", "falkordb_server", "nats_server", "mongodb_server"}
    | {"kafka_server", "qdrant_folder", "journal_urls"}
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a server of its own takes seconds by nature: `make test-fast` leaves it out."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
        on_server = any(
            each.startswith("postgres")
            if isinstance(each, str)
            else type(each).__name__ == "EngineUnderTest" and bool(each.server)
            for each in parameters
        )
        if on_server or SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.heavy)
