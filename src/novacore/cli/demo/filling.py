"""Fills a data directory for the demonstration, through the services of a server."""

import asyncio
import dataclasses
import secrets
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from novacore import billing, bootstrap, chat, identity, journal, kit, llm, settings
from novacore.cli.demo import content

DAYS: Final = 30
_HOUR_US: Final = 60 * 60 * 1_000_000
_DAY_US: Final = 24 * _HOUR_US
_MINUTE_MS: Final = 60_000
_MODELS: Final = ("demo-large", "demo-small")
_WORDS_PER_TOKEN: Final = 0.75
_SYSTEM_TOKENS: Final = 420
_NEARLY_USED: Final = 40_000
"""More than four fifths of what the plan of the second person has a day."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who can sign in to the demonstration."""

    email: str
    name: str
    plan: str
    is_admin: bool = False


PEOPLE: Final = (
    Person(email="mara@demo.example", name="Mara", plan="pro", is_admin=True),
    Person(email="jonas@demo.example", name="Jonas", plan="basic"),
)


def fresh_password() -> str:
    """A password that nobody else has."""
    return secrets.token_urlsafe(12)


async def fill(
    chosen: settings.Settings, *, passwords: Sequence[str], tell: Callable[[str], None]
) -> None:
    """Make the people with everything that they said, remember and used in the last month.

    Args:
        chosen: the settings; their data directory holds nothing yet.
        passwords: one for each of `PEOPLE`.
        tell: told in words what is being made.
    """
    # The last day is today, and what happens on it takes less than an hour.
    start_us = kit.SystemClock().now_us() - (DAYS - 1) * _DAY_US - _HOUR_US
    clock = kit.FixedClock(start_us)
    platform = await asyncio.to_thread(
        bootstrap.open_platform, chosen, announce=lambda _line: None, clock=clock
    )
    try:
        tell("People and plans …")
        accounts = [
            await asyncio.to_thread(_make, platform, person, password)
            for person, password in zip(PEOPLE, passwords, strict=True)
        ]
        await platform.start()
        try:
            await _Month(platform, clock).live(accounts, tell=tell)
        finally:
            await platform.stop()
    finally:
        await asyncio.to_thread(platform.close)


def renew_passwords(chosen: settings.Settings, *, passwords: Sequence[str]) -> None:
    """Give the people of a directory that is filled already these passwords."""
    with bootstrap.open_accounts(chosen) as accounts:
        people = accounts.identity
        for person, password in zip(PEOPLE, passwords, strict=True):
            account = people.administration.find(person.email)
            link = people.administration.password_link(account.id)
            token = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["token"][0]
            people.accounts.reset_password(token, password=password, client=identity.Client())


def _make(platform: bootstrap.Platform, person: Person, password: str) -> str:
    made = platform.identity.administration.create(
        person.email, password=password, name=person.name, is_admin=person.is_admin
    )
    platform.billing.open_account(made.id, person.plan)
    return made.id


