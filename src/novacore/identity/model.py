"""What the identity room gives and takes: plain frozen data."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Literal

Role = Literal["user", "admin", "agent"]

CHAT: Final = "chat"
MODELS: Final = "models"
MEMORY: Final = "memory"
USAGE: Final = "usage"
ACCOUNT: Final = "account"
ADMIN: Final = "admin"

SCOPES: Final = frozenset({CHAT, MODELS, MEMORY, USAGE, ACCOUNT, ADMIN})
"""All there are: chat (sessions, turns), models (calls of a model), memory (the store), usage,
account (the account itself, its sign-ins, keys and agents: only for those who signed in), admin."""

KEY_SCOPES: Final = frozenset({CHAT, MODELS, MEMORY, USAGE})
"""What an API key or an agent gets where nothing else is said."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyLimits:
    """Limits of one API key or agent, beside those of the account's plan."""

    requests_per_minute: int | None = None
    """None: none of its own."""
    tokens_per_day: int | None = None
    """None: none of its own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Principal:
    """Who is asking: what a good token or key says."""

    account_id: str
    email: str
    """Empty for an agent."""
    role: Role
    is_verified: bool
    """The address is confirmed; for an agent: its owner's."""
    owner_id: str | None = None
    """The account that an agent belongs to; None: no agent."""
    key_id: str | None = None
    """The API key used; None: signed in with a password."""
    session_id: str | None = None
    """The sign-in used; None: an API key."""
    scopes: frozenset[str]
    limits: KeyLimits = KeyLimits()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Client:
    """Where a request comes from."""

    ip: str = ""
    """The address of the client, as the edge trusts it; empty: unknown."""
    user_agent: str = ""
    device_token: str = ""
    """The cookie by which a browser is known again; empty: none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Account:
    """A person's or an agent's account."""

    id: str
    email: str
    name: str
    role: Role
    is_verified: bool
    is_disabled: bool
    preferences: Mapping[str, Any]
    created_at_us: int
    last_sign_in_at_us: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccountPage:
    """Accounts, newest first."""

    accounts: tuple[Account, ...]
    next_cursor: str | None
    """Gives the next page; None: this is the last."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignedIn:
    """What a sign-in or its renewal gives."""

    account: Account
    session_id: str
    access_token: str = dataclasses.field(repr=False)
    expires_in_s: int
    refresh_token: str = dataclasses.field(repr=False)
    session_expires_in_s: int
    """The sign-in ends then, or earlier where it is not used."""
    device_token: str = dataclasses.field(default="", repr=False)
    """To be kept by the browser; empty: it has the right one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Session:
    """A sign-in that is still good."""

    id: str
    created_at_us: int
    last_used_at_us: int
    expires_at_us: int
    ip: str
    user_agent: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class APIKey:
    """An API key, without its secret."""

    id: str
    account_id: str
    name: str
    prefix: str
    """Its first characters, to tell it from others."""
    scopes: tuple[str, ...]
    limits: KeyLimits
    created_at_us: int
    expires_at_us: int | None
    last_used_at_us: int | None
    """To the minute; None: never."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewKey:
    """A fresh API key with its secret, which is shown this once."""

    key: APIKey
    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Agent:
    """An agent: an account of its own that belongs to a person."""

    id: str
    owner_id: str
    name: str
    scopes: tuple[str, ...]
    limits: KeyLimits
    workspace: str
    """Its folder, relative to the data directory."""
    created_at_us: int
    key_prefix: str
    """The first characters of its newest key; empty: it has none."""
    last_used_at_us: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewAgent:
    """An agent with its key, which is shown this once."""

    agent: Agent
    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter to be sent, with its secrets readable."""

    template: str
    to: str
    params: Mapping[str, Any] = dataclasses.field(repr=False)
