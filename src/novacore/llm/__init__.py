"""Language models: one protocol over two wire formats, and a small model that ships with us.

This room turns messages of any known shape into a provider's request and the provider's stream
into events and one message. It knows no tool's meaning, keeps no history and reads no environment.
Start with `Model` in `model`.
"""

from novacore.llm.builtin.install import (
    builtin_model_path,
    install_builtin_model,
    is_builtin_installed,
)
from novacore.llm.config import Config
from novacore.llm.detect import Choice, detect
from novacore.llm.embedding.config import EmbeddingConfig
from novacore.llm.embedding.model import Embedder
from novacore.llm.embedding.service import open_embedder
from novacore.llm.errors import (
    AuthRefused,
    BodyInvalid,
    BuiltinFailed,
    BuiltinMissing,
    ConnectFailed,
    DigestWrong,
    EmbedderMissing,
    InstallFailed,
    KeyMissing,
    LLMError,
    ModelNotListed,
    ModelUnknown,
    Overloaded,
    ProviderDown,
    QuotaSpent,
    RateLimited,
    ReplyInvalid,
    RequestRefused,
    StreamBroken,
    TimedOut,
    WindowExceeded,
)
from novacore.llm.formats.reading import read_message
from novacore.llm.formats.tokens import count_tokens
from novacore.llm.model import (
    Conversation,
    Event,
    Finished,
    Message,
    Model,
    ModelInfo,
    Reading,
    Retrying,
    StopReason,
    Stream,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    ToolMode,
    ToolResult,
    ToolSpec,
    Usage,
)
from novacore.llm.relay.answer import Answer
from novacore.llm.relay.body import Body, input_tokens, message_tokens, read_body
from novacore.llm.relay.catalog import Catalog, CatalogModel, tables_of
from novacore.llm.relay.config import RelayConfig
from novacore.llm.relay.relay import Relay, Reply
from novacore.llm.relay.request import request_body
from novacore.llm.retry import may_fall_back
from novacore.llm.service import open_catalog, open_model

__all__ = [
    "Answer",
    "AuthRefused",
    "Body",
    "BodyInvalid",
    "BuiltinFailed",
    "BuiltinMissing",
    "Catalog",
    "CatalogModel",
    "Choice",
    "Config",
    "ConnectFailed",
    "Conversation",
    "DigestWrong",
    "Embedder",
    "EmbedderMissing",
    "EmbeddingConfig",
    "Event",
    "Finished",
    "InstallFailed",
    "KeyMissing",
    "LLMError",
    "Message",
    "Model",
    "ModelInfo",
    "ModelNotListed",
    "ModelUnknown",
    "Overloaded",
    "ProviderDown",
    "QuotaSpent",
    "RateLimited",
    "Reading",
    "Relay",
    "RelayConfig",
    "Reply",
    "ReplyInvalid",
    "RequestRefused",
    "Retrying",
    "StopReason",
    "Stream",
    "StreamBroken",
    "TextDelta",
    "ThinkingDelta",
    "TimedOut",
    "ToolCall",
    "ToolCallDelta",
    "ToolMode",
    "ToolResult",
    "ToolSpec",
    "Usage",
    "WindowExceeded",
    "builtin_model_path",
    "count_tokens",
    "detect",
    "input_tokens",
    "install_builtin_model",
    "is_builtin_installed",
    "may_fall_back",
    "message_tokens",
    "open_catalog",
    "open_embedder",
    "open_model",
    "read_body",
    "read_message",
    "request_body",
    "tables_of",
]
