"""Folders that only their owner can read, and whole files in them."""

from pathlib import Path

from novacore import kit


def make(folder: Path) -> None:
    """A folder, mode 0700, its name durable; one that is there is left as it is."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kit.sync_folder(folder.parent)


def publish(path: Path, content: bytes) -> None:
    """Write a whole file, durably."""
    with kit.replaced(path) as file:
        file.write(content)
