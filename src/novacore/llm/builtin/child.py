"""The child process in which the built-in model runs. Started by `server`, which runs this file.

It takes one line of JSON on its standard input, answers with one line that holds its address, and
ends when its input does: that is when the parent closes it or dies, however it dies. It imports
nothing of ours, so that it starts fast.
"""

import importlib
import json
import os
import sys
from typing import Any


def main() -> None:
    """Serve until standard input ends."""
    asked = json.loads(sys.stdin.buffer.readline())
    # The native library may print: what it prints must not stand where the address is expected.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # Heavy, without types, and wanted in this process alone.
    runner: Any = importlib.import_module("xllamacpp")
    params = runner.CommonParams()
    params.model.path = asked["model_path"]
    params.model_alias = {asked["name"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [asked["api_key"]]
    params.n_ctx = asked["window_tokens"]
    params.cpuparams.n_threads = asked["threads"]
    params.cpuparams_batch.n_threads = asked["threads"]
    params.n_parallel = 1
    # A cancelled request is noticed between batches: small ones end it sooner.
    params.n_batch = 128
    params.n_ubatch = 128
    params.cache_ram_mib = 0
    params.endpoint_slots = False
    params.ui = False
    server = runner.Server(params)
    print(json.dumps({"url": server.listening_address}), file=answer, flush=True)
    sys.stdin.buffer.read()
    # Not a clean exit: nothing here needs one, and unloading would take a second.
    os._exit(0)


if __name__ == "__main__":
    main()
