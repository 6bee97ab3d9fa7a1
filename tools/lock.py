"""Writes requirements/*.txt from pyproject.toml: the newest releases, with hashes: `make lock`.

One file serves every supported interpreter (3.11 on) and machine: markers stand beside a package
that only some need, and the hashes of all its files are listed. No address of an index is written.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "pyproject.toml"
# File, what it holds; each later file keeps to the releases that dev.txt chose.
LOCKS: dict[str, tuple[str, ...]] = {
    "dev": (PROJECT, "--all-extras", "--group", "dev"),
    "build": ("--group", "build"),
    "lock": ("--group", "lock"),
    "local": (PROJECT, "--extra", "local", "--extra", "recall", "--extra", "server"),
    "run": (PROJECT,),
    "bench": (PROJECT, "--extra", "recall", "--group", "bench"),
    "bench-gateway": ("--group", "bench-gateway"),
}
SHAPE = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-annotate",
    "--custom-compile-command=make lock",
    "--quiet",
    "--upgrade",
)


def main() -> int:
    """Write every lock file; 0 when all could be resolved."""
    # Where this machine gets its packages from is its own business: it must not show in the lock.
    setting = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    tool = [str(Path(sys.executable).parent / "uv"), "pip", "compile", "--no-config"]
    for name, inputs in LOCKS.items():
        output = f"requirements/{name}.txt"
        command = [*tool, *SHAPE, *inputs, "--output-file", output]
        # The peers of the bench have needs of their own, and an environment of their own.
        if name not in ("dev", "build", "lock", "bench", "bench-gateway"):
            command += ["--constraint", "requirements/dev.txt"]
        if subprocess.run(command, cwd=ROOT, env=setting, check=False).returncode != 0:
            print(f"{output} could not be made", file=sys.stderr)
            return 1
        print(f"{output}: {(ROOT / output).read_text().count('==')} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
