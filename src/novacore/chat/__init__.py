"""Chat: one turn of a conversation with a model, metered, streamed, and whole in the journal.

It is the only room that knows engine and business both. Start with `Chat.turn`; every model call
made for an account goes through `Metering.call`.
"""

from typing import TYPE_CHECKING

from novacore import kit

if TYPE_CHECKING:
    from novacore.chat.config import Config
    from novacore.chat.streams.log import StreamLog

__all__ = ["Config", "StreamLog"]

__getattr__ = kit.late_names(__name__, {"config": ["Config"], "streams.log": ["StreamLog"]})
