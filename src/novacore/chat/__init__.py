"""Chat: one turn of a conversation with a model, metered, streamed, and whole in the journal.

It is the only room that knows engine and business both. Every model call made for an account goes
through `Metering.call`.
"""

from typing import TYPE_CHECKING

from novacore import kit

if TYPE_CHECKING:
    from novacore.chat.calls import Calls
    from novacore.chat.calls_embedding import Embedded, Embeddings
    from novacore.chat.calls_model import Caller, CallRequest, Sink
    from novacore.chat.calls_session import CallSessions
    from novacore.chat.config import Config
    from novacore.chat.errors import (
        ChatError,
        CursorInvalid,
        MessageEmpty,
        MessageTooLong,
        MeteringFailed,
        ModelForbidden,
        PolicyRefused,
        PositionInvalid,
        SessionMissing,
        StreamMissing,
        StreamsUnavailable,
        TurnBusy,
    )
    from novacore.chat.metering import MeteredCall, Metering
    from novacore.chat.opening import open_metering
    from novacore.chat.policy import PermissivePolicy, Policy, Verdict
    from novacore.chat.streams.log import StreamLog
    from novacore.chat.usage_feed import UsageFeed, read_usages
    from novacore.chat.usage_sessions import scope_of

__all__ = [
    "CallRequest",
    "CallSessions",
    "Caller",
    "Calls",
    "ChatError",
    "Config",
    "CursorInvalid",
    "Embedded",
    "Embeddings",
    "MessageEmpty",
    "MessageTooLong",
    "MeteredCall",
    "Metering",
    "MeteringFailed",
    "ModelForbidden",
    "PermissivePolicy",
    "Policy",
    "PolicyRefused",
    "PositionInvalid",
    "SessionMissing",
    "Sink",
    "StreamLog",
    "StreamMissing",
    "StreamsUnavailable",
    "TurnBusy",
    "UsageFeed",
    "Verdict",
    "open_metering",
    "read_usages",
    "scope_of",
]

__getattr__ = kit.late_names(
    __name__,
    {
        "calls": ["Calls"],
        "calls_embedding": ["Embedded", "Embeddings"],
        "calls_model": ["CallRequest", "Caller", "Sink"],
        "calls_session": ["CallSessions"],
        "config": ["Config"],
        "errors": [
            "ChatError",
            "CursorInvalid",
            "MessageEmpty",
            "MessageTooLong",
            "MeteringFailed",
            "ModelForbidden",
            "PolicyRefused",
            "PositionInvalid",
            "SessionMissing",
            "StreamMissing",
            "StreamsUnavailable",
            "TurnBusy",
        ],
        "metering": ["MeteredCall", "Metering"],
        "opening": ["open_metering"],
        "policy": ["PermissivePolicy", "Policy", "Verdict"],
        "streams.log": ["StreamLog"],
        "usage_feed": ["UsageFeed", "read_usages"],
        "usage_sessions": ["scope_of"],
    },
)
