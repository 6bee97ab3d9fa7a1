"""LangGraph on the journal: `JournalSaver` keeps checkpoints, `JournalStore` long-term memory."""

from novacore.adapters.errors import ExtraMissing

try:
    import langgraph.checkpoint.base
    import langgraph.store.base  # noqa: F401 - both doors of LangGraph, before ours is opened
except ModuleNotFoundError as error:
    raise ExtraMissing("langgraph", module=error.name) from error

from novacore.adapters.langgraph.config import Config
from novacore.adapters.langgraph.saver import JournalSaver
from novacore.adapters.langgraph.store import JournalStore

__all__ = ["Config", "JournalSaver", "JournalStore"]
