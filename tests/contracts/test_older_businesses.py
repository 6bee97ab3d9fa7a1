"""A server takes up every older data directory, and changes older accounts only after a backup."""

import pytest
from tests.contracts.test_older_releases import RELEASES, _unpack

from novacore import bootstrap, cli, database, identity, settings

pytestmark = pytest.mark.heavy


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A data directory; its settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NOVA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NOVA_TIERS_PROJECTOR", "off")
    monkeypatch.chdir(tmp_path)
    return settings.load


def _platform(load, **options):
    return bootstrap.open_platform(load(), announce=lambda line: None, **options)


@pytest.mark.parametrize("archive", RELEASES, ids=lambda path: path.name)
def test_a_server_takes_up_the_data_directory_of_any_older_release(archive, tmp_path, environment):
    _unpack(archive, tmp_path)
    before = _migrations(tmp_path / "data" / "business.db")
    asked = []
    platform = _platform(environment, before_upgrade=lambda: asked.append(1))
    with pytest.raises(identity.AccountUnknown):
        platform.identity.administration.find("nobody@example.org")
    assert platform.store.get_session("talk", workspace="/work").messages
    platform.close()
    # Where there were no accounts to back up, they are simply made.
    is_older = before not in ((), _migrations(tmp_path / "data" / "business.db"))
    assert asked == ([1] if is_older else [])
    _platform(environment).close()


def _migrations(path):
    """What the database has had; nothing where there is none."""
    if not path.exists():
        return ()
    opened = database.Database(path)
    with opened.read() as connection:
        found = database.find_heads(connection, bootstrap.FOLDERS)
    opened.close()
    return found


def _older(monkeypatch, tmp_path):
    """This release's schema is one step ahead of what is on the disk."""
    folder = tmp_path / "newer"
    folder.mkdir()
    (folder / "0001_thing.py").write_text(_NEWER)
    monkeypatch.setattr("novacore.bootstrap.platform.FOLDERS", (*bootstrap.FOLDERS, folder))
    monkeypatch.setattr("novacore.bootstrap.FOLDERS", (*bootstrap.FOLDERS, folder))


def test_older_accounts_are_backed_up_before_they_change(tmp_path, environment, monkeypatch, capfd):
    platform = _platform(environment)
    platform.identity.administration.create("ann@example.org", password="four plain words here")
    platform.close()
    _older(monkeypatch, tmp_path)
    # A command that makes no backup changes nothing, and says what does.
    assert cli.main(["users", "list"]) != 0
    assert "Start `nova serve` or `nova work` once" in capfd.readouterr().err
    assert cli.main(["work", "--status"]) == 0
    assert "backed up before they change" in capfd.readouterr().out
    assert len(list((tmp_path / "data-backups").glob("*.verified"))) == 1
    assert cli.main(["work", "--status"]) == 0
    assert len(list((tmp_path / "data-backups").glob("*.verified"))) == 1
    # What was backed up is of the older form, and comes up to this one.
    assert cli.main(["restore", "--into", str(tmp_path / "new")]) == 0
    monkeypatch.setenv("NOVA_DATA_DIR", str(tmp_path / "new"))
    platform = _platform(environment)
    assert platform.identity.administration.find("ann@example.org").email == "ann@example.org"
    with platform.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM thing_one").scalar_one() == 0
    platform.close()


def test_where_no_backup_can_be_made_nothing_is_changed(tmp_path, environment, monkeypatch, capfd):
    _platform(environment).close()
    with monkeypatch.context() as patch:
        _older(patch, tmp_path)
        (tmp_path / "data-backups").write_text("in the way")
        assert cli.main(["work", "--status"]) != 0
    assert "thing_one" not in (tmp_path / "data" / "business.db").read_bytes().decode("latin-1")
    _platform(environment).close()


def test_accounts_of_a_newer_release_are_refused_in_words(
    tmp_path, environment, monkeypatch, capfd
):
    with monkeypatch.context() as patch:
        _older(patch, tmp_path)
        _platform(environment).close()
    with pytest.raises(database.DatabaseTooNew, match="newer NovaCore"):
        _platform(environment)
    assert cli.main(["work", "--status"]) != 0
    assert "Install that release or a later one" in capfd.readouterr().err


_NEWER = """
import sqlalchemy as sa
from alembic import op

revision = "thing_0001"
down_revision = None
branch_labels = ("thing",)
depends_on = None


def upgrade():
    op.create_table("thing_one", sa.Column("id", sa.Text, primary_key=True))
"""
