"""Real `nova work` processes, a real mail server, and a kill in the middle of a letter."""

import collections
import email
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from novacore import bootstrap, database, settings, workers

ROOT = Path(__file__).resolve().parents[2]
LETTERS = 10
LIMIT_S = 60.0
pytestmark = pytest.mark.heavy


class Post(Controller):
    """A mail server that takes no letter before it is told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.taken: list[str] = []
        self.open = threading.Event()
        self.is_away = False
        super().__init__(self, hostname="127.0.0.1", port=0)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        told = email.message_from_bytes(envelope.content)["Message-ID"]
        self.begun.append(told)
        if self.is_away:
            return "451 come back later"
        while not self.open.is_set():
            await server.loop.run_in_executor(None, self.open.wait, 0.05)
        self.taken.append(told)
        return "250 OK"


@pytest.fixture
def post():
    made = Post()
    made.start()
    yield made
    made.open.set()
    made.stop()


@pytest.fixture
def env(tmp_path, post):
    return {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "NOVA_DATA_DIR": str(tmp_path / "data"),
        "NOVA_TIERS_PROJECTOR": "off",
        "NOVA_MAIL_SMTP_HOST": "127.0.0.1",
        "NOVA_MAIL_SMTP_PORT": str(post.port),
        "NOVA_MAIL_SMTP_TLS": "none",
        "NOVA_WORKERS_CONCURRENCY": "2",
        "NOVA_WORKERS_POLL_MS": "50",
        "NOVA_WORKERS_BEAT_MS": "100",
        "NOVA_WORKERS_DEAD_AFTER_MS": "1000",
        "NOVA_WORKERS_LEASE_MS": "1500",
    }


@pytest.fixture
def platform(env, tmp_path):
    opened = bootstrap.open_platform(
        settings.load(env=env, workspace=tmp_path), announce=lambda line: None
    )
    yield opened
    opened.close()


@pytest.fixture
def begin(env, tmp_path):
    """Starts `nova work`; gives it once it works."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-m", "novacore.cli", "work"],
            cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert "Working" in process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(condition):
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)


def test_no_letter_is_lost_and_only_the_interrupted_ones_are_sent_again(platform, post, begin):
    with platform.database.begin() as connection:
        for number in range(LETTERS):
            database.put(
                connection, "mail", id=f"letter-{number}", now_us=1,
                payload={
                    "template": "verify", "to": f"p{number}@example.org",
                    "params": {"link": "https://nova.example.org/verify?token=x"},
                },
            )  # fmt: skip
    first, second = begin(), begin()
    until(lambda: len(post.begun) == 4)
    with platform.database.read() as connection:
        found = connection.execute(database.OUTBOX.select()).all()
    lost = {f"<{row.id}@localhost>" for row in found if f"-{first.pid}-" in (row.holder or "")}
    assert len(lost) == 2
    os.kill(first.pid, signal.SIGKILL)
    begin()
    until(lambda: len(post.begun) > 4)
    post.open.set()
    until(lambda: workers.get_status(platform).waiting == 0)

    sent = collections.Counter(post.taken)
    assert sent.keys() == {f"<letter-{number}@localhost>" for number in range(LETTERS)}
    assert {each for each, count in sent.items() if count > 1} <= lost
    assert workers.get_status(platform).dead == 0
    # Told to stop, a worker ends by itself.
    second.send_signal(signal.SIGTERM)
    assert second.wait(LIMIT_S) == 0


def test_letters_wait_while_the_mail_server_takes_none_and_status_says_so(
    platform, post, begin, env, tmp_path
):
    post.is_away = True
    post.open.set()
    platform.identity.administration.invite("guest@example.org")
    env["NOVA_WORKERS_BACKOFF_MS"] = "500"
    begin()
    until(lambda: workers.get_status(platform).retrying == 1)
    told = subprocess.run(
        [sys.executable, "-m", "novacore.cli", "work", "--status"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Waiting: 1, of them tried in vain: 1." in told
    assert "451 come back later" in told
    assert "guest@example.org" not in told
    post.is_away = False
    until(lambda: workers.get_status(platform).waiting == 0)
    assert len(post.taken) == 1
    assert workers.get_status(platform).state == "ok"
