"""The way to a server: who answers there, what is tried again, and where the key goes."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from novacore import journal, memory, remote, settings
from novacore.remote.channel import HTTPChannel

IMPATIENT = settings.RemoteConfig(retry_ms=0)
PATIENT = settings.RemoteConfig(retry_ms=20_000)
WELCOME = {"format": 1, "tenant": "local", "owner": "me", "limits": {"list_max": 7, "unheard": 1}}


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        size = int(self.headers.get("content-length", 0))
        self.server.asked.append((self.path, dict(self.headers), self.rfile.read(size)))
        answers = self.server.answers
        status, body, headers = answers.pop(0) if len(answers) > 1 else answers[0]
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _answer  # noqa: N815 - as the library calls them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = []
        self.answers = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def play(self, *answers):
        """Answers in order, (status, body, headers) each; the last one again and again."""
        self.answers = [(*each, {})[:3] for each in answers]
        self.asked.clear()


@pytest.fixture(scope="module")
def server():
    with _Server() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server, config=IMPATIENT):
    channel = HTTPChannel(server.url, "nova_key", config=config)
    try:
        return channel.ask("POST", "appends", query={"a": 1, "b": "ü&"}, body=b"{}")
    finally:
        channel.close()


def told(type_name, kind="refused", **facts):
    error = {
        "type": type_name,
        "kind": kind,
        "message": f"{type_name}!",
        "hint": "do this",
        "facts": facts,
    }
    return {"error": {"message": "outer", "hint": "", "nova": error}}


def test_the_key_goes_along_and_the_query_is_what_it_was(server):
    server.play((200, b"answer"))
    assert ask(server) == b"answer"
    ((path, headers, body),) = server.asked
    assert path == "/api/v1/store/appends?a=1&b=%C3%BC%26"
    assert headers["Authorization"] == "Bearer nova_key"
    assert (headers["Content-Type"], body) == ("application/json", b"{}")


def test_the_key_is_not_carried_to_where_a_server_points(server):
    server.play((302, b"", {"location": f"{server.url}/elsewhere"}))
    with pytest.raises(remote.ServerStrange, match="302"):
        ask(server)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((401, {"error": {"message": "no"}}), remote.KeyRefused),
        ((403, {"error": {"message": "no scope memory"}}), remote.AccessRefused),
        ((404, b"<html>"), remote.ServerStrange),
        ((413, b""), journal.EntryRefused),
        ((500, {"error": {"message": "broke"}}), journal.StorageFailed),
        ((503, {"error": {"message": "draining"}}), remote.ServerBusy),
        ((429, b"", {"Retry-After": "7"}), remote.ServerBusy),
        ((409, told("NameTaken", name="talk", workspace="w")), journal.NameTaken),
        ((409, told("QueryRefused")), memory.QueryRefused),
        ((500, told("Corrupt", "corrupt", position=3, session_id="s")), journal.Corrupt),
        ((409, told("NeverHeardOf")), journal.JournalError),
        ((503, told("NeverHeardOf", "unavailable")), remote.ServerBusy),
    ],
)
def test_each_refusal_is_an_error_of_its_own(server, answer, expected):
    server.play(answer)
    with pytest.raises(expected) as caught:
        ask(server)
    assert type(caught.value) is expected


def test_a_told_error_has_its_words_and_facts(server):
    server.play((409, told("PositionConflict", session_id="s", expected=1, actual=2)))
    with pytest.raises(journal.PositionConflict) as caught:
        ask(server)
    error = caught.value
    assert (error.message, error.hint) == ("PositionConflict!", "do this")
    assert (error.session_id, error.expected, error.actual) == ("s", 1, 2)


def test_a_server_that_is_busy_is_asked_again(server):
    server.play((503, b"", {"Retry-After": "0"}), (429, b"", {"Retry-After": "0"}), (200, b"done"))
    assert ask(server, PATIENT) == b"done"
    assert len(server.asked) == 3


def test_nobody_at_an_address_is_said_plainly():
    with pytest.raises(remote.ServerAway, match="nobody takes the connection"):
        remote.connect("http://127.0.0.1:9", "nova_key", config=IMPATIENT)


@pytest.mark.parametrize(
    "url",
    ["nova.example.org", "ftp://x", "https://", "http://a:99999", "http://u:p@x", "http://x?a"],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(remote.AddressInvalid):
        remote.connect(url, "nova_key")


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_what_is_no_key_is_not_sent(server, key):
    server.play((200, WELCOME))
    with pytest.raises(remote.KeyRefused):
        remote.connect(server.url, key)
    assert server.asked == []


@pytest.mark.parametrize("answer", [b"<html>", {}, WELCOME | {"format": 99}])
def test_something_else_at_an_address_is_not_taken_for_a_server(server, answer):
    server.play((200, answer))
    with pytest.raises(remote.ServerStrange):
        remote.connect(server.url, "nova_key", config=IMPATIENT)


def test_limits_of_the_server_hold_here_as_far_as_they_are_known(server):
    server.play((200, WELCOME))
    with remote.connect(server.url, "nova_key", config=IMPATIENT) as store:
        server.play((200, {"sessions": [], "next": None}))
        assert store.list_sessions() == []
        assert store.scope == journal.Scope(owner="me")
        assert store.has_tiers is False
        server.play((200, b"not json"))
        with pytest.raises(journal.StorageFailed):
            store.list_sessions()


def test_a_closed_channel_asks_nobody(server):
    server.play((200, b""))
    channel = HTTPChannel(server.url, "nova_key", config=PATIENT)
    channel.close()
    with pytest.raises(journal.StoreClosed):
        channel.ask("GET", "")
    assert server.asked == []


def test_a_model_is_found_by_its_name_there(server):
    server.play((200, {"id": "large", "context_window": 9_000, "max_output_tokens": 100}))
    found = remote.find_model(server.url, "nova_key", name="a/b", config=IMPATIENT)
    assert (found.id, found.context_window, found.max_output_tokens) == ("large", 9_000, 100)
    assert server.asked[0][0] == "/v1/models/a%2Fb"
    server.play((404, {"error": {"message": "There is no model 'x'."}}))
    with pytest.raises(remote.ServerStrange, match="no model"):
        remote.find_model(server.url, "nova_key", name="x", config=IMPATIENT)
