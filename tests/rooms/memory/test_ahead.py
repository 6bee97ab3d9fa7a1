"""Loading ahead: what the first question would load, and nobody's server is asked for it."""

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from novacore import memory


@dataclasses.dataclass
class Told:
    """An embedder that keeps what it was told."""

    is_cheap: bool
    texts: list[str] = dataclasses.field(default_factory=list)
    identity: str = "told"
    dimensions: int = 4

    def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Any:
        assert is_query in (False, True)
        self.texts += texts
        return np.ones((len(texts), 4), dtype=np.float32) / 2

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("is_cheap", [True, False])
def test_an_embedder_of_this_process_is_used_once_and_one_elsewhere_is_left_alone(is_cheap):
    embedder = Told(is_cheap)
    memory.load_ahead(embedder, config=memory.Config(), recall=memory.RecallConfig())
    assert bool(embedder.texts) is is_cheap


def test_what_a_question_loads_is_there_afterwards():
    program = (
        "import sys\n"
        "from novacore import memory\n"
        "assert 'numpy' not in sys.modules\n"
        "memory.load_ahead(None, config=memory.Config(), recall=memory.RecallConfig())\n"
        "assert 'novacore.memory.recall.engine' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
