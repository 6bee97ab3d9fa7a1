"""What the API's document promises, the server does: fuzzed in all phases, without an exclusion."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.load import stage

pytestmark = pytest.mark.heavy

EMAIL, PASSWORD = "root@fuzz.example", "a long enough password"
# The fuzzer signs in every few seconds: passwords as cheap as they go.
CHEAP = ("identity.password_memory_kib=8", "identity.password_passes=1")
RATES = ("requests", "model_requests", "ip_requests", "anonymous_requests", "auth_requests")

_ADMINISTRATOR = """
import sys
from novacore import bootstrap, settings
cheap = dict(each.split("=") for each in sys.argv[4:])
chosen = settings.load(env={}, overrides={"data_dir": sys.argv[1]} | cheap, workspace=sys.argv[1])
platform = bootstrap.open_platform(chosen, announce=lambda line: None)
platform.identity.administration.create(sys.argv[2], password=sys.argv[3], is_admin=True)
platform.close()
"""


@pytest.fixture
def server(tmp_path: Path):
    command = [sys.executable, "-c", _ADMINISTRATOR, str(tmp_path), EMAIL, PASSWORD, *CHEAP]
    subprocess.run(command, check=True, capture_output=True)
    rates = [f"server.{name}_per_minute=1000000" for name in RATES]
    bursts = [f"server.{name}_burst=100000" for name in RATES]
    with (
        stage.upstream("--pieces", "3", "--piece-ms", "1") as port,
        stage.Server(tmp_path, upstream_port=port, settings=[*CHEAP, *rates, *bursts]) as running,
    ):
        yield running


def test_a_fuzzer_finds_nothing_that_the_document_does_not_say(server, tmp_path):
    hooks = Path(__file__).parent / "schemathesis_hooks.py"
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "st"), "run", f"{server.url}/openapi.json"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "5"),
            *("--seed", "20261122", "--continue-on-failure", "--request-timeout", "20"),
        ],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": str(hooks),
            "FUZZED_URL": server.url,
            "FUZZED_EMAIL": EMAIL,
            "FUZZED_PASSWORD": PASSWORD,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
