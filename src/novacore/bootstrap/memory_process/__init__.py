"""A server's memory in a process of its own: recall and learning need an interpreter to themselves.

`process` is the server's side, `__main__` the process, `wire` what they say to each other.
"""

from novacore.bootstrap.memory_process.process import MemoryProcess

__all__ = ["MemoryProcess"]
