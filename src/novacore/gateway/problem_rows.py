"""The table from classes of errors to what is told over HTTP: one row for each, by room.

A class without a row takes that of its nearest ancestor; the root of each room has one.
"""

import dataclasses
from collections.abc import Mapping

BY_KIND = 0
"""As the status of a row: 400, 503 or 500, by the error's kind."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """How one class of errors is answered."""

    status: int = BY_KIND
    code: str = ""
    """The word that programs look at; empty: the class's name, as `no_such_page`."""
    type: str = ""
    """OpenAI's word; empty: that of the status."""
    facts: tuple[str, ...] = ()
    """Attributes that are told beside the message."""
    is_told: bool = True
    """False: the message is for the log only."""
    retries: bool = True
    """False: clients are told not to try again by themselves."""


_ENGINE = Row(is_told=False)
_QUOTA = ("resource", "scope", "limit", "used", "held", "needed", "plan", "resets_at_us")

ROWS: Mapping[str, Row] = {
    # The edge itself.
    "gateway.GatewayError": Row(),
    "gateway.RequestInvalid": Row(status=400, code="invalid_request", facts=("fields",)),
    "gateway.CredentialMissing": Row(status=401, code="invalid_api_key"),
    "gateway.PermissionMissing": Row(status=403, facts=("needed",)),
    "gateway.OriginRefused": Row(status=403),
    "gateway.HostRefused": Row(status=421),
    "gateway.TLSRequired": Row(status=403),
    "gateway.NoSuchPage": Row(status=404, code="not_found"),
    "gateway.MethodRefused": Row(status=405, code="method_not_allowed"),
    "gateway.BodyTooLarge": Row(status=413, facts=("limit_bytes",)),
    "gateway.BodyTooSlow": Row(status=408),
    "gateway.MediaTypeRefused": Row(status=415, code="unsupported_media_type"),
    "gateway.TooManyRequests": Row(
        status=429, code="rate_limit_exceeded", facts=("limit", "window_s", "what")
    ),
    "gateway.ServerBusy": Row(status=503),
    "gateway.ServerDraining": Row(status=503),
    "gateway.ServerFull": Row(status=503),
    "gateway.DescriptionUnsound": Row(status=500, is_told=False),
    # Accounts, plans, chat and mail: they know their own words.
    "billing.BillingError": Row(),
    "billing.HoldsExpired": Row(status=503, is_told=False),
    "billing.KeyAnswered": Row(status=409, code="idempotency_key_answered"),
    "billing.KeyInFlight": Row(status=409, code="idempotency_key_in_flight"),
    "billing.KeyReused": Row(status=422, code="idempotency_key_reused"),
    "billing.ModelNotInPlan": Row(status=403, code="model_not_in_plan", facts=("model", "plan")),
    "billing.PlanUnknown": Row(status=404, code="plan_not_found"),
    "billing.QuotaSpent": Row(
        status=429,
        code="insufficient_quota",
        type="insufficient_quota",
        facts=_QUOTA,
        retries=False,
    ),
    "chat.ChatError": Row(),
    "chat.CursorInvalid": Row(status=404),
    "chat.ModelForbidden": Row(status=403, facts=("model",)),
    "chat.MessageTooLong": Row(status=400, facts=("characters", "characters_max")),
    "chat.PolicyRefused": Row(status=403, code="policy_refused"),
    "chat.PositionInvalid": Row(status=404, code="not_found"),
    "chat.SessionMissing": Row(status=404, code="not_found"),
    "chat.StreamMissing": Row(status=404, code="not_found"),
    "chat.TurnBusy": Row(status=409, facts=("stream",)),
    "identity.IdentityError": Row(),
    "identity.AccountDisabled": Row(status=403),
    "identity.AccountUnknown": Row(status=404),
    "identity.AddressTaken": Row(status=409),
    "identity.AgentUnknown": Row(status=404),
    "identity.CredentialInvalid": Row(status=401),
    "identity.EmailNotVerified": Row(status=403),
    "identity.KeyUnknown": Row(status=404),
    "identity.LastAdministrator": Row(status=409),
    "identity.LimitReached": Row(status=409, facts=("limit",)),
    "identity.NotAllowed": Row(status=403),
    "identity.LinkInvalid": Row(status=404),
    "identity.PasswordWeak": Row(status=409, facts=("reason",)),
    "identity.PasswordWrong": Row(status=403),
    "identity.ProfileInvalid": Row(status=409),
    "identity.RegistrationRefused": Row(status=403, facts=("needs_invitation",)),
    "identity.ScopeUnknown": Row(status=403),
    "identity.SessionEnded": Row(status=401),
    "identity.SessionUnknown": Row(status=404),
    "identity.SignInFailed": Row(status=401),
    "identity.Throttled": Row(status=429),
    "mail.MailError": Row(is_told=False),
    "workers.WorkError": _ENGINE,
    "workers.ExportMissing": Row(status=404, code="not_found"),
    # What lies below and has no words for those who ask over HTTP.
    "adapters.AdapterError": _ENGINE,
    "agent.AgentError": _ENGINE,
    "agent.ContextTooLarge": Row(status=400, code="context_length_exceeded"),
    "agent.MessageRefused": Row(status=400, code="invalid_request"),
    "agent.TurnRunning": Row(status=409),
    "database.DatabaseError": _ENGINE,
    "journal.JournalError": _ENGINE,
    "journal.EntryErased": Row(status=410),
    "journal.EntryRefused": Row(status=400, code="invalid_request"),
    "journal.IdConflict": Row(status=409),
    "journal.NameTaken": Row(status=409),
    "journal.PositionConflict": Row(status=409),
    "journal.SessionUnknown": Row(status=404, code="not_found"),
    "kit.SettingInvalid": _ENGINE,
    "llm.LLMError": Row(status=502, is_told=False),
    # People try this first on a fresh machine; the message names no secret and no path.
    "llm.BuiltinMissing": Row(status=503, retries=False),
    "llm.BodyInvalid": Row(status=400, code="invalid_request", facts=("parameter",)),
    "llm.ModelNotListed": Row(status=404, code="model_not_found"),
    "llm.ProviderDown": Row(status=503, code="provider_down"),
    "llm.ModelUnknown": Row(status=404, code="model_not_found"),
    "llm.QuotaSpent": Row(status=502, code="provider_quota_spent", is_told=False),
    "llm.RateLimited": Row(status=503, code="provider_busy", is_told=False),
    "llm.RequestRefused": Row(status=400, code="invalid_request"),
    "llm.StreamBroken": Row(status=502),
    "llm.TimedOut": Row(status=504, is_told=False),
    "llm.WindowExceeded": Row(status=400, code="context_length_exceeded"),
    "memory.MemoriesError": Row(),
    "memory.MemoryForbidden": Row(status=403),
    "memory.MemoryForgotten": Row(status=410),
    "memory.MemoryUnknown": Row(status=404, code="not_found"),
    "memory.RecallError": _ENGINE,
    "memory.QueryRefused": Row(status=400, code="invalid_request"),
    "ops.OpsError": _ENGINE,
    "settings.SettingsError": _ENGINE,
    "tiers.TierError": _ENGINE,
}
