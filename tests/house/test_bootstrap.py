"""The environment is set up on a machine that lacks what Python usually brings along."""

import base64
import hashlib
import http.server
import json
import subprocess
import sys
import threading

import pytest

import bootstrap
import package_index

WHEEL = b"PK not really a wheel, but the bytes that the lock knows"
DIGEST = hashlib.sha256(WHEEL).hexdigest()
NAME = "pip-26.3-py3-none-any.whl"
PAGES = {
    "json": (
        "application/vnd.pypi.simple.v1+json",
        json.dumps({"files": [{"filename": NAME, "url": f"../../store/{NAME}"}]}),
    ),
    "html": ("text/html", f'<a href="/store/{NAME}#sha256={DIGEST}">{NAME}</a>'),
    "other": ("text/html", '<a href="/store/pip-1.0.tar.gz">pip-1.0.tar.gz</a>'),
    "broken": ("application/vnd.pypi.simple.v1+json", "{]"),
}


class _Index(http.server.BaseHTTPRequestHandler):
    """A package index: /json, /html, … are indexes that answer in that form."""

    def do_GET(self) -> None:
        parts = self.path.strip("/").split("/")
        self.server.seen.append(self.headers.get("Authorization", ""))
        if parts[0] == "store":
            self._answer("application/octet-stream", WHEEL)
        elif parts[0] in PAGES and parts[1:] == ["pip"]:
            kind, text = PAGES[parts[0]]
            self._answer(kind, text.encode())
        else:
            self.send_error(404)

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it so
        return


@pytest.fixture
def index():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Index)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def no_pip_settings(monkeypatch, tmp_path):
    for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CERT", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


def _fetch(folder, digest=DIGEST):
    return package_index.fetch_wheel("pip", "26.3", digests=frozenset({digest}), folder=folder)


@pytest.mark.parametrize("form", ["json", "html"])
def test_pip_is_fetched_from_the_index_that_the_environment_names(
    form, index, no_pip_settings, tmp_path
):
    no_pip_settings.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.server_port}/{form}")
    assert _fetch(tmp_path).read_bytes() == WHEEL


def test_pip_is_fetched_from_the_index_that_pips_own_file_names(index, no_pip_settings, tmp_path):
    config = tmp_path / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text(f"[global]\nindex-url = http://127.0.0.1:{index.server_port}/json/\n")
    assert _fetch(tmp_path).read_bytes() == WHEEL


def test_a_name_and_password_in_the_address_go_into_the_header(index, no_pip_settings, tmp_path):
    address = f"http://ada:s%40fe@127.0.0.1:{index.server_port}/json"
    no_pip_settings.setenv("PIP_INDEX_URL", address)
    _fetch(tmp_path)
    assert index.seen[0] == "Basic " + base64.b64encode(b"ada:s@fe").decode()


def test_a_wheel_with_another_digest_than_the_lock_is_refused(index, no_pip_settings, tmp_path):
    no_pip_settings.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.server_port}/json")
    with pytest.raises(package_index.IndexUnreachable, match="another digest"):
        _fetch(tmp_path, digest="0" * 64)
    assert list(tmp_path.glob("*.whl")) == []


@pytest.mark.parametrize(
    ("form", "problem"),
    [("other", "has no pip-26.3"), ("broken", "no list of files"), ("absent", "HTTP 404")],
)
def test_an_index_without_a_usable_answer_is_named(form, problem, index, no_pip_settings, tmp_path):
    no_pip_settings.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.server_port}/{form}")
    with pytest.raises(package_index.IndexUnreachable, match=problem):
        _fetch(tmp_path)


def test_the_lock_names_the_pip_to_fetch():
    version, digests = bootstrap.locked_pip()
    assert version.split(".")[0].isdigit()
    assert digests
    assert all(len(digest) == 64 for digest in digests)


@pytest.fixture
def environment(tmp_path):
    with bootstrap.only_one(tmp_path / ".venv") as made:
        yield made


@pytest.mark.parametrize("way", ["create", "create_by_hand"])
def test_an_environment_without_pip_stands_alone(way, environment):
    if way == "create":
        environment.create()
    else:
        environment.folder.mkdir()
        environment.create_by_hand()
    told = subprocess.run(
        [environment.python, "-c", "import sys; print(sys.prefix, sys.base_prefix)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert told == [str(environment.folder), sys.base_prefix]


def test_a_run_that_was_killed_leaves_a_mark_and_nothing_is_believed(environment):
    environment.create()
    wanted = bootstrap.wanted_stamp("dev")
    environment.write_stamp(wanted)
    assert bootstrap.is_current(environment.stamp(), "dev")
    environment.unfinished_path.touch()
    assert environment.stamp() == {}
    assert not bootstrap.is_current(environment.stamp(), "dev")


def test_starting_anew_removes_what_a_killed_run_left(environment):
    environment.create()
    left_over = environment.folder / "half-installed"
    left_over.touch()
    environment.create()
    assert not left_over.exists()


def test_an_environment_for_tests_serves_the_product_too_but_not_the_other_way_round():
    tests, product = bootstrap.wanted_stamp("dev"), bootstrap.wanted_stamp("local")
    assert bootstrap.is_current(tests, "local")
    assert not bootstrap.is_current(product, "dev")
    assert bootstrap.can_grow(product, "dev")


@pytest.mark.parametrize("changed", ["python", "root", "build", "project", "dev"])
def test_a_changed_interpreter_folder_or_lock_is_noticed(changed):
    stamp = {**bootstrap.wanted_stamp("dev"), changed: "something else"}
    assert not bootstrap.is_current(stamp, "dev")
    assert bootstrap.can_grow(stamp, "dev") == (changed == "project")


def test_a_second_run_takes_its_turn(environment):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap, pathlib, fcntl\n"
        "lock = open(sys.argv[2] + '.lock', 'w')\n"
        "try: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError: print('waits')\n"
    )
    tools = str(bootstrap.ROOT / "tools")
    told = subprocess.run(
        [sys.executable, "-c", script, tools, str(environment.folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "waits\n"
