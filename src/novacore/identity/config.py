"""Settings of accounts and sign-in; section `[identity]` of nova.toml."""

import dataclasses

from novacore import kit

OPEN = "open"
INVITATION = "invitation"
CLOSED = "closed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Who may register, how passwords are kept, how long things are good for. Checked when made."""

    registration: str = kit.setting(
        "auto",
        choices=("auto", OPEN, INVITATION, CLOSED),
        doc="Who may register: open lets everybody, invitation those whom an administrator "
        "invited, closed nobody; auto is open on this machine and invitation beyond it.",
    )
    password_chars_min: int = kit.setting(
        8,
        unit="characters",
        minimum=8,
        maximum=64,
        doc="The shortest password. Common passwords are refused at any length.",
    )
    password_memory_kib: int = kit.setting(
        19_456,
        unit="KiB",
        minimum=8,
        maximum=4_194_304,
        doc="Memory that checking one password takes (Argon2id); more is safer and slower.",
    )
    password_passes: int = kit.setting(
        2,
        unit="passes",
        minimum=1,
        maximum=100,
        doc="Passes over that memory; more is safer and slower.",
    )
    password_checks_at_once: int = kit.setting(
        2,
        unit="checks",
        minimum=1,
        maximum=256,
        doc="Passwords that one process checks at the same time; the others wait their turn.",
    )
    password_checks_waiting_max: int = kit.setting(
        200,
        unit="checks",
        minimum=1,
        maximum=100_000,
        doc="Password checks that may wait; more are turned away until it is quieter.",
    )
    access_minutes: int = kit.setting(
        15,
        unit="minutes",
        minimum=1,
        maximum=1_440,
        doc="How long an access token is good for; the browser renews it by itself.",
    )
    session_idle_days: int = kit.setting(
        30,
        unit="days",
        minimum=1,
        maximum=3_650,
        doc="A sign-in that was not used for so long has ended.",
    )
    session_days_max: int = kit.setting(
        180,
        unit="days",
        minimum=1,
        maximum=3_650,
        doc="The longest that one sign-in lasts, however much it is used.",
    )
    refresh_grace_ms: int = kit.setting(
        20_000,
        unit="ms",
        minimum=0,
        maximum=600_000,
        doc="A refresh token that was just replaced gives its successor again for so long, for "
        "tabs that renew at the same moment; later use of it ends the sign-in.",
    )
    verify_hours: int = kit.setting(
        24,
        unit="hours",
        minimum=1,
        maximum=8_760,
        doc="How long the link that confirms an address works.",
    )
    reset_minutes: int = kit.setting(
        60,
        unit="minutes",
        minimum=1,
        maximum=10_080,
        doc="How long the link that resets a password works.",
    )
    invitation_days: int = kit.setting(
        7,
        unit="days",
        minimum=1,
        maximum=3_650,
        doc="How long an invitation works.",
    )
    letters_an_hour: int = kit.setting(
        3,
        unit="letters",
        minimum=1,
        maximum=1_000,
        doc="Letters of one sort that one address can be sent in an hour because somebody asked.",
    )
    failures_max: int = kit.setting(
        5,
        unit="failures",
        minimum=1,
        maximum=1_000,
        doc="Failed sign-ins for one address in the window before it must wait. A browser that "
        "signed in before is counted for itself.",
    )
    failures_ip_max: int = kit.setting(
        50,
        unit="failures",
        minimum=1,
        maximum=100_000,
        doc="Failed sign-ins from one IP address, or IPv6 network, in the window.",
    )
    failures_global_max: int = kit.setting(
        5_000,
        unit="failures",
        minimum=1,
        maximum=10_000_000,
        doc="Failed sign-ins in all in the window; then only browsers that signed in before may.",
    )
    failures_window_minutes: int = kit.setting(
        15,
        unit="minutes",
        minimum=1,
        maximum=1_440,
        doc="The window in which failed sign-ins are counted, and the first wait; each further "
        "one doubles.",
    )
    failures_wait_hours_max: int = kit.setting(
        4,
        unit="hours",
        minimum=1,
        maximum=168,
        doc="The longest wait after failed sign-ins.",
    )
    registrations_ip_max: int = kit.setting(
        100,
        unit="registrations",
        minimum=1,
        maximum=1_000_000,
        doc="Registrations from one IP address, or IPv6 network, in an hour.",
    )
    keys_max: int = kit.setting(
        100,
        unit="keys",
        minimum=1,
        maximum=100_000,
        doc="API keys that one account can have.",
    )
    agents_max: int = kit.setting(
        50,
        unit="agents",
        minimum=1,
        maximum=100_000,
        doc="Agents that one account can have.",
    )
    signing_key_days: int = kit.setting(
        90,
        unit="days",
        minimum=1,
        maximum=3_650,
        doc="The key that signs access tokens is replaced by itself after so long.",
    )
    cache_tokens_max: int = kit.setting(
        20_000,
        unit="tokens",
        minimum=0,
        maximum=10_000_000,
        doc="Tokens and keys that one process remembers as checked.",
    )
    list_max: int = kit.setting(
        200,
        unit="accounts",
        minimum=1,
        maximum=10_000,
        doc="Most accounts on one page of a listing.",
    )

    def __post_init__(self) -> None:
        kit.check(self)
