"""What can go wrong in the memory room.

NovaError
├── MemoriesError
│   ├── MemoryUnknown          REFUSED      there is no such memory for this agent
│   ├── MemoryInvalid          REFUSED      a field has a value that a memory can't have
│   ├── MemoryForbidden        REFUSED      another agent's memory, shared for reading only
│   ├── MemoryForgotten        REFUSED      a memory of this id was forgotten; ids are never reused
│   ├── MemoryImportRefused    REFUSED      a line that is no memory; nothing was written
│   └── MemoriesBusy           UNAVAILABLE  others kept writing in between; nothing was written
└── RecallError                             drawn in recall/errors.py
    ├── QueryRefused           REFUSED      the question or a filter can't be understood
    ├── RecallMissing          REFUSED      a package that recall needs is not installed
    └── IndexCorrupt           CORRUPT      a file of the index is damaged; it is made anew
"""

from novacore.kit import ErrorKind, NovaError


class MemoriesError(NovaError):
    """Something about a memory."""


class MemoryUnknown(MemoriesError):
    """There is no such memory."""

    def __init__(self, memory_id: str) -> None:
        super().__init__(f"No memory {memory_id!r}.", hint="'nova memories list' shows them.")
        self.memory_id = memory_id


class MemoryInvalid(MemoriesError):
    """A field has a value that a memory can't have."""

    def __init__(self, message: str, *, field: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class MemoryForbidden(MemoriesError):
    """This memory belongs to another agent, which shared it for reading only."""

    def __init__(self, memory_id: str, *, agent: str) -> None:
        super().__init__(
            f"Memory {memory_id} belongs to agent {agent!r}; it can only be read here.",
            hint="Its agent or the owner can change it.",
        )
        self.memory_id = memory_id
        self.agent = agent


class MemoryForgotten(MemoriesError):
    """A memory of this id was forgotten; its id is not used again."""

    def __init__(self, memory_id: str) -> None:
        super().__init__(
            f"Memory {memory_id} was forgotten; its id is not used again.",
            hint="Add it anew, under another id.",
        )
        self.memory_id = memory_id


class MemoryImportRefused(MemoriesError):
    """A line of a file is no memory; nothing was written."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"Line {line}: {message}", hint="Nothing was imported.")
        self.line = line


class MemoriesBusy(MemoriesError):
    """Others kept changing the memories in between; nothing was written."""

    kind = ErrorKind.UNAVAILABLE
