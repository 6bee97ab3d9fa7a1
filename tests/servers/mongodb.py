"""A server of the MongoDB protocol over SQLite, from the wheel `nx-27017`. No mongod is at hand."""

import sys
from pathlib import Path
from typing import ClassVar

from tests.servers.one_process import OneProcessServer


class MongoServer(OneProcessServer):
    """A server that speaks enough of the MongoDB protocol for pymongo."""

    name: ClassVar[str] = "mongodb"

    @property
    def url(self) -> str:
        """The database `nova`."""
        return self.url_of("nova")

    def url_of(self, database: str) -> str:
        """A database: it is empty until somebody writes to it."""
        return f"mongodb://127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str | Path]:
        """The program and its arguments."""
        return [
            sys.executable, "-m", "nx_27017.nx_27017", "--host", "127.0.0.1",
            "--port", str(self.port), "--db", self.folder / "mongo.db",
            # By default one file of the machine, so that only one server could run.
            "--pid-file", self.folder / "mongo.pid", "--log-file", self.folder / "mongo.log",
        ]  # fmt: skip
