"""What tests of the whole app start from.

`stage` is an app in this process over SQLite; `postgres_stage` over PostgreSQL. Settings come from
the fixture `server_settings`, which a test file may override.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests import migrated
from tests.api.stage import Stage, open_stage
from tests.scripted_provider import ScriptedProvider

from novacore import bootstrap, settings

CHEAP = {
    # Argon2 as cheap as it goes: these tests look at other things.
    "NOVA_IDENTITY_PASSWORD_MEMORY_KIB": "8",
    "NOVA_IDENTITY_PASSWORD_PASSES": "1",
    # Letters and tiers of their own have tests of their own.
    "NOVA_TIERS_PROJECTOR": "off",
}


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    """A model that says what a test tells it to, over HTTP on loopback."""
    with ScriptedProvider() as scripted:
        yield scripted


@pytest.fixture
def server_settings() -> dict[str, str]:
    """Further settings of the server, as environment variables."""
    return {}


@pytest.fixture
def settings_of(
    tmp_path: Path, provider: ScriptedProvider, server_settings: dict[str, str]
) -> Callable[..., settings.Settings]:
    """Makes the settings of a server: over a fresh data directory, with the scripted model."""

    def chosen(**more: str) -> settings.Settings:
        env = {
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "NOVA_DATA_DIR": str(tmp_path / "data"),
            "NOVA_LLM_PROVIDER": "openai",
            "NOVA_LLM_BASE_URL": f"{provider.url}/v1",
            "NOVA_LLM_API_KEY": "provider-key",
            "NOVA_LLM_MODEL": "scripted",
        }
        return settings.load(env=env | CHEAP | server_settings | more, workspace=tmp_path)

    return chosen


@pytest.fixture
def closed_stage(
    settings_of: Callable[..., settings.Settings], provider: ScriptedProvider
) -> Iterator[Stage]:
    """The app over SQLite, opened outside of the event loop; it does not run yet."""
    chosen = settings_of()
    migrated.make_business(bootstrap.business_place(chosen))
    opened = open_stage(chosen, provider=provider)
    yield opened
    opened.platform.close()


@pytest.fixture
async def stage(closed_stage: Stage) -> AsyncIterator[Stage]:
    """The app over SQLite, running."""
    async with closed_stage.app.running():
        yield closed_stage
        await closed_stage.close()


@pytest.fixture
def closed_postgres_stage(
    settings_of: Callable[..., settings.Settings], provider: ScriptedProvider, postgres_server
) -> Iterator[Stage]:
    """The app over PostgreSQL, opened outside of the event loop; it does not run yet."""
    chosen = settings_of(NOVA_DATABASE_URL=postgres_server.new_database())
    migrated.make_business(bootstrap.business_place(chosen))
    opened = open_stage(chosen, provider=provider)
    yield opened
    opened.platform.close()


@pytest.fixture
async def postgres_stage(closed_postgres_stage: Stage) -> AsyncIterator[Stage]:
    """The app over PostgreSQL, running."""
    async with closed_postgres_stage.app.running():
        yield closed_postgres_stage
        await closed_postgres_stage.close()
