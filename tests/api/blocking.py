"""Finds what blocks the event loop: a call of ours that waits for a disk, a socket or a lock."""

import apsw
import blockbuster
from pysqlite3 import dbapi2

PERMITTED = {
    # Before the first request and after the last one nobody waits.
    "bootstrap/platform.py": {"start", "stop"},
    # The measuring of coverage is none of ours: its tracer looks at a file it has not seen before,
    # and takes a lock that another thread may hold just then.
    "coverage/control.py": {"_should_trace"},
    "coverage/collector.py": {"lock_data"},
}
"""By file, the functions in which waiting is right, whatever they wait for."""


def detector() -> blockbuster.BlockBuster:
    """What makes a blocking call of the package an error while it is active."""
    made = blockbuster.BlockBuster("novacore")
    for kind in (dbapi2.Cursor, dbapi2.Connection, apsw.Cursor, apsw.Connection):
        for name in ("execute", "executemany"):
            if hasattr(kind, name):
                label = f"{kind.__module__}.{kind.__name__}.{name}"
                made.functions[label] = blockbuster.BlockBusterFunction(
                    kind, name, scanned_modules="novacore"
                )
    for function in made.functions.values():
        for file, names in PERMITTED.items():
            function.can_block_in(file, names)
    return made
