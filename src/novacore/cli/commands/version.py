"""`nova --version`."""

import argparse
import importlib.metadata
import sys


def run(_arguments: argparse.Namespace) -> int:
    """Print the version."""
    try:
        version = importlib.metadata.version("novacore")
    except importlib.metadata.PackageNotFoundError:
        version = "(run from its source, not installed)"
    sys.stdout.write(f"nova {version}\n")
    return 0
