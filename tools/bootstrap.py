"""Sets up a virtual environment from the locked requirements: `bootstrap.py GROUP`.

It runs on any Python 3.11 or newer with the standard library alone: ensurepip, venv and pip may all
be missing (as on Debian without python3-venv); then pip is fetched from the package index and its
digest compared with the lock. A second run with nothing changed returns at once. A run that was
killed leaves a mark, and the next one starts the environment anew.

The environment is named by its folder (`.venv`), and holds exactly what requirements/build.txt and
requirements/GROUP.txt lock, and this project in editable form.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
PYTHON_OLDEST = (3, 11)
# Groups that hold all of another: an environment that has the first is good for the others too.
INCLUDES = {"dev": ("local", "run"), "local": ("run",)}
# Settings of pip that would send packages elsewhere than into our environment.
UNWANTED = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME")


class SetupError(Exception):
    """The environment can't be set up. The message says what to do."""


class Environment:
    """One virtual environment on disk and the stamp that says what it holds."""

    def __init__(self, folder: Path, *, lock_fd: int) -> None:
        self.folder = folder
        self.lock_fd = lock_fd
        self.python = folder / "bin" / "python"
        self.stamp_path = folder / "novacore-stamp.json"
        self.unfinished_path = folder / "novacore-unfinished"

    def stamp(self) -> dict[str, str]:
        """What the environment is known to hold; empty where nothing is sure."""
        if self.unfinished_path.exists():
            return {}
        try:
            found = json.loads(self.stamp_path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and self.python.exists() else {}

    def write_stamp(self, stamp: dict[str, str]) -> None:
        """Record what it holds, and that the work is finished."""
        draft = self.stamp_path.with_suffix(".draft")
        draft.write_text(json.dumps(stamp, indent=1, sort_keys=True))
        draft.replace(self.stamp_path)
        self.unfinished_path.unlink(missing_ok=True)

    def create(self) -> None:
        """Make the environment anew, without pip, whatever was there before."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.unfinished_path.touch()
        command = [sys.executable, "-m", "venv", "--without-pip", str(self.folder)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            self.create_by_hand()

    def create_by_hand(self) -> None:
        """What `venv --without-pip` does, for a Python that comes without that module."""
        base = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        (self.folder / "bin").mkdir(exist_ok=True)
        packages = self.folder / "lib" / f"python{version}" / "site-packages"
        packages.mkdir(parents=True, exist_ok=True)
        config = f"home = {base.parent}\ninclude-system-site-packages = false\n"
        (self.folder / "pyvenv.cfg").write_text(config + f"version = {version}\n")
        for name in ("python", "python3", f"python{version}"):
            link = self.folder / "bin" / name
            link.unlink(missing_ok=True)
            link.symlink_to(base)

    def run_pip(self, *arguments: str, seed: Path | None = None) -> None:
        """Run pip inside the environment; with `seed` (a wheel or a folder), that pip.

        Raises:
            SetupError: pip failed; the message holds the end of what it said.
        """
        setting = {key: value for key, value in os.environ.items() if key not in UNWANTED}
        setting.pop("PYTHONPATH", None)
        if seed is not None:
            setting["PYTHONPATH"] = str(seed)
        setting["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
        command = [str(self.python), "-m", "pip", "--no-input", *arguments]
        done = subprocess.run(
            command,
            env=setting,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            # pip holds the lock too: if we are killed, the next run waits until pip has ended.
            pass_fds=(self.lock_fd,),
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip().splitlines()[-25:]
            raise SetupError("pip could not install the packages:\n  " + "\n  ".join(said))


@contextlib.contextmanager
def seed_pip() -> Iterator[Path]:
    """A pip to start with: a path that makes `import pip` work when put on PYTHONPATH."""
    with tempfile.TemporaryDirectory() as scratch:
        yield bundled_wheel() or system_pip(Path(scratch)) or download_pip(Path(scratch))


def bundled_wheel() -> Path | None:
    """The pip wheel that the interpreter or its distribution brings along, if any."""
    folders = [Path("/usr/share/python-wheels")]
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec("ensurepip")
        if spec is not None and spec.origin:
            folders.insert(0, Path(spec.origin).parent / "_bundled")
    for folder in folders:
        for wheel in sorted(folder.glob("pip-*.whl"), reverse=True):
            return wheel
    return None


def system_pip(scratch: Path) -> Path | None:
    """The pip installed for this interpreter, alone in a folder, without its neighbours."""
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec("pip")
        if spec is not None and spec.origin:
            (scratch / "pip").symlink_to(Path(spec.origin).parent)
            return scratch
    return None


def download_pip(scratch: Path) -> Path:
    """The locked pip wheel, fetched from the package index that pip itself would use."""
    # Only here, since a machine that has a pip needs none of it.
    import package_index  # noqa: PLC0415 - needs ssl, which the other ways do without

    version, digests = locked_pip()
    say(f"  no pip on this machine: fetching pip {version} from the package index")
    try:
        return package_index.fetch_wheel("pip", version, digests=digests, folder=scratch)
    except package_index.IndexUnreachable as error:
        raise SetupError(f"{error}\nInstall pip or python3-venv, or set PIP_INDEX_URL.") from error


def locked_pip() -> tuple[str, frozenset[str]]:
    """The version of pip that the lock names and the SHA-256 digests it allows."""
    lock = (REQUIREMENTS / "build.txt").read_text()
    found = re.search(r"^pip==(\S+)((?: \\\n +--hash=sha256:[0-9a-f]+)+)", lock, re.MULTILINE)
    if found is None:
        raise SetupError("requirements/build.txt locks no pip: run `make lock`.")
    return found[1], frozenset(re.findall(r"sha256:([0-9a-f]+)", found[2]))


def digest_of(*paths: Path) -> str:
    """One SHA-256 over the files' bytes."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def wanted_stamp(group: str) -> dict[str, str]:
    """What the stamp says when the environment is right for `group`."""
    build = REQUIREMENTS / "build.txt"
    return {
        "python": sys.version,
        "base": sys.base_prefix,
        "root": str(ROOT),
        "build": digest_of(build, Path(__file__)),
        "project": digest_of(ROOT / "pyproject.toml"),
        group: digest_of(REQUIREMENTS / f"{group}.txt"),
    }


def is_current(stamp: dict[str, str], group: str) -> bool:
    """True where an environment with this stamp already serves `group`."""
    wanted = wanted_stamp(group)
    mark = wanted.pop(group)
    if any(stamp.get(key) != value for key, value in wanted.items()):
        return False
    if stamp.get(group) == mark:
        return True
    for larger, smaller in INCLUDES.items():
        whole = REQUIREMENTS / f"{larger}.txt"
        if group in smaller and stamp.get(larger) == digest_of(whole):
            return True
    return False


def can_grow(stamp: dict[str, str], group: str) -> bool:
    """True where `group` can be added to what is there: same interpreter, same lock."""
    wanted = wanted_stamp(group)
    del wanted["project"], wanted[group]
    if any(stamp.get(key) != value for key, value in wanted.items()):
        return False
    locks = {path.stem: path for path in REQUIREMENTS.glob("*.txt") if path.stem != "build"}
    return all(stamp[name] == digest_of(path) for name, path in locks.items() if name in stamp)


def set_up(environment: Environment, group: str) -> None:
    """Bring the environment to what `group` locks; nothing is done where it is already so."""
    stamp = environment.stamp()
    if is_current(stamp, group):
        return
    started_s = time.monotonic()
    grows = can_grow(stamp, group)
    say(f"Setting up {environment.folder.name} for Python {sys.version.split()[0]} ({group}) …")
    if grows:
        environment.unfinished_path.touch()
    else:
        environment.create()
        with seed_pip() as seed:
            lock = str(REQUIREMENTS / "build.txt")
            environment.run_pip("install", "--require-hashes", "--no-deps", "-r", lock, seed=seed)
    lock = str(REQUIREMENTS / f"{group}.txt")
    environment.run_pip("install", "--require-hashes", "--no-deps", "-r", lock)
    environment.run_pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    environment.write_stamp({**(stamp if grows else {}), **wanted_stamp(group)})
    say(f"  ready after {time.monotonic() - started_s:.0f} s")


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[Environment]:
    """The environment in `folder`, held alone: two runs at once take turns."""
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Environment(folder, lock_fd=lock.fileno())


def say(line: str) -> None:
    """Progress goes to stderr, so that stdout stays the command's own."""
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Set up and return the exit code: 0 ready, 1 not, with the reason on stderr."""
    groups = sorted(path.stem for path in REQUIREMENTS.glob("*.txt") if path.stem != "build")
    parser = argparse.ArgumentParser(description="Set up a virtual environment from the lock.")
    parser.add_argument("group", choices=groups)
    parser.add_argument("--into", default=".venv", help="folder of the environment")
    options = parser.parse_args()
    if sys.version_info < PYTHON_OLDEST:
        say(f"NovaCore needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
        return 1
    try:
        with only_one(ROOT / options.into) as environment:
            set_up(environment, options.group)
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Interrupted; the next run starts the environment anew.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
