"""Importing a module does nothing, and loads no more than it must."""

import ast
import json
import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "apsw", "msgspec", "prompt_toolkit", "rich", "xllamacpp", "asyncio"}

# Imports every module of ours in a new process and tells what happened meanwhile.
WATCH = """
import importlib, json, pkgutil, sys, threading
sys.dont_write_bytecode = True
done = []
LOUD = {"os.mkdir", "os.remove", "os.rename", "os.system", "socket.connect", "socket.bind",
        "subprocess.Popen", "os.putenv", "os.chdir", "signal.signal"}
def watch(event, arguments):
    if event == "os.putenv" and arguments[0].startswith(b"OPENBLAS"):
        return  # numpy's own, when its library is loaded
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in LOUD or writes:
        done.append([event, repr(arguments)[:200]])
import novacore
names = [info.name for info in pkgutil.walk_packages(novacore.__path__, "novacore.")]
sys.addaudithook(watch)
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(json.dumps({"names": names, "done": done, "threads": threading.active_count()}))
"""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60
    )


def _loaded_after(statement: str) -> set[str]:
    script = f"import sys; before = set(sys.modules)\n{statement}\n"
    script += "print('\\n'.join(set(sys.modules) - before))"
    return set(_run("-c", script).stdout.split())


def test_importing_every_module_prints_writes_connects_and_starts_nothing():
    told = _run("-c", WATCH)
    found = json.loads(told.stdout)
    assert len(found["names"]) > 10
    assert found["done"] == []
    assert found["threads"] == 1
    assert told.stderr == ""


def test_the_watch_sees_a_module_that_makes_a_folder(tmp_path):
    planted = tmp_path / "novacore"
    planted.mkdir()
    (planted / "__init__.py").write_text("")
    (planted / "loud.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'made')!r})\n")
    told = subprocess.run(
        [sys.executable, "-c", WATCH], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert [event for event, _ in json.loads(told.stdout)["done"]] == ["os.mkdir"]


def test_the_floor_loads_nothing_else_of_ours():
    loaded = {name for name in _loaded_after("import novacore.kit") if name.startswith("novacore")}
    assert {name for name in loaded if not name.startswith("novacore.kit")} == {"novacore"}


def test_importing_the_package_loads_no_room_and_nothing_heavy():
    loaded = _loaded_after("import novacore")
    assert {name for name in loaded if name.startswith("novacore.")} == set()
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_asking_the_command_line_for_help_loads_nothing_heavy(arguments):
    told = _run("-X", "importtime", "-m", "novacore.cli", *arguments)
    loaded = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    assert "novacore.cli" in loaded
    assert loaded & HEAVY == set()
    assert told.stdout.strip()


def _environment_reads(tree: ast.Module) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (isinstance(node, ast.alias) and node.name in {"environ", "environb", "getenv"})
    ]


def test_only_the_settings_room_reads_the_environment(product):
    readers = {
        f"{source.name}:{line}"
        for source in product
        if source.room != "settings"
        for line in _environment_reads(source.tree)
    }
    assert readers == set()
    assert any(_environment_reads(source.tree) for source in product if source.room == "settings")
