"""What looks at each part of the platform, for the status."""

import shutil

import sqlalchemy

from novacore import llm, tiers
from novacore.gateway.components import Look, Probe
from novacore.gateway.edge import Standing
from novacore.gateway.limiter import Limiter
from novacore.gateway.services import Services

VITAL = frozenset({"journal", "database"})
"""Without these no request can be answered."""
_DISK_BYTES_LOW = 1024**3


class Probes:
    """Looks at the parts of one server.

    Args:
        services: the platform and its threads.
        limiter: counts requests.
        standing: of the server.
    """

    def __init__(self, services: Services, *, limiter: Limiter, standing: Standing) -> None:
        self._services = services
        self._limiter = limiter
        self._standing = standing

    def all(self) -> dict[str, Probe]:
        """Every probe by the name of its part."""
        return {
            "server": self._server,
            "journal": self._journal,
            "database": self._database,
            "disk": self._disk,
            "tiers": self._tiers,
            "memory": self._memory,
            "model": self._model,
            "mail": self._mail,
            "metering": self._metering,
            "limits": self._limits,
            "policy": self._policy,
        }

    async def _server(self) -> Look:
        if self._standing.is_leaving:
            return Look(state="degraded", text="about to stop")
        return Look(state="operational")

    async def _journal(self) -> Look:
        state = await self._services.run(self._services.platform.store.feed().state)
        return Look(state="operational", text=f"{state.sequence:,} entries")

    async def _database(self) -> Look:
        database = self._services.platform.database

        def ask() -> None:
            with database.read() as connection:
                connection.execute(sqlalchemy.text("SELECT 1"))

        await self._services.run(ask)
        return Look(state="operational", text="SQLite" if database.is_sqlite else "PostgreSQL")

    async def _disk(self) -> Look:
        folder = self._services.platform.chosen.data_dir
        free_bytes = (await self._services.run(shutil.disk_usage, folder)).free
        text = f"{free_bytes / 1024**3:,.1f} GiB free"
        # When it is full nothing more can be said or counted: that is to be seen before it is.
        return Look(state="degraded" if free_bytes < _DISK_BYTES_LOW else "operational", text=text)

    async def _tiers(self) -> Look:
        store = self._services.platform.store
        if not store.has_tiers:
            return Look(state="no data")

        def ask() -> list[tiers.TierStatus]:
            return store.tiers.status()  # Opening them looks for files.

        found = await self._services.run(ask)
        return _look_at([each for each in found if each.state != "off"])

    async def _memory(self) -> Look:
        process = self._services.platform.memory_process
        if process is None:
            return Look(state="operational", text="in threads of the server")
        if not process.is_running:
            text = "its process is away and is started again; threads of the server do its work"
            return Look(state="degraded", text=text)
        return Look(state="operational", text="in a process of its own")

    async def _model(self) -> Look:
        platform = self._services.platform
        model = platform.catalog.default
        if model.provider == "builtin" and not await self._services.run(
            llm.is_builtin_installed, platform.chosen.data_dir
        ):
            return Look(state="down", text=f"{model.name} is not here; run: nova model install")
        if model.breaker_state == "open":
            return Look(state="down", text=f"{model.name}: its provider failed again and again")
        if model.breaker_state == "probing":
            return Look(state="degraded", text=f"{model.name}: its provider is being tried again")
        if not model.has_answered:
            return Look(state="no data", text=f"{model.name}: nobody asked it yet")
        return Look(state="operational", text=model.name)

    async def _mail(self) -> Look:
        mailer = self._services.platform.mailer
        if not mailer.is_sending:
            return Look(state="operational", text="letters stay in the local outbox")
        if mailer.problem is None:
            return Look(state="no data", text="the mail server was given no letter yet")
        if mailer.problem:
            return Look(state="degraded", text="the mail server did not take the last letter")
        return Look(state="operational", text="the mail server took the last letter")

    async def _metering(self) -> Look:
        platform = self._services.platform
        if platform.metering.feed.problem:
            return Look(state="degraded", text="usage waits to be counted")
        last = await self._services.run(platform.billing.last_reconciliation)
        if last is not None and not last.is_sound:
            return Look(state="degraded", text="journal and ledger differ; see nova billing")
        lag = await self._services.run(platform.metering.feed.lag)
        return Look(state="operational", text=f"{lag:,} entries behind" if lag else "up to date")

    async def _limits(self) -> Look:
        if getattr(self._limiter, "is_down", False):
            return Look(
                state="degraded", text="the shared server is down; each server counts alone"
            )
        return Look(state="operational")

    async def _policy(self) -> Look:
        name = self._services.platform.policy.name
        if name == "permissive":
            return Look(state="permissive", text="no rule is set; everything passes")
        return Look(state="operational", text=name)


def _look_at(found: list[tiers.TierStatus]) -> Look:
    if not found:
        return Look(state="off")
    bad = [each.tier for each in found if not each.is_well]
    if bad:
        return Look(state="degraded", text="not well: " + ", ".join(bad))
    behind = max(each.lag_entries for each in found)
    return Look(state="operational", text=f"{behind:,} entries behind" if behind else "up to date")
