"""A home, a folder to work in, and settings loaded from nothing but what a test gives."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from novacore import settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Where a test's settings come from."""

    home: Path
    folder: Path

    @property
    def user_file(self) -> Path:
        return self.home / ".nova" / "nova.toml"

    @property
    def folder_file(self) -> Path:
        return self.folder / "nova.toml"

    def write_user(self, text: str) -> None:
        self.user_file.parent.mkdir(exist_ok=True)
        self.user_file.write_text(text)

    def load(
        self,
        path: Path | None = None,
        *,
        env: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> settings.Settings:
        return settings.load(
            path,
            env={"HOME": str(self.home), **(env or {})},
            overrides=overrides,
            workspace=self.folder,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "home").mkdir()
    (tmp_path / "folder").mkdir()
    return Place(home=tmp_path / "home", folder=tmp_path / "folder")
