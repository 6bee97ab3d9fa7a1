"""`nova --version`."""

import argparse
import importlib.metadata
import sys


def run(_arguments: argparse.Namespace) -> int:
    """Print the version."""
    sys.stdout.write(f"nova {importlib.metadata.version('novacore')}\n")
    return 0
