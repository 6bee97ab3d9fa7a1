"""Makes the passwords that compose.yaml asks for, each once: `python3 tools/make_secrets.py`.

They lie in deploy/secrets, which only its owner may enter; git and the image never see them. The
files themselves can be read by anybody in a container that is given one.
"""

import os
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "secrets"
NAMES = ("postgres_password", "valkey_password")


def main() -> int:
    """Make those that are missing; 0."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    FOLDER.chmod(0o700)
    for name in NAMES:
        path = FOLDER / name
        if path.exists():
            print(f"{path} is there already")
            continue
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
        print(f"{path} was made")
    return 0


if __name__ == "__main__":
    sys.exit(main())
