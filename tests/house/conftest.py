"""What the tests of the house look at: our own files, read and parsed once."""

import ast
import dataclasses
from functools import cached_property
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "novacore"


@dataclasses.dataclass(frozen=True)
class Source:
    """One Python file of ours."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the root of the repository, as a person would name it."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        """Its dotted name; only for files of the package."""
        parts = self.path.relative_to(ROOT / "src").with_suffix("").parts
        return ".".join(parts).removesuffix(".__init__")

    @property
    def room(self) -> str:
        """The room it belongs to; empty for the package's own front door."""
        parts = self.path.relative_to(PACKAGE).parts
        return parts[0] if len(parts) > 1 else ""

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.name)


def _sources(*folders: str) -> list[Source]:
    return [Source(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def product() -> list[Source]:
    """Every module of the package. Migrations are none: Alembic reads them by their path."""
    files = _sources("src/novacore")
    return [each for each in files if each.path.parent.name != "migrations"]


@pytest.fixture(scope="session")
def everything() -> list[Source]:
    """Every Python file that we wrote."""
    return _sources("src", "tests", "tools", "benchmarks")


@pytest.fixture(scope="session")
def rooms() -> list[str]:
    """The rooms that exist: folders of the package with a front door."""
    return sorted(door.parent.name for door in PACKAGE.glob("*/__init__.py"))


@pytest.fixture(scope="session")
def graph() -> grimp.ImportGraph:
    """Who imports whom, function-local imports included."""
    return grimp.build_graph("novacore", cache_dir=None)
