"""`nova completion`: scripts that complete commands, options and session names in a shell."""

import argparse
import sys

from novacore.cli.completion import render_completion


def run(arguments: argparse.Namespace) -> int:
    """Print the script for the chosen shell."""
    sys.stdout.write(render_completion(arguments.shell))
    return 0
