"""Killed at any moment, a backup, a restore or a move is as if it had not begun, or goes on."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.rooms.ops.conftest import digests

from novacore import journal, ops

KILLS = 4
ENTRIES = 12_000

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal that takes a while to copy, and a finished backup of it."""
    folder = tmp_path_factory.mktemp("big")
    with journal.open_store(folder / "data") as store:
        sessions = [store.session(f"s{n}") for n in range(20)]
        for step in range(ENTRIES // 200):
            text = f"{step} " + "words " * 60
            session = sessions[step % len(sessions)]
            session.append(*[{"role": "user", "content": f"{n} {text}"} for n in range(200)])
            if step % 15 == 7:
                sessions.append(session.fork(name=f"f{step}"))
    _done(folder, "backup")
    return folder


def _nova(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "novacore.cli", *arguments, "--data-dir", str(folder / "data")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _done(folder: Path, *arguments: str) -> str:
    process = _nova(folder, *arguments)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def _kill_at_random(folder: Path, *arguments: str, seed: int, has_begun: Callable[[], bool]) -> int:
    """Run it several times and kill it: once as soon as its work shows, then after random whiles.

    Returns how often it was not done yet.
    """
    chance = random.Random(seed)
    died = 0
    for attempt in range(KILLS):
        process = _nova(folder, *arguments)
        while process.poll() is None and not has_begun():
            time.sleep(0.001)
        time.sleep(chance.uniform(0.1, 1.5) if attempt else 0)
        process.kill()
        process.communicate()
        died += process.returncode == -9
    return died


def _catalog(folder: Path) -> ops.Catalog:
    key = ops.read_key(folder / "data-backup.key")
    return ops.Catalog(folder / "data-backups", key=key)


def test_a_killed_backup_leaves_the_others_and_no_half_one(big: Path) -> None:
    catalog = _catalog(big)
    died = _kill_at_random(
        big,
        "backup",
        "--full",
        seed=1,
        has_begun=lambda: any((big / "data-backups").glob(".*.partial")),
    )
    assert catalog.list_damaged() == []
    for each in catalog.list_backups():
        for _ in catalog.read(each):
            pass
    _done(big, "backup", "--full")
    parts = {path.stem for path in (big / "data-backups").glob("*.part")}
    assert parts == {each.id for each in catalog.list_backups()}
    assert list((big / "data-backups").glob(".*")) == []
    assert list((big / "data" / "scratch").iterdir()) == []
    assert died


def test_a_killed_restore_goes_on_to_an_equal_journal(big: Path) -> None:
    target = big / "restored"
    died = _kill_at_random(big, "restore", "--into", str(target), seed=2, has_begun=target.exists)
    state = _nova(big, "restore", "--into", str(target))
    _, err = state.communicate()
    assert state.returncode == 0 or "in use" in err, err
    with journal.open_store(big / "data") as source, journal.open_store(target) as restored:
        assert digests(restored) == digests(source)
        assert _all(restored) == _all(source)
        assert restored.verify(all_owners=True).problems == []
    assert died


def test_a_killed_move_leaves_one_store_in_use_and_goes_on(big: Path) -> None:
    target = big / "moved"
    with journal.open_store(big / "data") as source:
        wanted, entries = digests(source), _all(source)
    died = _kill_at_random(
        big, "migrate", "--to", f"sqlite:{target}", seed=3, has_begun=target.exists
    )
    _done(big, "migrate", "--to", f"sqlite:{target}")
    with journal.open_store(target) as moved:
        assert digests(moved) == wanted
        assert _all(moved) == entries
        moved.session("goes on").append({"role": "user", "content": "here"})
    with journal.open_store(big / "data") as source, pytest.raises(journal.StoreMoved):
        source.session("s0").append({"role": "user", "content": "not here"})
    assert died


def _all(store: journal.JournalStore) -> list[bytes]:
    found: list[bytes] = []
    while page := store.replica().read(len(found), 10_000):
        found += page
    return found


def test_a_full_disk_fails_the_backup_and_leaves_the_others(big: Path) -> None:
    before = _catalog(big).list_backups()
    program = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "from novacore import cli\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "backup", "--full", "--data-dir", str(big / "data")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "can't be written" in done.stderr
    assert _catalog(big).list_backups() == before
