"""Full disks, read-only folders, stopped processes, newer formats: said plainly, nothing lost."""

import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import apsw
import pytest
from tests.rooms.journal.children import Child

from novacore import journal
from novacore.journal import Config, NewEntry, sqlite_file
from novacore.kit import ErrorKind


def user(text):
    return {"role": "user", "content": text}


def texts(session):
    return [message["content"] for message in session.open()]


# No room


FULL = """
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = journal.open_store(folder, config=Config(seal_entries=int(sys.argv[2])))
session = store.session("talk")
session.append(user("before"))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), hard))
done, failed = ["before"], 0
for number in range(400):
    text = f"{number} " + "x" * 3_000
    try:
        session.append(user(text))
        done.append(text)
    except journal.StorageFailed as error:
        failed += 1
        assert error.kind.name == "UNAVAILABLE" and error.hint, error
        if failed > 5:
            break
assert failed, "the limit was never met"
assert [m["content"] for m in session.open()] == done
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
session.append(user("room again"))
done.append("room again")
assert [m["content"] for m in session.open()] == done
assert store.verify().is_sound, store.verify().problems
store.close()
say(len(done))
"""


@pytest.mark.parametrize("seal_entries", ["4", "1000"])
@pytest.mark.parametrize("limit", ["200000", "70000"])
def test_a_full_disk_fails_the_append_and_loses_nothing(tmp_path, seal_entries, limit):
    script = FULL.replace("sys.argv[2]", repr(seal_entries)).replace("sys.argv[3]", repr(limit))
    with Child(script, tmp_path) as child:
        count = int(child.end()[-1])
    with journal.open_store(tmp_path) as store:
        assert len(store.session("talk").open()) == count
        assert store.verify().is_sound


def test_a_full_disk_fails_a_blob_and_leaves_no_half_of_it(tmp_path):
    script = """
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = journal.open_store(folder)
session = store.session("talk")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
try:
    session.append(user("x" * 600_000))
except journal.StorageFailed as error:
    say("failed")
say(sum(path.is_file() for path in (folder / "blobs").rglob("*")))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
session.append(user("x" * 600_000))
say(len(session.open()[0]["content"]))
store.close()
"""
    with Child(script, tmp_path) as child:
        assert child.end() == ["failed", "0", "600000"]


def test_a_disk_that_fails_while_sealing_leaves_the_session_as_it_was(tmp_path):
    store = journal.open_store(tmp_path, config=Config(seal_entries=4))
    session = store.session("talk")
    session.append(*map(user, "abc"))
    file = store._core.engine._segments._file
    sound, broken = os.dup(file), os.open(tmp_path / "segments.dat", os.O_RDONLY)
    os.dup2(broken, file)
    with pytest.raises(journal.StorageFailed):
        session.append(user("d"))
    assert texts(session) == [*"abc"]
    os.dup2(sound, file)
    assert session.append(user("d")).positions == (3,)
    session.append(*map(user, "efgh"))
    store.close()
    for each in (sound, broken):
        os.close(each)
    with journal.open_store(tmp_path) as store:
        assert texts(store.session("talk")) == [*"abcdefgh"]
        assert store.verify().is_sound


# Folders and files


READ_ONLY = """
sys.stderr.flush()
if os.geteuid() == 0:
    os.setuid(65_534)
try:
    journal.open_store(folder)
except NovaError as error:
    say(type(error).__name__, error)
"""


@pytest.fixture
def open_folder():
    """A folder that every user may enter; the test's own folder is private."""
    folder = Path(tempfile.mkdtemp(prefix="nova-test-"))
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


def test_a_read_only_folder_is_named_with_what_to_do(open_folder):
    open_folder.chmod(0o555)
    with Child(READ_ONLY, open_folder) as child:
        said = child.end()[0]
    assert said.startswith("StoreUnusable")
    assert str(open_folder) in said
    assert "NOVA_DATA_DIR" in said


def test_a_folder_that_can_not_be_made_is_named_with_what_to_do(open_folder):
    open_folder.chmod(0o555)
    with Child(READ_ONLY, open_folder / "new") as child:
        said = child.end()[0]
    assert said.startswith("StoreUnusable")
    assert "new" in said


def test_a_file_of_another_user_is_refused(open_folder):
    journal.open_store(open_folder).close()
    open_folder.chmod(0o777)
    if os.geteuid() == 0:
        with Child(READ_ONLY, open_folder) as child:
            said = child.end()[0]
        assert said.startswith(("StoreUnusable", "StorageFailed"))
        assert "nova doctor" in said or "NOVA_DATA_DIR" in said
    else:
        (open_folder / "journal.db").chmod(0o400)
        with pytest.raises(journal.JournalError):
            journal.open_store(open_folder)


def test_a_path_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(journal.StoreUnusable):
        journal.open_store(path)
    assert path.read_text() == "x"


def test_a_network_file_system_is_refused_with_the_reason(tmp_path, monkeypatch):
    kind = sqlite_file.file_system(tmp_path)
    assert kind
    assert kind not in sqlite_file.NETWORK_FILE_SYSTEMS
    monkeypatch.setattr(sqlite_file, "NETWORK_FILE_SYSTEMS", frozenset({kind}))
    with pytest.raises(journal.StoreUnusable, match="network file system"):
        journal.open_store(tmp_path / "data")
    assert not (tmp_path / "data" / "journal.db").exists()


