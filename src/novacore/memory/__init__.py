"""Memory: what is worth knowing later, and finding it again.

Memories live in the journal and grow older by rules (`Memories`). `Recall` finds what was said, and
`Gatherer` opens a session with all that helps to go on with it.
"""

from novacore.memory.ahead import load_ahead
from novacore.memory.config import Config
from novacore.memory.context import PARTS, Context, Gatherer
from novacore.memory.errors import (
    MemoriesBusy,
    MemoriesError,
    MemoryForbidden,
    MemoryForgotten,
    MemoryImportRefused,
    MemoryInvalid,
    MemoryUnknown,
)
from novacore.memory.facts.by_model import extract_by_model
from novacore.memory.facts.facts import Extracted, Fact, Facts
from novacore.memory.facts.marking import mark_recalled, recalled_spans
from novacore.memory.lifecycle.adopting import adopt_imported
from novacore.memory.lifecycle.entries import WORKSPACE
from novacore.memory.lifecycle.memories import Memories
from novacore.memory.lifecycle.model import (
    CLOSED,
    CURRENT,
    EXPIRED,
    INTERMEDIATE,
    LONG,
    MEMORY_TYPES,
    MERGED,
    SHORT,
    STATES,
    TERMS,
    Advanced,
    Filter,
    ImportResult,
    Link,
    Memory,
    Page,
    Source,
    Statement,
)
from novacore.memory.lifecycle.transfer import export_lines, export_markdown, import_lines
from novacore.memory.lifecycle.working import WorkingMemory, working_memory
from novacore.memory.recall.config import RecallConfig
from novacore.memory.recall.errors import (
    IndexCorrupt,
    QueryRefused,
    RecallError,
    RecallMissing,
)
from novacore.memory.recall.model import Filters, Hit, Neighbour, RecallState, SessionRef
from novacore.memory.recall.service import Recall

__all__ = [
    "CLOSED",
    "CURRENT",
    "EXPIRED",
    "INTERMEDIATE",
    "LONG",
    "MEMORY_TYPES",
    "MERGED",
    "PARTS",
    "SHORT",
    "STATES",
    "TERMS",
    "WORKSPACE",
    "Advanced",
    "Config",
    "Context",
    "Extracted",
    "Fact",
    "Facts",
    "Filter",
    "Filters",
    "Gatherer",
    "Hit",
    "ImportResult",
    "IndexCorrupt",
    "Link",
    "Memories",
    "MemoriesBusy",
    "MemoriesError",
    "Memory",
    "MemoryForbidden",
    "MemoryForgotten",
    "MemoryImportRefused",
    "MemoryInvalid",
    "MemoryUnknown",
    "Neighbour",
    "Page",
    "QueryRefused",
    "Recall",
    "RecallConfig",
    "RecallError",
    "RecallMissing",
    "RecallState",
    "SessionRef",
    "Source",
    "Statement",
    "WorkingMemory",
    "adopt_imported",
    "export_lines",
    "export_markdown",
    "extract_by_model",
    "import_lines",
    "load_ahead",
    "mark_recalled",
    "recalled_spans",
    "working_memory",
]
