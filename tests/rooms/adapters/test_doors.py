"""Each framework has its own door: it loads that framework alone, and says what is missing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[3]
FRAMEWORKS = {
    "langgraph": ("langgraph", "langgraph"),
    "openai_agents": ("agents", "openai-agents"),
    "mcp": ("mcp", "mcp"),
    "anthropic_memory": ("anthropic", "anthropic-memory"),
}
"""door: (the framework's package, the extra that brings it)"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_every_extra_that_a_door_names_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {extra for _, extra in FRAMEWORKS.values()}
    assert named <= set(project["optional-dependencies"])
    doors = {door.parent.name for door in (ROOT / "src/novacore/adapters").glob("*/__init__.py")}
    assert doors == set(FRAMEWORKS)


def test_the_room_itself_loads_no_framework():
    told = run("import sys, novacore.adapters; print(*sys.modules)")
    assert not {package for package, _ in FRAMEWORKS.values()} & set(told.stdout.split())


@pytest.mark.parametrize("door", FRAMEWORKS)
def test_a_door_whose_framework_is_missing_names_the_extra(door):
    package, extra = FRAMEWORKS[door]
    told = run(f"import sys; sys.modules[{package!r}] = None; import novacore.adapters.{door}")
    assert told.returncode == 1
    assert f"pip install 'novacore[{extra}]'" in told.stderr.splitlines()[-1]


def test_a_missing_framework_is_an_import_error_too():
    code = (
        "import sys; sys.modules['agents'] = None\n"
        "try:\n    import novacore.adapters.openai_agents\n"
        "except ImportError as error:\n    print(error)\n"
    )
    assert "novacore[openai-agents]" in run(code).stdout


@pytest.mark.parametrize(
    ("door", "other"), [("langgraph", "agents"), ("openai_agents", "langgraph")]
)
def test_a_door_loads_no_other_framework(door, other):
    told = run(f"import sys, novacore.adapters.{door}; print(*sys.modules)")
    assert other not in told.stdout.split()
