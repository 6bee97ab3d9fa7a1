"""A store on a server: what `novacore.open` gives, over the network. `connect` makes it."""

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from novacore import journal, kit, memory, settings
from novacore.remote import answers, errors
from novacore.remote.channel import HTTPChannel

FORMAT: Final = 1
"""The version of what is said between client and server."""
_DEADLINE_MS: Final = 100


class Welcome(msgspec.Struct, kw_only=True, frozen=True):
    """What a server says of the store behind it."""

    format: int
    tenant: str
    owner: str
    limits: dict[str, int]
    """The journal's limits there, by name."""


class RemoteStore(journal.JournalStore):
    """All sessions of one account on a server, with recall, context and memories.

    Made by `novacore.connect`; safe between threads, and a context manager. Sessions, appends and
    transcripts are as those of a local store; transcripts are fetched in pages as they are read.
    """

    def __init__(
        self,
        core: journal.Core,
        scope: journal.Scope,
        *,
        channel: journal.Channel,
        url: str,
        config: memory.Config | None = None,
    ) -> None:
        super().__init__(core, scope)
        self.url = url
        """The server's address."""
        self.channel = channel
        """The way to it."""
        self._memories = memory.Memories(self, config=config, clock=core.clock)

    def for_owner(self, scope: journal.Scope) -> "RemoteStore":
        """This store, for the account's own scope.

        Raises:
            AccessRefused: another owner's; their sessions open with their key.
        """
        if scope != self.scope:
            raise errors.AccessRefused("A key opens the sessions of its own account only.")
        return self

    @property
    def memories(self) -> memory.Memories:
        """What is remembered: made, found, changed, shared, and grown older."""
        return self._memories

    @property
    def has_tiers(self) -> bool:
        """Whether tiers are kept here: they are the server's, so no."""
        return False

    def recall(
        self,
        text: str,
        *,
        limit: int = 10,
        agent: str | None = None,
        project: str | None = None,
        session: str | None = None,
        kind: str | Iterable[str] | None = None,
        tag: str | Iterable[str] | None = None,
        tier: str | Iterable[str] | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        confidence_min: float = 0.0,
        neighbours: int | None = None,
        diversity: float | None = None,
        tokens_max: int | None = None,
    ) -> list[memory.Hit]:
        """What was said that answers a question best, best first; see `MemoryStore.recall`.

        Raises:
            QueryRefused: the question is empty, or a filter has a value that it can't have.
            SessionUnknown: there is no such session.
            ServerAway: the server can't be reached.
        """
        wanted = {
            "text": text,
            "limit": limit,
            "agent": agent,
            "project": project,
            "session": session,
            "kind": _listed(kind),
            "tag": _listed(tag),
            "tier": _listed(tier),
            "since_us": since_us,
            "until_us": until_us,
            "confidence_min": confidence_min,
            "neighbours": neighbours,
            "diversity": diversity,
            "tokens_max": tokens_max,
        }
        return answers.decode_hits(self.channel.ask("POST", "recall", body=_json(wanted)))

    def open_context(
        self,
        session: str | journal.Session,
        *,
        deadline_ms: int = _DEADLINE_MS,
        parts: Sequence[str] = memory.PARTS,
    ) -> memory.Context:
        """A session with what helps to go on with it; see `MemoryStore.open_context`.

        The server gathers; its history is this side's transcript.

        Raises:
            SessionUnknown: there is no such session.
            ValueError: there is no part of that name.
            ServerAway: the server can't be reached.
        """
        if unknown := [part for part in parts if part not in memory.PARTS]:
            names = ", ".join(memory.PARTS)
            raise ValueError(f"A context has no part {unknown[0]!r}; it has {names}.")
        found = self.get_session(session) if isinstance(session, str) else session
        wanted = {
            "session_id": found.id,
            "deadline_ms": deadline_ms,
            "parts": [part for part in parts if part != "history"],
        }
        answer = self.channel.ask("POST", "context", body=_json(wanted))
        history: Sequence[journal.Message] = found.open() if "history" in parts else ()
        return answers.decode_context(answer, history=history)

    def close(self) -> None:
        """Write what waits, and let go of the connections. Idempotent."""
        try:
            self._memories.flush_access()
        except (journal.StorageFailed, journal.StoreClosed):
            # That a memory was used is worth no failure; what was appended is on the server.
            pass
        finally:
            super().close()


