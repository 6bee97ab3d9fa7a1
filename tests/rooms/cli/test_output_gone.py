"""Output that nobody can take any more ends in an exit code, not in a traceback."""

import os
import subprocess
import sys

NOVA = [sys.executable, "-m", "novacore.cli"]


def test_a_full_disk_under_the_output_is_said_and_fails():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*NOVA, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "nova: Something could not be written: No space left on device.\n"


def test_a_reader_that_has_gone_is_no_defect():
    source, sink = os.pipe()
    os.close(source)
    try:
        done = subprocess.run(
            [*NOVA, "--version"], stdout=sink, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(sink)
    assert done.returncode == 141
    assert done.stderr == ""
