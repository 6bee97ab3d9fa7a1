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
    BuiltinFailed,
    BuiltinMissing,
    ConnectFailed,
    DigestWrong,
    EmbedderMissing,
    InstallFailed,
    KeyMissing,
    LLMError,
    ModelUnknown,
    Overloaded,
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
from novacore.llm.service import open_model

__all__ = [
    "AuthRefused",
    "BuiltinFailed",
    "BuiltinMissing",
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
    "ModelUnknown",
    "Overloaded",
    "QuotaSpent",
    "RateLimited",
    "Reading",
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
    "install_builtin_model",
    "is_builtin_installed",
    "open_embedder",
    "open_model",
    "read_message",
]
