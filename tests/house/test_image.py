"""The Dockerfile and compose.yaml: linted, checked against each other, and without a password.

Nothing here builds an image: that needs an engine, which not every machine has.
"""

import importlib.util
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SERVICE_KEYS = {
    "build", "cap_drop", "depends_on", "entrypoint", "environment", "healthcheck", "image", "init",
    "networks", "ports", "profiles", "read_only", "restart", "secrets", "security_opt",
    "stop_grace_period", "tmpfs", "volumes",
}  # fmt: skip
"""The keys of the Compose specification that we use."""


@pytest.fixture(scope="module")
def compose(root):
    return yaml.safe_load((root / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def dockerfile(root):
    return (root / "Dockerfile").read_text()


def test_the_dockerfile_is_clean(root):
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or "hadolint"
    done = subprocess.run(
        [program, "--failure-threshold", "style", str(root / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_runs_is_no_administrator_and_says_how_it_is(dockerfile):
    last = dockerfile.rpartition("\nFROM ")[2]
    user = re.search(r"^USER (\S+)", last, re.MULTILINE)
    assert user is not None
    assert user[1].split(":")[0] not in ("0", "root")
    assert "/healthz" in last
    assert "--from=build" in last


def test_what_is_copied_is_there_and_let_through(root, dockerfile):
    ignored = (root / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    copied = [
        word
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for word in line.split()[:-1]
    ]
    for name in copied:
        assert (root / name).exists(), name
        assert f"!{name}" in ignored, name


def test_compose_says_only_what_its_specification_knows(compose):
    assert {key for key in compose if not key.startswith("x-")} == {
        "name", "networks", "secrets", "services", "volumes",
    }  # fmt: skip
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert "build" in service or re.search(r":[\w.-]*\d", service["image"]), name
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in compose["volumes"], name
        assert set(service.get("secrets", ())) <= set(compose["secrets"]), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in compose["services"][other]


def test_without_a_profile_one_service_starts_that_needs_no_secret(compose):
    plain = [name for name, service in compose["services"].items() if "profiles" not in service]
    assert plain == ["nova"]
    assert "secrets" not in compose["services"]["nova"]


def test_only_this_machine_reaches_it_until_a_proxy_is_put_before_it(compose):
    for name, service in compose["services"].items():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
    subnet = compose["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    environment = compose["services"]["nova"]["environment"]
    assert environment["NOVA_SERVER_TRUSTED_PROXIES"] == subnet


def test_no_password_has_a_default(root, compose):
    text = (root / "compose.yaml").read_text()
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|API_KEY|TOKEN", key) and not key.endswith("_FILE"):
                assert value == f"${{{key}:-}}", (name, key)
    # In an address, what stands before the @ comes from a secret.
    assert all("$$(cat /run/secrets/" in each for each in re.findall(r"//\S*?:(.*?)@", text))
    assert {each["file"] for each in compose["secrets"].values()} == {
        f"deploy/secrets/{name}" for name in compose["secrets"]
    }
    assert "/deploy/secrets/" in (root / ".gitignore").read_text()


def test_every_command_line_is_one_that_a_shell_reads(compose):
    for name, service in compose["services"].items():
        words = service.get("entrypoint", ())
        if words:
            script = words[-1].replace("$$", "$")
            assert words[:-1] == ["sh", "-c"], name
            assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0, name


def test_secrets_are_made_once_and_are_hard_to_guess(root, tmp_path, compose, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("make_secrets", root / "tools/make_secrets.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "FOLDER", tmp_path / "secrets")
    assert tool.main() == 0
    made = {path.name: path.read_text() for path in tool.FOLDER.iterdir()}
    assert set(made) == set(compose["secrets"])
    assert len(set(made.values())) == len(made)
    assert all(len(value) >= 40 and re.fullmatch(r"[\w-]+", value) for value in made.values())
    assert stat.S_IMODE(tool.FOLDER.stat().st_mode) == 0o700
    assert tool.main() == 0
    assert {path.name: path.read_text() for path in tool.FOLDER.iterdir()} == made
    assert "there already" in capsys.readouterr().out
