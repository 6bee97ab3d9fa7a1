"""Anthropic's memory tool on the journal: the model's `/memories` folder, kept and versioned."""

from novacore.adapters.errors import ExtraMissing

try:
    import anthropic.lib.tools  # noqa: F401 - their door, before ours is opened
except ModuleNotFoundError as error:
    raise ExtraMissing("anthropic-memory", module=error.name) from error

from novacore.adapters.anthropic_memory.tool import AsyncJournalMemoryTool, JournalMemoryTool

__all__ = ["AsyncJournalMemoryTool", "JournalMemoryTool"]
