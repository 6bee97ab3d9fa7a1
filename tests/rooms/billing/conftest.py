"""A billing room on each database, and what its tests say again and again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests import migrated

from novacore import billing, database, kit

START_US = 1_795_305_600_000_000 + 12 * 3_600_000_000
"""2026-11-22, noon UTC."""


@pytest.fixture
def clock() -> kit.FixedClock:
    return kit.FixedClock(START_US)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    if request.param == "sqlite":
        return tmp_path / "business.db"
    return request.getfixturevalue("postgres_server").new_schema()


@pytest.fixture
def db(place: str | Path, clock: kit.FixedClock) -> Iterator[database.Database]:
    opened = database.Database(place, clock=clock)
    migrated.make_tables(opened, [billing.FOLDER])
    yield opened
    opened.close()


Open = Callable[..., billing.Billing]


@pytest.fixture
def open_billing(db: database.Database, clock: kit.FixedClock) -> Iterator[Open]:
    opened: list[billing.Billing] = []

    def make(*, limits: str = "on", **settings: Any) -> billing.Billing:
        config = billing.Config(limits=limits, settle_wait_ms=0, **settings)
        opened.append(billing.Billing(db, config=config, clock=clock))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def plan(**limits: Any) -> dict[str, Any]:
    """Settings of a default plan with these limits."""
    return {"plan_default": "test", "plans": {"test": limits}}


def call(account_id: str = "ada", **facts: Any) -> billing.Admission:
    """A call of 100 tokens in and up to 50 out."""
    settings: dict[str, Any] = {
        "purpose": "chat",
        "model": "m1",
        "input_tokens": 100,
        "output_tokens_max": 1_000,
        "output_tokens_wanted": 50,
        "messages": 1,
    }
    return billing.Admission(account_id=account_id, **settings | facts)


def used(hold: billing.Hold, *, output_tokens: int = 20, **facts: Any) -> billing.Usage:
    """What the call of a hold used."""
    settings: dict[str, Any] = {
        "account_id": hold.account_id,
        "hold_id": hold.id,
        "day": hold.day,
        "plan": hold.plan,
        "purpose": hold.purpose,
        "model": hold.model,
        "provider": "scripted",
        "price_version": hold.price_version,
        "input_tokens": hold.input_tokens,
        "output_tokens": output_tokens,
        "messages": hold.messages,
        "agent_id": hold.agent_id,
        "key_id": hold.key_id,
        "ms": 1_000,
        "held_tokens": hold.tokens,
    }
    return billing.Usage(**settings | facts)


def corrected(usage: billing.Usage, **facts: Any) -> billing.Usage:
    """The provider's count of a call that was estimated."""
    return msgspec.structs.replace(usage, source="provider", is_correction=True, **facts)