def connect(
    url: str,
    key: str,
    *,
    config: settings.RemoteConfig | None = None,
    clock: kit.Clock | None = None,
    spool: Path | None = None,
    announce: Callable[[str], None] | None = None,
) -> RemoteStore:
    """The store of an account on a server. One round trip, to see that both fit together.

    Args:
        url: the server's address, as https://nova.example.org.
        key: an API key of the account with the scope `memory`.
        config: how patient to be; None: the defaults.
        clock: the time; None: the machine's.
        spool: a folder where appends wait while the server is away; what an earlier process left
            there is sent first. None: an append fails then.
        announce: told in words when the server goes away and comes back, from any thread.

    Raises:
        AddressInvalid: the address is none.
        KeyRefused, AccessRefused: the server does not take the key.
        ServerStrange: something else answers there.
        ServerAway, ServerBusy: the server can't be reached now.
    """
    chosen, clock = config or settings.RemoteConfig(), clock or kit.SystemClock()
    channel = HTTPChannel(url, key, config=chosen)
    with contextlib.ExitStack() as undoing:
        undoing.callback(channel.close)
        welcome = greet(channel, url=channel.url)
        scope = journal.Scope(tenant=welcome.tenant, owner=welcome.owner)
        direct = journal.RemoteEngine(channel, scope=scope)
        engine: journal.Engine = direct
        if spool is not None:
            name = str(kit.derived_id("spool", channel.url, scope.tenant, scope.owner))
            kept = journal.SpoolFile(spool / name, size_max=chosen.spool_bytes_max)
            undoing.callback(kept.close)
            engine = _spooling(direct, kept, clock=clock, announce=announce or _say_nothing)
        core = journal.Core(engine, config=_limits(welcome), clock=clock)
        store = RemoteStore(core, scope, channel=channel, url=channel.url)
        undoing.pop_all()
    return store


def _spooling(
    engine: journal.RemoteEngine,
    kept: journal.SpoolFile,
    *,
    clock: kit.Clock,
    announce: Callable[[str], None],
) -> journal.SpoolingEngine:
    made = journal.SpoolingEngine(engine, spool=kept, clock=clock, announce=announce)
    count = made.send_left()
    if count:
        announce(f"{count:,} entries that waited for the server were sent.")
    return made


def _limits(welcome: Welcome) -> journal.Config:
    known = {each.name for each in kit.limits_of(journal.Config())}
    return journal.Config(
        **{name: value for name, value in welcome.limits.items() if name in known}
    )


def _say_nothing(_text: str) -> None:
    return


def greet(channel: journal.Channel, *, url: str) -> Welcome:
    """Ask a server for its store.

    Raises:
        ServerStrange: it is no NovaCore server of a like version.
        NovaError: as `connect` says.
    """
    answer = channel.ask("GET", "")
    try:
        welcome = msgspec.json.decode(answer, type=Welcome)
    except (msgspec.DecodeError, ValueError) as error:
        raise errors.ServerStrange(f"{url} is no NovaCore server.") from error
    if welcome.format != FORMAT:
        raise errors.ServerStrange(
            f"{url} speaks format {welcome.format}; this program speaks {FORMAT}.",
            hint="Use the same release on both sides.",
        )
    return welcome


def _listed(value: str | Iterable[str] | None) -> list[str] | None:
    if value is None:
        return None
    return [value] if isinstance(value, str) else list(value)


def _json(value: Mapping[str, Any]) -> bytes:
    # A question may hold lone surrogates: `json` escapes them, as the server's reader takes them.
    return json.dumps(value).encode()