class _Month:
    """Thirty days in the lives of two people."""

    def __init__(self, platform: bootstrap.Platform, clock: kit.FixedClock) -> None:
        self._platform = platform
        self._clock = clock
        self._said = content.read()

    async def live(self, accounts: Sequence[str], *, tell: Callable[[str], None]) -> None:
        """Let it pass."""
        mara, jonas = accounts
        agent = await asyncio.to_thread(
            self._platform.identity.agents.create, mara, name="greenhouse-log"
        )
        tell(f"A conversation of {2 * content.TURNS} messages, and {DAYS} days of usage …")
        session = await self._session(mara, self._said.title)
        turns = list(self._said.long_talk())
        for day, today in enumerate(_parts(turns, DAYS)):
            started_us = self._clock.now_us()
            await self._talk(mara, session, today)
            for number in range(1 + day % 4):
                await self._use(jonas, tokens=400 + 130 * ((day * 7 + number) % 5))
            if day % 2:
                await self._use(mara, tokens=900 + 60 * day, agent_id=agent.agent.id)
            left_us = _DAY_US - (self._clock.now_us() - started_us)
            # The last day ends now.
            if day < DAYS - 1:
                self._clock.advance_ms(left_us // 1_000)
        tell("Shorter conversations and memories …")
        for talk in self._said.talks:
            await self._short(jonas if talk.is_archived else mara, talk)
        # So that the bars, and the warning of one that is nearly full, are there to be looked at.
        await self._use(jonas, tokens=600, input_tokens=_NEARLY_USED)
        await asyncio.to_thread(self._remember, mara)
        await asyncio.to_thread(self._measure, accounts)

    async def _session(self, account_id: str, title: str) -> journal.JournalSession:
        sessions = self._platform.chat.sessions
        made = await asyncio.to_thread(sessions.create, account_id, title=title)
        return await asyncio.to_thread(sessions.open, account_id, made.id)

    async def _short(self, account_id: str, talk: content.Talk) -> None:
        session = await self._session(account_id, talk.title)
        await self._talk(account_id, session, talk.turns)
        if talk.is_pinned or talk.is_archived:
            changes = chat.StatePatch(
                is_pinned=talk.is_pinned or None, is_archived=talk.is_archived or None
            )
            sessions = self._platform.chat.sessions
            await asyncio.to_thread(sessions.change, account_id, session.id, changes=changes)

    async def _talk(
        self,
        account_id: str,
        session: journal.JournalSession,
        turns: Sequence[tuple[str, str]],
    ) -> None:
        """Say and answer, each turn admitted, journaled and counted as a real one is."""
        for asked, answered in turns:
            self._clock.advance_ms(2 * _MINUTE_MS)
            await self._use(
                account_id,
                tokens=_tokens(answered),
                input_tokens=_SYSTEM_TOKENS + _tokens(asked),
                session=session,
                entries=[
                    self._entry({"role": "user", "content": asked.strip()}),
                    self._entry({"role": "assistant", "content": answered.strip()}),
                ],
                messages=1,
            )

    def _entry(self, message: dict[str, str]) -> journal.NewEntry:
        return journal.NewEntry(body=message, said_at_us=self._clock.now_us())

    async def _use(
        self,
        account_id: str,
        *,
        tokens: int,
        input_tokens: int = _SYSTEM_TOKENS,
        agent_id: str = "",
        session: journal.JournalSession | None = None,
        entries: Sequence[journal.NewEntry] = (),
        messages: int = 0,
    ) -> None:
        admission = billing.Admission(
            account_id=account_id,
            purpose="chat",
            model=_MODELS[tokens % len(_MODELS)],
            input_tokens=input_tokens,
            output_tokens_max=4_096,
            agent_id=agent_id,
            messages=messages,
        )
        async with self._platform.metering.call(admission) as call:
            call.sent()
            usage = llm.Usage(input_tokens=input_tokens, output_tokens=tokens, source="provider")
            await call.finish(usage, provider="demo", entries=entries, session=session)

    def _measure(self, accounts: Sequence[str]) -> None:
        """Count what is stored, as every night does."""
        sizes = chat.measure_storage(self._platform.store.feed())
        self._platform.billing.record_all_storage({each: sizes[each] for each in accounts})

    def _remember(self, account_id: str) -> None:
        memories = self._platform.store_of(account_id).memories
        for each in self._said.memories:
            memories.create(
                each.text,
                type=each.type,
                term="long",
                confidence=each.confidence,
                tags=["greenhouse"],
            )


def _tokens(text: str) -> int:
    return round(len(text.split()) / _WORDS_PER_TOKEN)


def _parts(turns: Sequence[tuple[str, str]], count: int) -> Iterator[Sequence[tuple[str, str]]]:
    """The turns in so many parts of nearly the same length."""
    for number in range(count):
        yield turns[len(turns) * number // count : len(turns) * (number + 1) // count]
