"""openai-agents on the journal: `JournalSession` keeps what its runs say."""

from novacore.adapters.errors import ExtraMissing

try:
    import agents.memory  # noqa: F401 - their door, before ours is opened
except ModuleNotFoundError as error:
    raise ExtraMissing("openai-agents", module=error.name) from error

from novacore.adapters.openai_agents.session import JournalSession

__all__ = ["JournalSession"]
