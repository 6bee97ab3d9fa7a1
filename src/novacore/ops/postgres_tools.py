"""PostgreSQL's own programs and its write-ahead log, as physical backups use them.

The programs find the password in a private file: others can read command lines. psycopg is an
optional part of NovaCore, so it is imported when a server is asked something.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from novacore.ops.errors import OpsError, PlaceRefused

_PIECE_BYTES = 1024 * 1024
_SAID_MAX = 2_000


@dataclass(frozen=True, kw_only=True)
class Server:
    """The PostgreSQL server that holds the journal, and the programs that go with it."""

    url: str = field(repr=False)
    programs: str = ""
    """The folder of pg_basebackup, pg_receivewal and postgres; empty: where the system has them."""
    scratch: Path
    """A private folder with room for the whole database."""

    @contextmanager
    def address(self) -> Generator[str]:
        """The URL without the password, which is in a private file while the block runs."""
        parts = urlsplit(self.url)
        if parts.password is None:
            yield self.url
            return
        place = parts.netloc.rpartition("@")[2]
        user = parts.netloc.partition(":")[0]
        password = re.sub(r"([\\:])", r"\\\1", unquote(parts.password))
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.scratch, prefix="pass-") as file:
            file.write(f"*:*:*:*:{password}\n")
            file.flush()
            query = "&".join(
                [*([parts.query] if parts.query else []), f"passfile={quote(file.name)}"]
            )
            yield urlunsplit((parts.scheme, f"{user}@{place}", parts.path, query, ""))

    def find_program(self, name: str) -> str:
        """The path of one of its programs.

        Raises:
            PlaceRefused: it is not there.
        """
        found = shutil.which(name, path=self.programs or None)
        if found is None:
            raise PlaceRefused(
                f"PostgreSQL's program {name} is not there.",
                hint="Install PostgreSQL of the server's version, or name its folder with "
                "ops.postgres_programs.",
            )
        return found

    def run(self, name: str, *arguments: str) -> Iterator[bytes]:
        """Run a program against the server; gives what it prints, in pieces.

        Raises:
            OpsError: it failed; says what it said.
        """
        with self.address() as url:
            command = [self.find_program(name), "--dbname", url, "--no-password", *arguments]
            yield from _output_of(command, name=name)

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a statement, run by itself.

        Raises:
            OpsError: the server refused it or can't be reached.
        """
        import psycopg  # noqa: PLC0415 - optional

        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                found = connection.execute(statement, values)  # pyright: ignore[reportArgumentType]
                return found.fetchall()
        except psycopg.Error as error:
            raise OpsError(
                f"The server refused what a physical backup needs: {error}".strip(),
                hint="The user of database_url needs the right REPLICATION and to run "
                "pg_switch_wal(). A backup without --physical needs neither.",
            ) from error


def _output_of(command: Sequence[str], *, name: str) -> Iterator[bytes]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        while piece := process.stdout.read(_PIECE_BYTES):
            yield piece
        _, said = process.communicate()
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode:
        text = said.decode("utf-8", "replace").strip()[-_SAID_MAX:]
        raise OpsError(
            f"{name} failed: {text}",
            hint="The user of database_url needs the right REPLICATION, and pg_hba.conf an "
            "entry for it.",
        )


def lsn_number(text: str) -> int:
    """A place in the write-ahead log as a number."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)