def test_only_the_owner_may_read_what_is_stored(tmp_path):
    folder = tmp_path / "data"
    before = os.umask(0)
    try:
        store = journal.open_store(folder, config=Config(seal_entries=2, blob_text_bytes=4096))
        session = store.session("talk")
        session.append(user("x" * 5_000), user("b"))
        store.erase(session.id, positions=[1])
        modes = {
            path.relative_to(folder): stat.S_IMODE(path.stat().st_mode)
            for path in [folder, *folder.rglob("*")]
        }
        store.close()
    finally:
        os.umask(before)
    assert {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
    assert len(modes) > 8


# Other programs


def test_another_programs_database_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "journal.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE song (title TEXT); INSERT INTO song VALUES ('x')")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(journal.StoreUnusable, match="something else"):
        journal.open_store(tmp_path)
    assert path.read_bytes() == before
    assert not (tmp_path / "journal.db-wal").exists()


def test_a_file_that_is_no_database_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"Dear diary, " * 2_000)
    with pytest.raises(journal.JournalError):
        journal.open_store(tmp_path)
    assert path.read_bytes() == b"Dear diary, " * 2_000


def set_fact(folder, key, value):
    connection = apsw.Connection(str(folder / "journal.db"))
    connection.execute("UPDATE meta SET value=? WHERE key=?", (value, key))
    connection.close()


def test_a_format_that_we_may_not_read_is_refused_and_not_touched(tmp_path):
    with journal.open_store(tmp_path) as store:
        store.session("talk").append(user("a"))
    for key in ("format", "lowest_reader", "lowest_writer"):
        set_fact(tmp_path, key, 7)
    before = (tmp_path / "journal.db").read_bytes()
    with pytest.raises(journal.StoreTooNew) as caught:
        journal.open_store(tmp_path)
    assert (caught.value.needed, caught.value.ours) == (7, 1)
    assert (tmp_path / "journal.db").read_bytes() == before


def test_a_format_that_we_may_read_but_not_write_is_read(tmp_path):
    with journal.open_store(tmp_path) as store:
        store.session("talk").append(user("a"))
    for key in ("format", "lowest_writer"):
        set_fact(tmp_path, key, 7)
    with journal.open_store(tmp_path) as store:
        session = store.get_session("talk")
        assert texts(session) == ["a"]
        for call in (
            lambda: session.append(user("b")),
            session.fork,
            lambda: store.session("new"),
            lambda: store.erase(session.id),
        ):
            with pytest.raises(journal.StoreTooNew, match="writing"):
                call()
        assert texts(session) == ["a"]


def test_a_program_that_became_too_old_while_it_ran_stops_writing(tmp_path):
    with journal.open_store(tmp_path) as store:
        session = store.session("talk")
        session.append(user("a"))
        set_fact(tmp_path, "lowest_writer", 2)
        with pytest.raises(journal.StoreTooNew):
            session.append(user("b"))
        assert texts(session) == ["a"]


# Processes that stand in the way


HOLDING = """
store = journal.open_store(folder)
store._core.engine._turns.take()
say("holding")
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_stopped_process_that_has_the_turn_is_named_and_its_death_frees_it(tmp_path):
    with (
        journal.open_store(tmp_path, config=Config(lock_timeout_ms=200)) as store,
        Child(HOLDING, tmp_path) as child,
    ):
        session = store.session("talk")
        assert child.hear() == "holding"
        for _ in range(2):
            with pytest.raises(journal.StorageFailed, match="stopped process") as caught:
                session.append(user("a"))
            assert "journal.lock_timeout_ms" in caught.value.hint
            assert caught.value.kind is ErrorKind.UNAVAILABLE
        assert list(session.open()) == []
        child.process.send_signal(signal.SIGKILL)
        child.process.wait()
        assert session.append(user("a")).positions == (0,)


LOCKING = """
import apsw
connection = apsw.Connection(str(folder / "journal.db"))
connection.execute("BEGIN IMMEDIATE")
say("locked")
wait()
"""


def test_another_programs_lock_is_named_and_waited_for_no_longer_than_said(tmp_path):
    with journal.open_store(tmp_path, config=Config(lock_timeout_ms=200)) as store:
        session = store.session("talk")
        with Child(LOCKING, tmp_path) as child:
            assert child.hear() == "locked"
            with pytest.raises(journal.StorageFailed, match="locked"):
                session.append(user("a"))
        assert session.append(user("a")).positions == (0,)


def test_a_reader_that_keeps_old_pages_makes_erase_say_so_and_opening_finishes(tmp_path):
    reading = LOCKING.replace("BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM tail")
    store = journal.open_store(tmp_path, config=Config(lock_timeout_ms=200))
    session = store.session("talk")
    session.append(user("SeCrEt"))
    with Child(reading, tmp_path) as child:
        assert child.hear() == "locked"
        with pytest.raises(journal.StorageFailed, match="erased, but"):
            store.erase(session.id, positions=[0])
        assert session.open().gaps == [0]
        assert b"SeCrEt" in (tmp_path / "journal.db-wal").read_bytes()
    with journal.open_store(tmp_path):
        for path in tmp_path.rglob("*"):
            assert path.is_dir() or b"SeCrEt" not in path.read_bytes()
    store.close()


def test_the_retry_after_a_failed_commit_is_told_apart_from_a_new_entry(tmp_path):
    store = journal.open_store(tmp_path, config=Config(lock_timeout_ms=200))
    session = store.session("talk")
    entry = NewEntry(body=user("a"), id="018f0000-0000-7000-8000-000000000001")
    with Child(LOCKING, tmp_path) as child:
        child.hear()
        with pytest.raises(journal.StorageFailed):
            session.append(entry)
    assert not session.append(entry).is_retry
    assert session.append(entry).is_retry
    store.close()
