"""`nova` on PostgreSQL, as its users run it: several processes, one database."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.heavy


@pytest.fixture
def environment(postgres_server: PostgresServer, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "NOVA_DATA_DIR": str(tmp_path / "data"),
        "NOVA_DATABASE_URL": postgres_server.new_schema(),
        "NOVA_TIERS_PROJECTOR": "off",
    }


def nova(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["nova", *arguments], env=environment, cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def said(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out


def test_processes_import_at_once_and_what_one_wrote_the_others_list_verify_and_export(
    environment: dict[str, str], tmp_path: Path
) -> None:
    imports: list[subprocess.Popen[str]] = []
    for name in ("one", "two", "three"):
        messages = [{"role": "user", "content": f"{name} {number}"} for number in range(60)]
        folder = tmp_path / name
        folder.mkdir()
        talk = {"id": name, "workspace": None, "messages": messages}
        (folder / "talk.json").write_text(json.dumps(talk))
        imports.append(nova(environment, tmp_path, "import", str(folder)))
    for each in imports:
        assert "60 messages" in said(each)
    listed = json.loads(said(nova(environment, tmp_path, "sessions", "--json")))
    assert str(listed).count("'messages': 60") == 3
    assert said(nova(environment, tmp_path, "verify")).startswith("Sound: 3 sessions")
    assert "one 59" in said(nova(environment, tmp_path, "export", "one"))
    assert not (tmp_path / "data" / "journal.db").exists()
