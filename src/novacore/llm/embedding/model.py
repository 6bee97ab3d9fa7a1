"""What an embedder promises."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """Turns texts into unit vectors. May be used from any thread."""

    @property
    def identity(self) -> str:
        """The model and everything that changes what it gives; equal ones give equal vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """Numbers in one vector. Behind an API it may be known only after the first answer: 0."""
        ...

    @property
    def is_cheap(self) -> bool:
        """True: making a vector again costs less than looking it up."""
        ...

    def embed(self, texts: Sequence[str], *, is_query: bool = False) -> "NDArray[np.float32]":
        """One vector a text, in their order: shape (texts, dimensions), float32, of length 1.

        A text without any word the model knows gives a vector of zeros. An empty sequence gives
        shape (0, dimensions). The same text gives the same bytes, in whatever batch it stands.

        Args:
            texts: of any length; what is over the model's window is left out.
            is_query: True: the texts are questions; some models mark them.

        Raises:
            LLMError: the model does not answer, or refuses.
        """
        ...

    def close(self) -> None:
        """Release what it holds. Idempotent."""
        ...


def whole_text(text: str) -> str:
    """The text with `?` for halves of surrogate pairs: no tokenizer and no API takes those."""
    return text.encode("utf-8", "replace").decode()
