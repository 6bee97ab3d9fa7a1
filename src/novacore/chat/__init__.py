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
        TurnsFull,
    )
    from novacore.chat.metering import MeteredCall, Metering
    from novacore.chat.model import (
        Asked,
        Feedback,
        MessagePage,
        SaidMessage,
        SessionFacts,
        SessionPage,
        StatePatch,
    )
    from novacore.chat.opening import open_chat, open_metering, open_streams
    from novacore.chat.policy import PermissivePolicy, Policy, Verdict
    from novacore.chat.remembering import Found, InThreads, LearnFrom, Remembering, find
    from novacore.chat.service import Begun, Chat
    from novacore.chat.sessions import Sessions
    from novacore.chat.storage import measure_storage
    from novacore.chat.streams.log import StreamLog
    from novacore.chat.streams.model import StreamEvent
    from novacore.chat.tables import FOLDER, METADATA
    from novacore.chat.upkeep import end_turns, erase_account, export_account
    from novacore.chat.usage_feed import UsageFeed, read_usages
    from novacore.chat.usage_sessions import scope_of

__all__ = [
    "FOLDER",
    "METADATA",
    "Asked",
    "Begun",
    "CallRequest",
    "CallSessions",
    "Caller",
    "Calls",
    "Chat",
    "ChatError",
    "Config",
    "CursorInvalid",
    "Embedded",
    "Embeddings",
    "Feedback",
    "Found",
    "InThreads",
    "LearnFrom",
    "MessageEmpty",
    "MessagePage",
    "MessageTooLong",
    "MeteredCall",
    "Metering",
    "MeteringFailed",
    "ModelForbidden",
    "PermissivePolicy",
    "Policy",
    "PolicyRefused",
    "PositionInvalid",
    "Remembering",
    "SaidMessage",
    "SessionFacts",
    "SessionMissing",
    "SessionPage",
    "Sessions",
    "Sink",
    "StatePatch",
    "StreamEvent",
    "StreamLog",
    "StreamMissing",
    "StreamsUnavailable",
    "TurnBusy",
    "TurnsFull",
    "UsageFeed",
    "Verdict",
    "end_turns",
    "erase_account",
    "export_account",
    "find",
    "measure_storage",
    "open_chat",
    "open_metering",
    "open_streams",
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
            "TurnsFull",
        ],
        "metering": ["MeteredCall", "Metering"],
        "model": [
            "Asked",
            "Feedback",
            "MessagePage",
            "SaidMessage",
            "SessionFacts",
            "SessionPage",
            "StatePatch",
        ],
        "opening": ["open_chat", "open_metering", "open_streams"],
        "policy": ["PermissivePolicy", "Policy", "Verdict"],
        "remembering": ["Found", "InThreads", "LearnFrom", "Remembering", "find"],
        "service": ["Begun", "Chat"],
        "sessions": ["Sessions"],
        "storage": ["measure_storage"],
        "streams.log": ["StreamLog"],
        "upkeep": ["end_turns", "erase_account", "export_account"],
        "streams.model": ["StreamEvent"],
        "tables": ["FOLDER", "METADATA"],
        "usage_feed": ["UsageFeed", "read_usages"],
        "usage_sessions": ["scope_of"],
    },
)
