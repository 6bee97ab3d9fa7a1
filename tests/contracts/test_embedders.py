"""Every embedder against the text of `llm.Embedder`; the API's ones with a real server."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from novacore import llm

pytestmark = pytest.mark.heavy

_KINDS = ("wordllama", "minilm", "openai", "ollama")
_TEXTS = ["A cat sat by the stove.", "The kitten was sleeping.", "Interest rates went up."]


class _Handler(BaseHTTPRequestHandler):
    """Answers in either format with vectors that depend on the text alone."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server: _Server = self.server  # pyright: ignore[reportAssignmentType]
        server.asked.append(asked["input"])
        if server.failures:
            self._answer(server.failures.pop(0), {"error": {"message": "busy"}})
            return
        rows = [_row(text) for text in asked["input"]]
        if self.path.endswith("/api/embed"):
            self._answer(200, {"embeddings": rows})
            return
        data = [{"index": at, "embedding": row} for at, row in enumerate(rows)]
        self._answer(200, {"data": data[::-1]})

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        if status != 200:
            self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[list[str]] = []
        self.failures: list[int] = []


def _row(text: str) -> list[float]:
    return [byte / 255 - 0.4 for byte in hashlib.sha256(text.encode()).digest()[:16]]


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    with _Server() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def _config(kind: str, server: _Server, **fields: object) -> llm.EmbeddingConfig:
    is_remote = kind in ("openai", "ollama")
    url = f"http://127.0.0.1:{server.server_port}" + ("/v1" if kind == "openai" else "")
    return llm.EmbeddingConfig(
        embedder=kind, base_url=url if is_remote else "", batch_texts=2, **fields
    )


@pytest.fixture(params=_KINDS)
def embedder(request: pytest.FixtureRequest, server: _Server) -> Iterator[llm.Embedder]:
    made = llm.open_embedder(_config(request.param, server))
    assert made is not None
    with contextlib.closing(made):
        yield made


def test_it_gives_a_unit_vector_for_each_text_in_their_order(embedder: llm.Embedder) -> None:
    rows = embedder.embed(_TEXTS)
    assert rows.shape == (3, embedder.dimensions)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.array_equal(rows[2], embedder.embed([_TEXTS[2]])[0])


def test_the_same_text_has_the_same_bytes_in_whatever_batch_it_stands(
    embedder: llm.Embedder,
) -> None:
    alone = embedder.embed([_TEXTS[0]])
    among = embedder.embed([_TEXTS[1] * 9, _TEXTS[0], _TEXTS[2]])
    assert alone[0].tobytes() == among[1].tobytes()


def test_no_texts_give_no_rows(embedder: llm.Embedder) -> None:
    embedder.embed(_TEXTS[:1])
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_an_empty_and_a_very_long_text_have_a_row_of_finite_numbers(
    embedder: llm.Embedder,
) -> None:
    rows = embedder.embed(["", "word " * 50_000])
    assert np.isfinite(rows).all()


def test_half_a_surrogate_pair_is_read_as_a_question_mark(embedder: llm.Embedder) -> None:
    odd, plain = embedder.embed(["tea \ud83d at five", "tea ? at five"])
    assert np.array_equal(odd, plain)


def test_it_can_be_closed_twice_and_used_again(embedder: llm.Embedder) -> None:
    embedder.close()
    embedder.close()
    assert len(embedder.embed(_TEXTS)) == 3
    embedder.close()


@pytest.mark.parametrize("kind", ["wordllama", "minilm"])
def test_a_model_knows_that_cats_are_nearer_to_kittens_than_to_interest_rates(
    kind: str, server: _Server
) -> None:
    made = llm.open_embedder(_config(kind, server))
    assert made is not None
    with contextlib.closing(made):
        cat, kitten, rates = made.embed(_TEXTS)
    assert cat @ kitten > cat @ rates + 0.1


def test_an_api_that_is_busy_is_asked_again(server: _Server) -> None:
    server.failures[:] = [503, 429]
    made = llm.open_embedder(_config("openai", server))
    assert made is not None
    with contextlib.closing(made):
        assert made.embed(["once more"]).shape == (1, 16)


def test_an_api_that_stays_busy_is_given_up_with_its_error(server: _Server) -> None:
    server.failures[:] = [503, 503]
    made = llm.open_embedder(_config("ollama", server, attempts_max=2))
    assert made is not None
    with contextlib.closing(made), pytest.raises(llm.Overloaded) as caught:
        made.embed(["never"])
    assert caught.value.attempts == 2


def test_texts_are_sent_in_requests_of_the_configured_size(server: _Server) -> None:
    made = llm.open_embedder(_config("openai", server))
    assert made is not None
    server.asked.clear()
    with contextlib.closing(made):
        made.embed(["a", "b", "c", "d", "e"])
    assert [len(each) for each in server.asked] == [2, 2, 1]


def test_a_key_of_the_vendor_goes_to_the_vendor_alone() -> None:
    with_address = llm.EmbeddingConfig(embedder="openai", base_url="http://127.0.0.1:9/v1")
    for config, expected in ((with_address, ""), (llm.EmbeddingConfig(embedder="openai"), "k")):
        made = llm.open_embedder(config, vendor_key="k")
        service = vars(made)["_service"]
        assert service.api_key == expected


def test_none_is_no_embedder() -> None:
    assert llm.open_embedder(llm.EmbeddingConfig(embedder="none")) is None
