"""What the journal stands on: the SQLite library and the file system; for `nova doctor`."""

from dataclasses import dataclass
from pathlib import Path

import apsw

from novacore.journal import sqlite_file


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """The library and the file system that a journal would use."""

    sqlite_version: str
    """The version of the SQLite library in use."""
    sqlite_version_min: str
    """The oldest version that is safe for several connections."""
    is_sqlite_safe: bool
    """False: this SQLite can corrupt a journal; the journal refuses it."""
    binding_version: str
    """The version of apsw, which carries the library."""
    file_system: str
    """The type of the file system; empty where the system doesn't say."""
    is_network: bool
    """True: a network file system, which the journal refuses."""


def describe_surroundings(folder: Path) -> Surroundings:
    """What a journal in this folder, or in one made there, would stand on. Writes nothing."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    version = apsw.sqlite_lib_version()
    kind = sqlite_file.file_system(place)
    return Surroundings(
        sqlite_version=version,
        sqlite_version_min=".".join(map(str, sqlite_file.SQLITE_MIN)),
        is_sqlite_safe=tuple(map(int, version.split("."))) >= sqlite_file.SQLITE_MIN,
        binding_version=apsw.apsw_version(),
        file_system=kind,
        is_network=kind in sqlite_file.NETWORK_FILE_SYSTEMS,
    )
