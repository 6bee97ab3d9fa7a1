"""Memory: what is worth knowing later, and finding it again.

Memories live in the journal and grow older by rules (`Memories`). Start there.
"""

from novacore.memory.config import Config
from novacore.memory.errors import (
    MemoriesBusy,
    MemoriesError,
    MemoryForbidden,
    MemoryForgotten,
    MemoryImportRefused,
    MemoryInvalid,
    MemoryUnknown,
)
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

__all__ = [
    "CLOSED",
    "CURRENT",
    "EXPIRED",
    "INTERMEDIATE",
    "LONG",
    "MEMORY_TYPES",
    "MERGED",
    "SHORT",
    "STATES",
    "TERMS",
    "WORKSPACE",
    "Advanced",
    "Config",
    "Filter",
    "ImportResult",
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
    "Page",
    "Source",
    "Statement",
    "WorkingMemory",
    "export_lines",
    "export_markdown",
    "import_lines",
    "working_memory",
]
