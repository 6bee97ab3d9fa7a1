"""What holds a journal in the clear for a while is gone afterwards, also after a kill."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from novacore import ops
from novacore.ops import scratch

HOLD = """
import sys, time
from pathlib import Path
from novacore.ops import scratch
with scratch.own_folder(Path(sys.argv[1])) as folder:
    (folder / "secret").write_text("canary")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_folder_is_gone_afterwards_whatever_happened(tmp_path: Path) -> None:
    with scratch.own_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    with pytest.raises(ZeroDivisionError), scratch.own_folder(tmp_path) as folder:
        _ = 1 // 0
    assert not folder.exists()


def test_what_a_kill_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    folder = Path(holder.stdout.readline().strip())
    ops.remove_leftovers(tmp_path)
    assert (folder / "secret").exists()
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (folder / "secret").exists()
    ops.remove_leftovers(tmp_path)
    assert not folder.exists()
