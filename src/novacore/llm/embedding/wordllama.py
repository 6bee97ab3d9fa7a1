"""Static word vectors of the wheel `wordllama`, averaged: 20,000 texts a second on one core.

The weights and the tokenizer are read from the installed package's files, without importing it:
its own loader configures logging and looks for a network.
"""

import importlib.util
import json
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from novacore.llm.embedding.model import whole_text
from novacore.llm.errors import DigestWrong, EmbedderMissing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WEIGHTS: Final = "weights/l2_supercat_256.safetensors"
_TOKENIZER: Final = "tokenizers/l2_supercat_tokenizer_config.json"
_HEADER_BYTES_MAX: Final = 1024 * 1024
_CHARS_MAX: Final = 65_536
_BATCH: Final = 256
_FEW: Final = 16


class WordLlamaEmbedder:
    """A `model.Embedder`. The weights (16 MB) are read at its first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._weights: NDArray[np.float32] | None = None
        self._tokenizer: Any = None

    @property
    def identity(self) -> str:
        """Its name, with the weights' file and how they are pooled."""
        return "wordllama/l2_supercat_256/mean"

    @property
    def dimensions(self) -> int:
        """256."""
        return 256

    @property
    def is_cheap(self) -> bool:
        """True: 30 µs a text."""
        return True

    def embed(self, texts: Sequence[str], *, is_query: bool = False) -> "NDArray[np.float32]":
        """The mean of the words' vectors, made a unit vector; see `Embedder.embed`.

        Raises:
            EmbedderMissing: the package is not installed.
            DigestWrong: its weights are not of the form we know.
        """
        import numpy as np  # noqa: PLC0415 - loads in 0.1 s

        weights, tokenizer = self._loaded()
        made = np.zeros((len(texts), weights.shape[1]), np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = [whole_text(text[:_CHARS_MAX]) for text in texts[start : start + _BATCH]]
            found = _encoded(tokenizer, batch)
            for row, encoding in enumerate(found, start):
                if encoding.ids:
                    total = weights[encoding.ids].sum(axis=0, dtype=np.float32)
                    length = float(np.sqrt(np.dot(total, total)))
                    if length > 0:
                        made[row] = total / np.float32(length)
        return made

    def close(self) -> None:
        """Forget the weights; the next use reads them again."""
        with self._lock:
            self._weights = self._tokenizer = None

    def _loaded(self) -> "tuple[NDArray[np.float32], Any]":
        with self._lock:
            if self._weights is None:
                folder = package_folder()
                if folder is None:
                    raise EmbedderMissing(
                        "The embedder wordllama is not installed.",
                        hint="Run: pip install 'novacore[recall]'",
                    )
                self._tokenizer = _read_tokenizer(folder / _TOKENIZER)
                self._weights = _read_weights(folder / _WEIGHTS)
            return self._weights, self._tokenizer


def _encoded(tokenizer: Any, texts: Sequence[str]) -> Sequence[Any]:
    """The words of each text, as numbers."""
    if len(texts) <= _FEW:
        # A batch goes to threads of the tokenizer's own: for few texts that takes three times as
        # long, and where processors are busy much longer.
        return [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    return tokenizer.encode_batch(texts, add_special_tokens=False)


def package_folder() -> Path | None:
    """Where the package is installed; None: it or its tokenizers library isn't."""
    found = importlib.util.find_spec("wordllama")
    places = found.submodule_search_locations if found else None
    if not places or importlib.util.find_spec("tokenizers") is None:
        return None
    folder = Path(next(iter(places)))
    return folder if (folder / _WEIGHTS).is_file() else None


def _read_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer  # noqa: PLC0415 - an optional package

    tokenizer: Any = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _read_weights(path: Path) -> "NDArray[np.float32]":
    """The one matrix of a safetensors file: a length, a JSON header, then the numbers."""
    import numpy as np  # noqa: PLC0415 - loads in 0.1 s

    content = path.read_bytes()
    try:
        (size,) = struct.unpack_from("<Q", content)
        if size > _HEADER_BYTES_MAX:
            raise ValueError
        header: dict[str, Any] = json.loads(content[8 : 8 + size])
        facts = next(facts for name, facts in header.items() if name != "__metadata__")
        kind = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}[facts["dtype"]]
        begin, end = facts["data_offsets"]
        raw = np.frombuffer(content[8 + size + begin : 8 + size + end], dtype=kind)
        return raw.reshape(facts["shape"]).astype(np.float32)
    except (ValueError, KeyError, StopIteration, struct.error) as error:
        raise DigestWrong(f"{path} is not the file of vectors that we know.") from error
