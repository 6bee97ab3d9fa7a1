"""`python -m tests.scripted_provider --script FILE --port 0` prints its URL.

It serves until its standard input ends. The requests it got are written to `--log FILE`, one JSON
object a line.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.scripted_provider.server import ScriptedProvider


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    script = json.loads(options.script.read_text("utf-8"))
    with ScriptedProvider(script, port=options.port, log=options.log) as provider:
        print(provider.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
