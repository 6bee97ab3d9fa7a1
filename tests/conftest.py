"""What every test may ask for."""

import pytest


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
